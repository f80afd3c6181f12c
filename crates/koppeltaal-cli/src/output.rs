//! What a command prints on standard output: lines for people, or JSON objects, one a line, for programs.

use std::io::{self, Write};

use clap::ValueEnum;
use serde::Serialize;

use crate::excerpt::visible;

/// For whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object on each line.
    Json,
}

impl Output {
    /// Prints one thing, and makes sure that it is out.
    pub(crate) fn print(self, thing: &impl Shown) -> io::Result<()> {
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

/// What can be printed either way. The names of its fields are part of the command's interface.
pub(crate) trait Shown: Serialize {
    /// For people.
    fn lines(&self) -> Vec<String>;
}

/// `name: value` for those that have a value, with the values below each other.
pub(crate) fn table(rows: &[(&str, Option<&str>)]) -> Vec<String> {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default() + 1;
    let row = |(name, value): &(&str, Option<&str>)| {
        value.map(|value| format!("{:width$} {value}", format!("{name}:")))
    };
    rows.iter().filter_map(row).collect()
}
