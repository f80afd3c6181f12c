//! The state that every reader and validator shares: where it is, what it found so far, and what it may still use.
//!
//! Readers push a [`Segment`] per element on the way down, which costs nothing; the path becomes text only when a
//! finding needs it.

use std::fmt::{Display, Write as _};

use crate::bundle::Bundle;
use crate::document::Document;
use crate::finding::{Finding, Position, ReadError, Rule, Severity};
use crate::lines::Lines;
use crate::primitive::{AnyPrimitive, Companions, ScalarKind, Verdict};
use crate::primitives::is_id;
use crate::weight::{PIECE, Weight};

/// Bounds on what a reader accepts, against hostile input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Length of the text in bytes. Default 64 MiB.
    pub bytes: usize,
    /// Nesting of elements or objects. Default 96; the deepest official example needs 19.
    pub depth: usize,
    /// Entries of one bundle. Default 100,000.
    pub entries: usize,
    /// Findings kept by a tolerant read; later ones are counted, not kept. Default 1,000, or fewer: in memory they may take
    /// twice the length of the text and 16 KiB.
    pub findings: usize,
    /// Size of the value in memory as a multiple of its length as text, beyond a free 24 KiB. Default 14.
    ///
    /// The length is what the content needs at least when it is written on one line in either format: white space,
    /// comments and names in end tags do not count. So what is read once is read again when it was written, in either
    /// format. Ordinary content needs two to five; `[{},{},{},...]` would need hundreds.
    pub expansion: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 64 << 20, depth: 96, entries: 100_000, findings: 1_000, expansion: 14 }
    }
}

/// Memory that a value may take whatever its length.
const FREE: usize = 24 << 10;

/// Memory that the findings of a text may take.
const fn findings_room(length: usize) -> usize {
    length.saturating_mul(2).saturating_add(16 << 10)
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
    repairs_narratives: bool,
    limits: Limits,
    path: Vec<Segment>,
    findings: Vec<Finding>,
    suppressed: usize,
    /// The gravest severity found, kept or not.
    worst: Option<Severity>,
    lines: Lines<'text>,
    budget: usize,
    /// The budget at the start.
    allowance: usize,
    /// Length of values and names that the document holds for certain: not all of them.
    earned: usize,
    /// Whether something was kept as unknown that may be a field in the other format: its weight was not seen on the way.
    has_strays: bool,
    /// Memory that findings may still take.
    findings_room: usize,
}

impl<'text> Report<'text> {
    /// For reading `text`.
    pub(crate) fn reading(text: &'text [u8], strict: bool, limits: Limits) -> Self {
        let budget = text.len().saturating_mul(limits.expansion).saturating_add(FREE);
        Self {
            text: Some(text),
            strict,
            repairs_narratives: false,
            limits,
            path: Vec::new(),
            findings: Vec::new(),
            suppressed: 0,
            worst: None,
            lines: Lines::new(text),
            budget,
            allowance: budget,
            earned: 0,
            has_strays: false,
            findings_room: findings_room(text.len()),
        }
    }

    /// For checking a value in memory: no text, no positions, never stops early.
    pub(crate) fn checking() -> Self {
        let limits = Limits { findings: usize::MAX, ..Limits::default() };
        let budget = usize::MAX;
        Self {
            text: None,
            strict: false,
            repairs_narratives: false,
            limits,
            path: Vec::new(),
            findings: Vec::new(),
            suppressed: 0,
            worst: None,
            lines: Lines::new(b""),
            budget,
            allowance: budget,
            earned: 0,
            has_strays: false,
            findings_room: usize::MAX,
        }
    }

    /// The same, for a read that repairs narratives.
    pub(crate) fn repairing(self, repairs_narratives: bool) -> Self {
        Self { repairs_narratives, ..self }
    }

    pub(crate) fn repairs_narratives(&self) -> bool {
        self.repairs_narratives
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

    /// Steps down to a value that nothing can stand in: the depth limit is about what is around it.
    #[inline]
    pub(crate) fn step(&mut self, name: &'static str, index: Option<usize>) {
        self.path.push((name, index));
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
            None => Err(self.too_heavy(offset)),
        }
    }

    /// Accounts for the growth of a list, which takes the old and the new place while its items move.
    #[inline]
    pub(crate) fn charge_growth(
        &mut self,
        growth: usize,
        is_empty: bool,
        offset: usize,
    ) -> Result<(), Failure> {
        let moving = if is_empty { 0 } else { growth };
        if self.budget < growth + moving {
            return Err(self.too_heavy(offset));
        }
        self.budget -= growth;
        Ok(())
    }

    /// Notes that something is kept as unknown that may be a field in the other format.
    pub(crate) fn stray(&mut self) {
        self.has_strays = true;
    }

    /// Notes a name and a value that the document holds now, with the least that stands around them.
    #[inline]
    pub(crate) fn earn(&mut self, name: &str, value: usize) {
        self.earned += name.len() + PIECE + value;
    }

    #[cold]
    fn too_heavy(&self, offset: usize) -> Failure {
        let limit = format!("more than {} times its length on one line in memory", self.limits.expansion);
        self.limit(limit, offset)
    }

    /// Fails if a document takes too much memory for what it says (see [`Limits::expansion`]).
    pub(crate) fn weigh(&self, document: &Document) -> Result<(), Failure> {
        // Nearly always what was seen on the way is enough to know. A list that moves adds half of all at most.
        let most = (self.allowance - self.budget).saturating_mul(3) / 2;
        if !self.has_strays && most <= self.earned.saturating_mul(self.limits.expansion) {
            return Ok(());
        }
        if Weight::of(document, self.limits.expansion).excess() <= FREE {
            return Ok(());
        }
        Err(self.too_heavy(self.text.map_or(0, <[u8]>::len)))
    }

    /// Accounts for the companions of a value that is to get some.
    #[inline]
    pub(crate) fn charge_companions(
        &mut self,
        value: &dyn AnyPrimitive,
        offset: usize,
    ) -> Result<(), Failure> {
        if value.companions().is_none() { self.charge(size_of::<Companions>(), offset) } else { Ok(()) }
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

    /// Where byte `offset` of the text is.
    pub(crate) fn position(&self, offset: usize) -> Position {
        self.lines.position(offset)
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
        self.worst = self.worst.max(Some(severity));
        if !ends && (self.findings.len() >= self.limits.findings || self.findings_room == 0) {
            self.suppressed += 1;
            return Ok(());
        }
        let finding = Finding {
            severity,
            rule,
            path: self.path_of(name),
            position: self.text.map(|_| self.position(offset)),
            expected: expected.to_string(),
            found: excerpt(&found.to_string()),
        };
        if ends {
            return Err(Box::new(ReadError::Invalid(Box::new(finding))));
        }
        match self.findings_room.checked_sub(finding.memory()) {
            Some(room) => {
                self.findings_room = room;
                if self.findings.len() == self.findings.capacity() {
                    self.findings.reserve_exact(self.findings.len() / 4 + 4);
                }
                self.findings.push(finding);
            }
            None => {
                // No room for a smaller one either: those that are kept are the first ones.
                self.findings_room = 0;
                self.suppressed += 1;
            }
        }
        Ok(())
    }

    /// Counts findings that were not kept before they came here.
    pub(crate) fn suppress(&mut self, findings: usize) {
        self.suppressed += findings;
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

    /// Records what is wrong with a value, if anything is.
    #[cold]
    pub(crate) fn value(
        &mut self,
        name: &str,
        value: &dyn AnyPrimitive,
        verdict: Verdict,
        offset: usize,
    ) -> Result<(), Failure> {
        let found = value.wire_text().unwrap_or_default();
        let (severity, rule, expected) = match verdict {
            Verdict::Valid | Verdict::Unusual => return Ok(()),
            Verdict::Lax => (Severity::Warning, Rule::FORMAT, value.kind().describe_prose()),
            Verdict::Invalid => {
                let rule = match value.kind() {
                    _ if found.is_empty() => Rule::EMPTY,
                    ScalarKind::ListedCode => Rule::CODE,
                    _ => Rule::FORMAT,
                };
                (Severity::Error, rule, value.kind().describe())
            }
        };
        self.find((severity, rule), name, offset, expected, format_args!("{found:?}"))
    }

    /// Records what is wrong with the deleted entries of a bundle.
    pub(crate) fn tombstones(&mut self, bundle: &Bundle, offset: usize) -> Result<(), Failure> {
        for (index, entry) in bundle.entry.iter().enumerate() {
            for (name, expected, found) in entry.tombstone_problems() {
                self.enter("entry", Some(index), offset)?;
                self.find((Severity::Error, Rule::BUNDLE), name, offset, expected, found)?;
                self.leave();
            }
        }
        Ok(())
    }

    /// Records an id that is none by the schema.
    pub(crate) fn id(&mut self, id: &str, offset: usize) -> Result<(), Failure> {
        if is_id(id) {
            return Ok(());
        }
        let rule = if id.is_empty() { Rule::EMPTY } else { Rule::FORMAT };
        let expected = ScalarKind::Id.describe();
        self.find((Severity::Error, rule), "id", offset, expected, format_args!("{id:?}"))
    }

    /// What was found, in the order of the text.
    pub(crate) fn into_findings(mut self) -> Findings {
        self.findings.sort_by_key(|finding| finding.position);
        let memory = (self.allowance - self.budget).saturating_add(self.text.map_or(0, <[u8]>::len));
        Findings { kept: self.findings, suppressed: self.suppressed, worst: self.worst, memory }
    }
}

/// All that a report has to say in the end.
pub(crate) struct Findings {
    pub(crate) kept: Vec<Finding>,
    /// How many more there were than the limit keeps.
    pub(crate) suppressed: usize,
    /// The gravest severity found, kept or not.
    pub(crate) worst: Option<Severity>,
    /// See [`ReadDocument::memory`](crate::ReadDocument::memory).
    pub(crate) memory: usize,
}

/// At most some 80 characters of `text`.
fn excerpt(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
