//! Parsers of arguments whose values are fixed words. Help texts list the words.

use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use koppeltaal_fhir::Format;
use koppeltaal_messaging::{Event, ProcessingStatus};

/// `json` or `xml`.
pub(crate) fn format() -> impl TypedValueParser<Value = Format> {
    words(Format::ALL, Format::name)
}

/// The code of an event.
pub(crate) fn event() -> impl TypedValueParser<Value = Event> {
    words(Event::ALL, Event::code)
}

/// The code of a processing status.
pub(crate) fn status() -> impl TypedValueParser<Value = ProcessingStatus> {
    words(ProcessingStatus::ALL, ProcessingStatus::code)
}

fn words<T, const N: usize>(all: [T; N], word: fn(T) -> &'static str) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(all.map(word)).try_map(|text| text.parse::<T>())
}
