//! [`Findings`]: collects what is wrong with a value while a check walks through it.
//!
//! The collector knows where the check is, so that a call says only what it found:
//!
//! ```text
//! findings.inside(&[("entry", Some(1)), ("content", None)], |findings| {
//!     findings.report(rules::REQUESTER, "participant").expected("one in the role Requester").found("none");
//! });
//! ```
//!
//! The severity is that of the rule, in the table of [`rules`]. A call that departs from it says so with
//! [`severity`](NewFinding::severity).

use std::fmt::Write as _;

use koppeltaal_fhir::{Finding, Rule, Severity};

use crate::rules;

/// How many characters of the content a finding quotes. The readers of DSTU1 quote as many.
const LONGEST_QUOTE: usize = 80;

/// One step of a path: a name, and an index where the element repeats.
pub(crate) type Segment = (&'static str, Option<usize>);

/// A path as text: `entry[1].content.status`.
pub(crate) fn path_text(segments: &[Segment]) -> String {
    let mut path = String::new();
    for (name, index) in segments {
        push_name(&mut path, name);
        if let Some(index) = index {
            // Writing to a string does not fail.
            let _ = write!(path, "[{index}]");
        }
    }
    path
}

fn push_name(path: &mut String, name: &str) {
    if !path.is_empty() && !name.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

/// The findings of a check so far, and where the check is.
#[derive(Default)]
pub(crate) struct Findings {
    path: Vec<Segment>,
    findings: Vec<Finding>,
}

impl Findings {
    /// Runs a check from the start, and returns what it found.
    pub(crate) fn collect(check: impl FnOnce(&mut Self)) -> Vec<Finding> {
        let mut findings = Self::default();
        check(&mut findings);
        findings.findings
    }

    /// Runs a check at a place below the current one.
    pub(crate) fn inside(&mut self, place: &[Segment], check: impl FnOnce(&mut Self)) {
        self.path.extend_from_slice(place);
        check(self);
        self.path.truncate(self.path.len() - place.len());
    }

    /// Starts a finding at the element `at` below the current place; empty for the place itself. The finding
    /// is kept once it says what was [`found`](NewFinding::found).
    pub(crate) fn report(&mut self, rule: Rule, at: &str) -> NewFinding<'_> {
        let mut path = path_text(&self.path);
        push_name(&mut path, at);
        let severity = rules::severity(rule);
        let finding =
            Finding { severity, rule, path, position: None, expected: String::new(), found: String::new() };
        NewFinding { finding, findings: &mut self.findings }
    }
}

/// A finding that does not say yet what was found.
#[must_use = "a finding is kept once it says what was found"]
pub(crate) struct NewFinding<'a> {
    finding: Finding,
    findings: &'a mut Vec<Finding>,
}

impl NewFinding<'_> {
    /// With another severity than the rule usually has.
    pub(crate) fn severity(mut self, severity: Severity) -> Self {
        self.finding.severity = severity;
        self
    }

    /// What the rule wants.
    pub(crate) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.finding.expected = expected.into();
        self
    }

    /// What is there instead, shortened if it is long. Keeps the finding.
    pub(crate) fn found(mut self, found: impl Into<String>) {
        self.finding.found = excerpt(found.into());
        self.findings.push(self.finding);
    }
}

fn excerpt(text: String) -> String {
    match text.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_has_the_place_of_the_check_and_the_severity_of_its_rule() {
        let findings = Findings::collect(|findings| {
            findings.inside(&[("entry", Some(1)), ("content", None)], |findings| {
                findings.report(rules::REQUESTER, "participant").expected("one").found("none");
                findings.inside(&[("activity", Some(0))], |findings| {
                    findings
                        .report(rules::GOAL, "")
                        .severity(Severity::Warning)
                        .expected("a goal")
                        .found("é".repeat(81));
                });
            });
            findings
                .report(rules::MESSAGE_ID, "id")
                .severity(Severity::Error)
                .expected("a UUID")
                .found("nothing");
        });
        let found: Vec<_> =
            findings.iter().map(|finding| (finding.path.as_str(), finding.severity)).collect();
        assert_eq!(
            found,
            [
                ("entry[1].content.participant", Severity::Warning),
                ("entry[1].content.activity[0]", Severity::Warning),
                ("id", Severity::Error),
            ]
        );
        assert_eq!(findings[1].found, format!("{}…", "é".repeat(80)));
    }
}
