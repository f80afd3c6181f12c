//! What a command prints on standard output: lines for people, or one JSON object per line for programs.

use std::fmt::Display;
use std::io::{self, Write};

use clap::ValueEnum;
use koppeltaal_fhir::Format;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::excerpt::visible;

/// For whom a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object on each line (JSON lines).
    #[value(alias = "jsonl")]
    Json,
}

impl Output {
    /// Tells people on standard error what they would wonder about. Programs see it by what is not printed.
    pub(crate) fn remark(self, text: &str) {
        if self == Self::Text {
            for line in text.lines() {
                anstream::eprintln!("{}", visible(line));
            }
        }
    }

    /// Tells people that a list of this length may have been cut off by its limit.
    pub(crate) fn remark_limit(self, length: usize, limit: usize) {
        if length == limit {
            self.remark(&format!("there may be more: --limit lists more than {limit}"));
        }
    }

    /// Prints one thing and flushes.
    pub(crate) fn print(self, thing: &impl Printable) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        match self {
            Self::Text => {
                for line in thing.lines() {
                    writeln!(out, "{}", visible(&line))?;
                }
            }
            Self::Json => {
                serde_json::to_writer(&mut out, thing)?;
                writeln!(out)?;
            }
        }
        out.flush()
    }
}

/// Warns on standard error of what does not stop the command.
pub(crate) fn warn(text: impl Display) {
    anstream::eprintln!("warning: {}", visible(&text.to_string()));
}

/// A document in the output for programs: JSON as it is, XML as a string.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum DocumentText {
    Json(Box<RawValue>),
    Xml(String),
}

impl DocumentText {
    /// A document that was written in this format, in one line.
    ///
    /// # Errors
    ///
    /// The text is not of that format.
    pub(crate) fn new(format: Format, text: String) -> serde_json::Result<Self> {
        match format {
            Format::Json => RawValue::from_string(text).map(Self::Json),
            Format::Xml => Ok(Self::Xml(text)),
        }
    }
}

/// What can be printed either way. The names of its fields are part of the command's interface.
pub(crate) trait Printable: Serialize {
    /// For people.
    fn lines(&self) -> Vec<String>;
}

/// What a column shows: its value, or a hyphen.
pub(crate) fn or_hyphen(value: Option<&str>) -> &str {
    value.unwrap_or("-")
}

/// The form of a word that goes with this number.
pub(crate) fn plural<'a>(number: impl TryInto<u64>, one: &'a str, many: &'a str) -> &'a str {
    if number.try_into().is_ok_and(|number| number == 1) { one } else { many }
}

/// A line `name: value` for each row that has a value. The values start in the same column.
pub(crate) fn table(rows: &[(&str, Option<&str>)]) -> Vec<String> {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default() + 1;
    let row = |(name, value): &(&str, Option<&str>)| {
        value.map(|value| format!("{:width$} {value}", format!("{name}:")))
    };
    rows.iter().filter_map(row).collect()
}
