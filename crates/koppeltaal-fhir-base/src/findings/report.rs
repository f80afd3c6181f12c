//! The state that every reader and validator shares: where it is, what it found so far, and how much it may
//! still use.
//!
//! Readers push a [`PathSegment`](super::PathSegment) per element on the way down, which costs nothing; the
//! path becomes text only when a finding needs it.

use std::fmt::Display;

use super::collector::{FindingList, Findings, NewFinding, Subject};
use super::finding::Position;
use super::lines::Lines;
use super::path::path_text;
use super::rule::{Rule, Severity};
use crate::error::ReadError;
use crate::format::LEAST_MARKUP;
use crate::limits::Limits;
use crate::model::Model;
use crate::primitives::{AnyPrimitive, COMPANIONS_COST};

/// Memory that a value may take whatever its length.
const FREE_MEMORY: usize = 24 << 10;

/// Memory that the findings of a text may take.
const fn findings_room(length: usize) -> usize {
    length.saturating_mul(2).saturating_add(16 << 10)
}

/// A read's error on its way up: boxed, so that the many results without one stay small.
pub type Failure = Box<ReadError>;

pub struct Report<'text> {
    model: &'static Model,
    text: Option<&'text [u8]>,
    strict: bool,
    repairs_narratives: bool,
    limits: Limits,
    findings: Findings,
    lines: Lines<'text>,
    budget: usize,
    /// The budget at the start.
    allowance: usize,
    /// The length of names and values that the document certainly holds. Not all of them are counted.
    earned: usize,
    /// Whether unknown content was kept that may become a field in the other format. Its weight is not
    /// counted during the read.
    has_strays: bool,
}

impl<'text> Report<'text> {
    /// For reading `text`.
    pub fn reading(model: &'static Model, text: &'text [u8], strict: bool, limits: Limits) -> Self {
        let budget = text.len().saturating_mul(limits.expansion).saturating_add(FREE_MEMORY);
        Self {
            model,
            text: Some(text),
            strict,
            repairs_narratives: false,
            limits,
            findings: Findings::bounded(limits.findings, findings_room(text.len())),
            lines: Lines::new(text),
            budget,
            allowance: budget,
            earned: 0,
            has_strays: false,
        }
    }

    /// For checking a value in memory: no text, no positions, never stops early.
    pub fn checking(model: &'static Model) -> Self {
        let budget = usize::MAX;
        Self {
            model,
            text: None,
            strict: false,
            repairs_narratives: false,
            limits: Limits::default(),
            findings: Findings::bounded(usize::MAX, usize::MAX),
            lines: Lines::new(b""),
            budget,
            allowance: budget,
            earned: 0,
            has_strays: false,
        }
    }

    /// The same, for a read that repairs narratives.
    pub fn repairing(self, repairs_narratives: bool) -> Self {
        Self { repairs_narratives, ..self }
    }

    pub fn repairs_narratives(&self) -> bool {
        self.repairs_narratives
    }

    /// The version of FHIR that is read or checked.
    #[inline]
    pub fn model(&self) -> &'static Model {
        self.model
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Steps down into `name`. Fails at the depth limit.
    #[inline]
    pub fn enter(&mut self, name: &'static str, index: Option<usize>, offset: usize) -> Result<(), Failure> {
        if self.findings.path.len() >= self.limits.depth {
            return Err(self.limit(format!("nested deeper than {} levels", self.limits.depth), offset));
        }
        self.findings.path.push((name, index));
        Ok(())
    }

    /// Steps down to a value that cannot have content inside. The depth limit applies to what is around it
    /// only.
    #[inline]
    pub fn step(&mut self, name: &'static str, index: Option<usize>) {
        self.findings.path.push((name, index));
    }

    #[inline]
    pub fn leave(&mut self) {
        self.findings.path.pop();
    }

    /// Accounts for `bytes` of memory that the value takes. Fails when the text expands out of proportion.
    #[inline]
    pub fn charge(&mut self, bytes: usize, offset: usize) -> Result<(), Failure> {
        match self.budget.checked_sub(bytes) {
            Some(left) => {
                self.budget = left;
                Ok(())
            }
            None => Err(self.too_heavy(offset)),
        }
    }

    /// Accounts for the growth of a list. While its items move, it takes both the old and the new place.
    #[inline]
    pub fn charge_growth(&mut self, growth: usize, is_empty: bool, offset: usize) -> Result<(), Failure> {
        let moving = if is_empty { 0 } else { growth };
        if self.budget < growth + moving {
            return Err(self.too_heavy(offset));
        }
        self.budget -= growth;
        Ok(())
    }

    /// Notes that unknown content was kept that may become a field in the other format.
    pub fn note_ambiguous(&mut self) {
        self.has_strays = true;
    }

    /// Notes a name and a value that the document now holds, with the least text that stands around them.
    #[inline]
    pub fn count_text(&mut self, name: &str, value: usize) {
        self.earned += name.len() + LEAST_MARKUP + value;
    }

    /// Fails if a bundle has more entries than the limit.
    pub fn entries(&self, entries: usize, offset: usize) -> Result<(), Failure> {
        if entries <= self.limits.entries {
            return Ok(());
        }
        Err(self.limit(format!("more than {} entries", self.limits.entries), offset))
    }

    #[cold]
    fn too_heavy(&self, offset: usize) -> Failure {
        let limit = format!("more than {} times its length on one line in memory", self.limits.expansion);
        self.limit(limit, offset)
    }

    /// Whether the counts of the read alone show that the document takes no more memory than its length
    /// allows (see [`Limits::expansion`]). They nearly always do.
    pub fn is_in_proportion(&self) -> bool {
        // A list that moves adds at most half of the total.
        let most = (self.allowance - self.budget).saturating_mul(3) / 2;
        !self.has_strays && most <= self.earned.saturating_mul(self.limits.expansion)
    }

    /// Fails if a document takes too many bytes beyond what its length allows.
    pub fn check_excess(&self, excess: usize) -> Result<(), Failure> {
        if excess <= FREE_MEMORY { Ok(()) } else { Err(self.too_heavy(self.text.map_or(0, <[u8]>::len))) }
    }

    /// Accounts for the companions of a value that is about to get some.
    #[inline]
    pub fn charge_companions(&mut self, value: &dyn AnyPrimitive, offset: usize) -> Result<(), Failure> {
        if value.companions().is_none() { self.charge(COMPANIONS_COST, offset) } else { Ok(()) }
    }

    pub fn path(&self) -> String {
        path_text(&self.findings.path, "")
    }

    /// Where byte `offset` of the text is.
    pub fn position(&self, offset: usize) -> Position {
        self.lines.position(offset)
    }

    /// Starts a finding at the element `at` below the current place, or at the place itself if `at` is empty.
    /// `offset` is its byte in the text. In a strict read, a finding of severity error ends the read.
    #[inline]
    pub fn finding<'a>(&'a mut self, rule: Rule, at: &'a str, offset: usize) -> NewFinding<'a, Self> {
        NewFinding::new(self, rule, at, offset)
    }

    #[cold]
    fn keep(
        &mut self,
        subject: Subject<'_>,
        expected: &dyn Display,
        found: &dyn Display,
    ) -> Result<(), Failure> {
        let ends = self.strict && subject.severity == Severity::Error;
        if !ends && !self.findings.count(subject.severity) {
            return Ok(());
        }
        let position = self.text.map(|_| self.position(subject.offset));
        let finding = subject.finding(&self.findings.path, position, expected, found);
        if ends {
            return Err(Box::new(ReadError::Invalid(Box::new(finding))));
        }
        self.findings.keep(finding);
        Ok(())
    }

    /// Counts findings that were not kept before they came here.
    pub fn suppress(&mut self, findings: usize) {
        self.findings.suppress(findings);
    }

    #[cold]
    pub fn malformed(&self, problem: impl Display, offset: usize) -> Failure {
        Box::new(ReadError::Malformed {
            problem: problem.to_string(),
            path: self.path(),
            position: self.position(offset),
        })
    }

    #[cold]
    pub fn not_fhir(&self, problem: impl Display, offset: usize) -> Failure {
        Box::new(ReadError::NotFhir { problem: problem.to_string(), position: self.position(offset) })
    }

    #[cold]
    pub fn limit(&self, limit: impl Display, offset: usize) -> Failure {
        Box::new(ReadError::Limit {
            limit: limit.to_string(),
            path: self.path(),
            position: self.position(offset),
        })
    }

    /// Whether a text is read. A check of a value in memory never ends early.
    pub fn reads_text(&self) -> bool {
        self.text.is_some()
    }

    /// Memory that the document and its text take (see
    /// [`ReadDocument::memory`](crate::ReadDocument::memory)).
    pub fn memory(&self) -> usize {
        (self.allowance - self.budget).saturating_add(self.text.map_or(0, <[u8]>::len))
    }

    /// What was found, in the order of the text.
    pub fn into_findings(self) -> FindingList {
        self.findings.into_list()
    }
}

impl<E: Display> NewFinding<'_, Report<'_>, E> {
    /// What is there instead, shortened if it is long. Keeps the finding, or ends a strict read.
    #[cold]
    pub fn found(self, found: impl Display) -> Result<(), Failure> {
        self.collector.keep(self.subject, &self.expected, &found)
    }
}
