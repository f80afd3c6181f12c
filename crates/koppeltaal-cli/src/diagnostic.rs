//! [`Diagnostic`]: one problem of an input, drawn for people with its place and its line of text.

use std::fmt::{self, Write as _};

use clap::builder::styling::{AnsiColor, Style};
use koppeltaal_fhir::{Finding, Position, ReadError, Severity, WriteError};
use unicode_width::UnicodeWidthStr as _;

use crate::excerpt::{Excerpt, Places, visible};

/// A problem of an input.
#[derive(Debug)]
pub(crate) struct Diagnostic {
    /// How much it matters.
    pub(crate) severity: Severity,
    /// The id of the broken rule, or the kind of error.
    pub(crate) rule: &'static str,
    /// What is wrong.
    pub(crate) problem: Problem,
    /// Where in the content; empty for the root.
    pub(crate) path: String,
    /// Where in the text, if it is about a place in the text.
    pub(crate) position: Option<Position>,
}

/// What is wrong.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The input differs from what the standard wants.
    Unexpected { expected: String, found: String },
    /// Anything else, in words.
    Other(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unexpected { expected, found } => write!(f, "expected {expected}, found {found}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// What people read.
pub(crate) fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Information => "remark",
    }
}

impl From<&Finding> for Diagnostic {
    fn from(finding: &Finding) -> Self {
        Self {
            severity: finding.severity,
            rule: finding.rule.id(),
            problem: Problem::Unexpected { expected: finding.expected.clone(), found: finding.found.clone() },
            path: finding.path.clone(),
            position: finding.position,
        }
    }
}

impl From<&ReadError> for Diagnostic {
    fn from(error: &ReadError) -> Self {
        let (rule, problem, path, position) = match error {
            ReadError::Malformed { problem, path, position } => {
                ("malformed", problem, path.as_str(), position)
            }
            ReadError::Limit { limit, path, position } => ("limit", limit, path.as_str(), position),
            ReadError::NotFhir { problem, position } => ("not-fhir", problem, "", position),
            ReadError::Invalid(finding) => return Self::from(&**finding),
            other => return Self::unplaced("unreadable", other.with_content().to_string()),
        };
        Self {
            severity: Severity::Error,
            rule,
            problem: Problem::Other(problem.clone()),
            path: path.to_owned(),
            position: Some(*position),
        }
    }
}

impl From<&WriteError> for Diagnostic {
    fn from(error: &WriteError) -> Self {
        Self::unplaced("unwritable", error.with_content().to_string())
    }
}

impl Diagnostic {
    /// An error without a place in the text.
    pub(crate) fn unplaced(rule: &'static str, problem: String) -> Self {
        let problem = Problem::Other(problem);
        Self { severity: Severity::Error, rule, problem, path: String::new(), position: None }
    }

    /// Draws the problem for people, in several lines with colours. A stream that does not go to a terminal
    /// drops the colours.
    pub(crate) fn draw(&self, places: &mut Places<'_>) -> String {
        let color = match self.severity {
            Severity::Error => AnsiColor::BrightRed,
            Severity::Warning => AnsiColor::Yellow,
            Severity::Information => AnsiColor::BrightGreen,
        };
        let name = severity_name(self.severity);
        let mark = Style::new().bold().fg_color(Some(color.into()));
        let frame = Style::new().bold().fg_color(Some(AnsiColor::BrightBlue.into()));
        let bold = Style::new().bold();

        let path = visible(&self.path);
        let mut drawing = format!(
            "{mark}{name}[{}]{mark:#}{bold}: {}{bold:#}\n",
            self.rule,
            visible(&self.problem.to_string())
        );
        let line = self.position.map_or(String::new(), |position| position.line.to_string());
        let margin = " ".repeat(line.len().max(1));
        let _ = write!(drawing, "{margin}{frame}-->{frame:#} {}", visible(places.name));
        if let Some(position) = self.position {
            let _ = write!(drawing, ":{}:{}", position.line, position.column);
        }
        match self.position.and_then(|position| places.excerpt(position)) {
            Some(Excerpt { before, place, after }) => {
                let indent = " ".repeat(before.width());
                let gap = if path.is_empty() { "" } else { " " };
                let carets = "^".repeat(place.width().max(1));
                let _ = write!(
                    drawing,
                    "\n{margin} {frame}|{frame:#}\n\
                     {frame}{line} |{frame:#} {before}{place}{after}\n\
                     {margin} {frame}|{frame:#} {indent}{mark}{carets}{gap}{path}{mark:#}"
                );
            }
            None if path.is_empty() => {}
            None => {
                let _ = write!(drawing, "\n{margin} {frame}={frame:#} {path}");
            }
        }
        drawing.truncate(drawing.trim_end().len());
        drawing
    }
}
