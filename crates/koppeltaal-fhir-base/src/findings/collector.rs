//! [`Findings`]: collects what is wrong with a value while something walks through it.

use std::fmt::{self, Display, Write as _};

use super::finding::{Finding, Position};
use super::path::{PathSegment, path_text};
use super::rule::{Rule, Severity};

/// How many characters of the content a finding or an error quotes.
const LONGEST_QUOTE: usize = 80;

/// The findings of a check so far, and where the check is.
///
/// The collector knows the place, so that a call says only what it found:
///
/// ```
/// use koppeltaal_fhir_base::{Findings, Rule};
///
/// let found = Findings::collect(|findings| {
///     findings.inside(&[("entry", Some(1)), ("content", None)], |findings| {
///         findings.report(Rule::MINIMUM, "name").expected("a value").found("nothing");
///     });
/// });
/// assert_eq!(
///     found[0].with_content().to_string(),
///     "error [cardinality-min] entry[1].content.name: expected a value, found nothing"
/// );
/// ```
#[derive(Debug)]
pub struct Findings {
    pub(crate) path: Vec<PathSegment>,
    kept: Vec<Finding>,
    suppressed: usize,
    /// The gravest severity, including that of findings that were not kept.
    worst: Option<Severity>,
    /// How many are kept at most.
    most: usize,
    /// Memory that findings may still take.
    room: usize,
}

/// The findings of one text or value, as many as there was room for.
#[derive(Debug, Default)]
pub struct FindingList {
    /// In the order of the text, if a text was read.
    pub kept: Vec<Finding>,
    /// How many more there were than are kept.
    pub suppressed: usize,
    /// The gravest severity, including that of findings that were not kept.
    pub worst: Option<Severity>,
}

impl Findings {
    /// Runs a check from the start, and returns what it found.
    pub fn collect(check: impl FnOnce(&mut Self)) -> Vec<Finding> {
        let mut findings = Self::bounded(usize::MAX, usize::MAX);
        check(&mut findings);
        findings.kept
    }

    /// Keeps the first findings: at most `most`, in at most `room` bytes of memory.
    pub(crate) const fn bounded(most: usize, room: usize) -> Self {
        Self { path: Vec::new(), kept: Vec::new(), suppressed: 0, worst: None, most, room }
    }

    /// Runs a check at a place below the current one.
    pub fn inside(&mut self, place: &[PathSegment], check: impl FnOnce(&mut Self)) {
        self.path.extend_from_slice(place);
        check(self);
        self.path.truncate(self.path.len() - place.len());
    }

    /// Starts a finding at the element `at` below the current place, or at the place itself if `at` is empty.
    /// It has the severity of its rule, and is kept once it says what was [`found`](NewFinding::found).
    pub fn report<'a>(&'a mut self, rule: Rule, at: &'a str) -> NewFinding<'a, Self> {
        NewFinding::new(self, rule, at, 0)
    }

    /// Counts a finding, and returns whether there is room to keep it.
    pub(crate) fn count(&mut self, severity: Severity) -> bool {
        self.worst = self.worst.max(Some(severity));
        let is_full = self.kept.len() >= self.most || self.room == 0;
        self.suppressed += usize::from(is_full);
        !is_full
    }

    /// Counts findings that were not kept before they came here.
    pub(crate) fn suppress(&mut self, findings: usize) {
        self.suppressed += findings;
    }

    /// Keeps a finding that has been counted.
    pub(crate) fn keep(&mut self, finding: Finding) {
        let Some(room) = self.room.checked_sub(finding.memory()) else {
            // From here on, smaller ones are not kept either: only the first findings are kept, without gaps.
            self.room = 0;
            self.suppressed += 1;
            return;
        };
        self.room = room;
        if self.kept.len() == self.kept.capacity() {
            self.kept.reserve_exact(self.kept.len() / 4 + 4);
        }
        self.kept.push(finding);
    }

    pub(crate) fn into_list(mut self) -> FindingList {
        self.kept.sort_by_key(|finding| finding.position);
        FindingList { kept: self.kept, suppressed: self.suppressed, worst: self.worst }
    }
}

/// What is known of a finding before it says what was expected.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    rule: Rule,
    pub(crate) severity: Severity,
    /// The element below the place where the collector is.
    at: &'a str,
    /// Where in the text, if a text is read.
    pub(crate) offset: usize,
}

impl Subject<'_> {
    pub(crate) fn finding(
        self,
        path: &[PathSegment],
        position: Option<Position>,
        expected: &dyn Display,
        found: &dyn Display,
    ) -> Finding {
        Finding {
            severity: self.severity,
            rule: self.rule,
            path: path_text(path, self.at),
            position,
            expected: expected.to_string(),
            found: excerpt(found),
        }
    }
}

/// A finding for a collector `C` that does not say yet what was found.
#[derive(Debug)]
#[must_use = "a finding is kept once it says what was found"]
pub struct NewFinding<'a, C, E = &'static str> {
    pub(crate) collector: &'a mut C,
    pub(crate) subject: Subject<'a>,
    pub(crate) expected: E,
}

impl<'a, C> NewFinding<'a, C> {
    #[inline]
    pub(crate) fn new(collector: &'a mut C, rule: Rule, at: &'a str, offset: usize) -> Self {
        let subject = Subject { rule, severity: rule.severity(), at, offset };
        Self { collector, subject, expected: "" }
    }

    /// What the rule wants.
    #[inline]
    pub fn expected<E: Display>(self, expected: E) -> NewFinding<'a, C, E> {
        NewFinding { collector: self.collector, subject: self.subject, expected }
    }
}

impl<C, E> NewFinding<'_, C, E> {
    /// With another severity than that of the rule.
    #[inline]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.subject.severity = severity;
        self
    }
}

impl<E: Display> NewFinding<'_, Findings, E> {
    /// What is there instead, shortened if it is long. Keeps the finding.
    #[cold]
    pub fn found(self, found: impl Display) {
        let Self { collector, subject, expected } = self;
        if collector.count(subject.severity) {
            let finding = subject.finding(&collector.path, None, &expected, &found);
            collector.keep(finding);
        }
    }
}

/// The start of a text, with `…` if there is more of it.
pub(crate) fn excerpt(text: &dyn Display) -> String {
    /// Stops the writing once the quote is long enough.
    struct Excerpt {
        start: String,
        characters: usize,
    }
    impl fmt::Write for Excerpt {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            for character in text.chars() {
                if self.characters == LONGEST_QUOTE {
                    self.start.push('…');
                    return Err(fmt::Error);
                }
                self.characters += 1;
                self.start.push(character);
            }
            Ok(())
        }
    }
    let mut excerpt = Excerpt { start: String::new(), characters: 0 };
    let _ = write!(excerpt, "{text}");
    // The memory of a finding is counted by capacity.
    excerpt.start.shrink_to_fit();
    excerpt.start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_has_the_place_of_the_check_and_the_severity_of_its_rule() {
        let findings = Findings::collect(|findings| {
            findings.inside(&[("entry", Some(1)), ("content", None)], |findings| {
                findings.report(Rule::ENCODING, "participant").expected("one").found("none");
                findings.inside(&[("activity", Some(0))], |findings| {
                    findings
                        .report(Rule::EMPTY, "")
                        .severity(Severity::Information)
                        .expected("a goal")
                        .found("nothing");
                });
            });
            findings.report(Rule::FORMAT, "id").expected("a UUID").found("nothing");
        });
        let found: Vec<_> =
            findings.iter().map(|finding| (finding.path.as_str(), finding.severity)).collect();
        assert_eq!(
            found,
            [
                ("entry[1].content.participant", Severity::Warning),
                ("entry[1].content.activity[0]", Severity::Information),
                ("id", Severity::Error),
            ]
        );
    }

    #[test]
    fn a_finding_quotes_the_start_of_a_long_text() {
        assert_eq!(excerpt(&"é".repeat(80)), "é".repeat(80));
        assert_eq!(excerpt(&"é".repeat(81)), format!("{}…", "é".repeat(80)));
        assert_eq!(excerpt(&format_args!("{:?}", "a".repeat(200))), format!("\"{}…", "a".repeat(79)));
    }
}
