//! [`Report`]: what `validate` and `convert` say about one file, and its form for programs.

use std::path::{Path, PathBuf};

use koppeltaal_fhir::{Format, Severity};
use serde::Serialize;

use crate::diagnostic::{Diagnostic, Problem};
use crate::excerpt::visible;
use crate::input::{Input, InputError};
use crate::outcome::Outcome;
use crate::output::DocumentText;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// `validate` has no finding of severity error.
    Valid,
    /// `validate` has a finding of severity error.
    Invalid,
    /// `convert` wrote it in the other format.
    Converted,
    /// It cannot be read. The only finding says why.
    Unreadable,
    /// It cannot be written: the format cannot hold it, or there is a file already. The last finding says
    /// which.
    Unwritten,
}

impl Verdict {
    /// The word for people and programs. It is part of the interface of the commands.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Converted => "converted",
            Self::Unreadable => "unreadable",
            Self::Unwritten => "unwritten",
        }
    }

    pub(crate) fn outcome(self) -> Outcome {
        match self {
            Self::Valid | Self::Converted => Outcome::Success,
            Self::Invalid => Outcome::Negative,
            Self::Unreadable | Self::Unwritten => Outcome::Unusable,
        }
    }
}

/// What there is to say about one file.
#[derive(Debug)]
pub(crate) struct Report {
    /// The file, or `standard input`.
    pub(crate) name: String,
    /// Absent when the file could not be loaded, or is neither JSON nor XML.
    pub(crate) format: Option<Format>,
    pub(crate) verdict: Verdict,
    /// The problems, in the order of the text.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// How many more problems there were.
    pub(crate) suppressed: usize,
    /// The file that `convert` wrote.
    pub(crate) written: Option<PathBuf>,
    /// What `convert` made, unless it wrote a file.
    pub(crate) document: Option<DocumentText>,
}

impl Report {
    pub(crate) fn new(
        input: &Input,
        verdict: Verdict,
        diagnostics: Vec<Diagnostic>,
        suppressed: usize,
    ) -> Self {
        let (name, format) = (input.name().to_owned(), Some(input.format()));
        Self { name, format, verdict, diagnostics, suppressed, written: None, document: None }
    }

    /// The report on a file that cannot be loaded.
    pub(crate) fn unreadable(InputError { name, problem }: InputError) -> Self {
        let diagnostics = vec![Diagnostic::unplaced("unreadable", problem)];
        let verdict = Verdict::Unreadable;
        Self { name, format: None, verdict, diagnostics, suppressed: 0, written: None, document: None }
    }

    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }

    /// The last finding in one line that ends with a newline.
    pub(crate) fn failure(&self) -> String {
        let last = self.diagnostics.last();
        let place = last.and_then(|last| last.position);
        let place = place.map_or_else(String::new, |place| format!(":{}:{}", place.line, place.column));
        let problem = last.map_or_else(String::new, |last| visible(&last.problem.to_string()));
        format!("error: {}{place}: {problem}\n", visible(&self.name))
    }

    /// One JSON object on one line that ends with a newline.
    ///
    /// # Errors
    ///
    /// None that a report can cause.
    pub(crate) fn json(&self) -> serde_json::Result<String> {
        let line = serde_json::to_string(&Line {
            file: &self.name,
            verdict: self.verdict.name(),
            format: self.format.map(Format::name),
            findings: self.diagnostics.iter().map(Finding::from).collect(),
            suppressed: self.suppressed,
            written: self.written.as_deref().map(Path::display).map(|path| path.to_string()),
            document: self.document.as_ref(),
        })?;
        Ok(line + "\n")
    }
}

/// A report for programs. The member names are part of the interface of the commands.
#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    verdict: &'static str,
    /// `json` or `xml`; absent when the file could not be loaded, or holds neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'static str>,
    findings: Vec<Finding<'a>>,
    /// How many more findings there were.
    suppressed: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<&'a DocumentText>,
}

#[derive(Serialize)]
struct Finding<'a> {
    severity: String,
    rule: &'a str,
    path: &'a str,
    /// From 1; absent, like the column, when the finding is not about a place in the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    /// In characters, from 1.
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
