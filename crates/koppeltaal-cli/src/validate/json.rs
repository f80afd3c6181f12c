//! A verdict for programs: one JSON object on one line.

use std::io::{self, Write};

use serde::Serialize;

use super::Verdict;
use crate::diagnostic::{Diagnostic, Problem};
use crate::outcome::Outcome;

/// The verdict on one file. The member names are part of the command's interface.
#[derive(Serialize)]
struct File<'a> {
    file: &'a str,
    /// `valid`: no finding of severity error. `invalid`: at least one. `unreadable`: the only finding says
    /// why.
    verdict: &'static str,
    /// `json` or `xml`; absent when the file holds neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'static str>,
    findings: Vec<Finding<'a>>,
    /// How many more findings there were.
    suppressed: usize,
}

#[derive(Serialize)]
struct Finding<'a> {
    severity: String,
    rule: &'a str,
    path: &'a str,
    /// Line from 1; absent, like the column, when the finding is not about a place in the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    /// Column in characters from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
    /// For people.
    text: String,
    /// What the standard wants there; absent, like `found`, for problems of another kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<&'a str>,
}

pub(super) fn write(verdict: &Verdict, out: &mut impl Write) -> io::Result<()> {
    let file = File {
        file: &verdict.name,
        verdict: match verdict.outcome {
            Outcome::Success => "valid",
            Outcome::Negative => "invalid",
            Outcome::Unusable => "unreadable",
        },
        format: verdict.input.as_ref().map(|input| input.format().name()),
        findings: verdict.diagnostics.iter().map(Finding::from).collect(),
        suppressed: verdict.suppressed,
    };
    serde_json::to_writer(&mut *out, &file)?;
    writeln!(out)
}

impl<'a> From<&'a Diagnostic> for Finding<'a> {
    fn from(diagnostic: &'a Diagnostic) -> Self {
        let (expected, found) = match &diagnostic.problem {
            Problem::Unexpected { expected, found } => (Some(expected.as_str()), Some(found.as_str())),
            Problem::Other(_) => (None, None),
        };
        Self {
            severity: diagnostic.severity.to_string(),
            rule: diagnostic.rule,
            path: &diagnostic.path,
            line: diagnostic.position.map(|position| position.line),
            column: diagnostic.position.map(|position| position.column),
            text: diagnostic.problem.to_string(),
            expected,
            found,
        }
    }
}
