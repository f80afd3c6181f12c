//! How arguments that several commands take are read.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use koppeltaal_fhir::Format;

/// A parser of `json` and `xml`, which help texts name.
pub(crate) fn format() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::name)).try_map(|name| name.parse::<Format>())
}
