//! The state that every reader and validator shares: where it is, what it found so far, and what it may still use.
//!
//! Readers push a [`Segment`] per element on the way down, which costs nothing; the path becomes text only when a
//! finding needs it.

use std::fmt::{Display, Write as _};

use crate::finding::{Finding, Position, ReadError, Rule, Severity};

/// Bounds on what a reader accepts, against hostile input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Length of the text in bytes. Default 64 MiB.
    pub bytes: usize,
    /// Nesting of elements or objects. Default 96; the deepest official example needs 19.
    pub depth: usize,
    /// Entries of one bundle. Default 100,000.
    pub entries: usize,
    /// Findings kept by a tolerant read; later ones are counted, not kept. Default 1,000.
    pub findings: usize,
    /// Size of the value in memory as a multiple of the text's length, beyond a free 64 KiB. Default 16.
    ///
    /// Ordinary content needs two to five; `[{},{},{},...]` would need hundreds.
    pub expansion: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 64 << 20, depth: 96, entries: 100_000, findings: 1_000, expansion: 16 }
    }
}

/// One step of a path: a name, and an index where the element repeats.
pub(crate) type Segment = (&'static str, Option<usize>);

/// A path as text: `entry[1].content.status`.
pub(crate) fn path_text(segments: &[Segment]) -> String {
    let mut path = String::new();
    for (name, index) in segments {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(name);
        if let Some(index) = index {
            let _ = write!(path, "[{index}]");
        }
    }
    path
}

/// A read's error on its way up: boxed, so that the many results without one stay small.
pub(crate) type Failure = Box<ReadError>;

pub(crate) struct Report<'text> {
    text: Option<&'text [u8]>,
    strict: bool,
    limits: Limits,
    path: Vec<Segment>,
    findings: Vec<Finding>,
    suppressed: usize,
    budget: usize,
}

impl<'text> Report<'text> {
    /// For reading `text`.
    pub(crate) fn reading(text: &'text [u8], strict: bool, limits: Limits) -> Self {
        let budget = text.len().saturating_mul(limits.expansion).saturating_add(64 << 10);
        Self {
            text: Some(text),
            strict,
            limits,
            path: Vec::new(),
            findings: Vec::new(),
            suppressed: 0,
            budget,
        }
    }

    /// For checking a value in memory: no text, no positions, never stops early.
    pub(crate) fn checking() -> Self {
        let limits = Limits { findings: usize::MAX, ..Limits::default() };
        let budget = usize::MAX;
        Self {
            text: None,
            strict: false,
            limits,
            path: Vec::new(),
            findings: Vec::new(),
            suppressed: 0,
            budget,
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Steps down into `name`. Fails at the depth limit.
    #[inline]
    pub(crate) fn enter(
        &mut self,
        name: &'static str,
        index: Option<usize>,
        offset: usize,
    ) -> Result<(), Failure> {
        if self.path.len() >= self.limits.depth {
            return Err(self.limit(format!("nested deeper than {} levels", self.limits.depth), offset));
        }
        self.path.push((name, index));
        Ok(())
    }

    #[inline]
    pub(crate) fn leave(&mut self) {
        self.path.pop();
    }

    /// Accounts for `bytes` of memory that the value takes. Fails when the text expands out of proportion.
    #[inline]
    pub(crate) fn charge(&mut self, bytes: usize, offset: usize) -> Result<(), Failure> {
        match self.budget.checked_sub(bytes) {
            Some(left) => {
                self.budget = left;
                Ok(())
            }
            None => {
                Err(self
                    .limit(format!("more than {} times its length in memory", self.limits.expansion), offset))
            }
        }
    }

    pub(crate) fn path(&self) -> String {
        path_text(&self.path)
    }

    /// The path of a child `name` of where the reader is.
    pub(crate) fn path_of(&self, name: &str) -> String {
        let mut path = self.path();
        if !path.is_empty() && !name.is_empty() {
            path.push('.');
        }
        path.push_str(name);
        path
    }

    pub(crate) fn position(&self, offset: usize) -> Position {
        Position::of(self.text.unwrap_or_default(), offset)
    }

    /// Records a finding about the child `name` of where the reader is (or about the place itself if `name` is empty).
    /// In a strict read a finding of severity error ends the read.
    #[cold]
    pub(crate) fn find(
        &mut self,
        (severity, rule): (Severity, Rule),
        name: &str,
        offset: usize,
        expected: impl Display,
        found: impl Display,
    ) -> Result<(), Failure> {
        let ends = self.strict && severity == Severity::Error;
        if !ends && self.findings.len() >= self.limits.findings {
            self.suppressed += 1;
            return Ok(());
        }
        let finding = Finding {
            severity,
            rule,
            path: self.path_of(name),
            position: self.text.map(|text| Position::of(text, offset)),
            expected: expected.to_string(),
            found: excerpt(&found.to_string()),
        };
        if ends {
            return Err(Box::new(ReadError::Invalid(Box::new(finding))));
        }
        self.findings.push(finding);
        Ok(())
    }

    #[cold]
    pub(crate) fn malformed(&self, problem: impl Display, offset: usize) -> Failure {
        Box::new(ReadError::Malformed {
            problem: problem.to_string(),
            path: self.path(),
            position: self.position(offset),
        })
    }

    #[cold]
    pub(crate) fn not_fhir(&self, problem: impl Display, offset: usize) -> Failure {
        Box::new(ReadError::NotFhir { problem: problem.to_string(), position: self.position(offset) })
    }

    #[cold]
    pub(crate) fn limit(&self, limit: impl Display, offset: usize) -> Failure {
        Box::new(ReadError::Limit {
            limit: limit.to_string(),
            path: self.path(),
            position: self.position(offset),
        })
    }

    /// The findings, and how many more there were than the limit keeps.
    pub(crate) fn into_findings(self) -> (Vec<Finding>, usize) {
        (self.findings, self.suppressed)
    }
}

/// At most some 80 characters of `text`.
fn excerpt(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
