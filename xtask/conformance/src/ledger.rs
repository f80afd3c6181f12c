//! [`Ledger`] counts for each check the files that passed, were explained or failed, and gives the verdict of
//! the run.

use crate::exceptions::{Exception, Exceptions};
use comparison::difference::Difference;

/// A group of measurements of one kind.
pub(crate) struct Check {
    pub(crate) id: &'static str,
    pub(crate) title: String,
    /// The percentage of the cases that must pass outright.
    threshold: f64,
    passed: usize,
    /// Files that passed although they differ, with the reasons why the standard calls them equal.
    equal: Vec<(String, Vec<&'static str>)>,
    /// Files that differ for known reasons.
    explained: Vec<(String, Vec<&'static str>)>,
    /// File, its first unexplained difference, and the number of others.
    failed: Vec<(String, String, usize)>,
    /// If the cases are a sample and have no names: those that did not pass outright.
    sampled: Option<Sample>,
}

/// The cases of a sample that did not pass outright.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sample {
    /// Cases in which xmllint is wrong. They count as passed.
    pub(crate) judges_fault: usize,
    /// Cases that fail for another reason that is known.
    pub(crate) explained: usize,
    pub(crate) failed: usize,
}

/// All checks of a run.
pub(crate) struct Ledger {
    exceptions: Exceptions,
    checks: Vec<Check>,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self { exceptions: Exceptions::new(), checks: Vec::new() }
    }

    /// Starts a check. Later records belong to it.
    pub(crate) fn start(&mut self, id: &'static str, title: impl Into<String>, threshold: f64) {
        let title = title.into();
        self.checks.push(Check {
            id,
            title,
            threshold,
            passed: 0,
            equal: Vec::new(),
            explained: Vec::new(),
            failed: Vec::new(),
            sampled: None,
        });
    }

    /// Records the outcome for one file: its differences, or why it could not be compared.
    pub(crate) fn record(&mut self, file: &str, outcome: Result<Vec<Difference>, String>) {
        let Some(check) = self.checks.last_mut() else { return };
        let differences = outcome.unwrap_or_else(|problem| vec![Difference::new("", None, Some(problem))]);
        let mut reasons = Vec::new();
        let mut is_equal = true;
        let mut open = Vec::new();
        for difference in &differences {
            match self.exceptions.find(check.id, file, difference) {
                Some(row) => {
                    is_equal &= row.is_equal();
                    if !reasons.contains(&row.reason) {
                        reasons.push(row.reason);
                    }
                }
                None => open.push(difference),
            }
        }
        let file = file.to_owned();
        match open.first() {
            Some(first) => check.failed.push((file, describe(first), open.len() - 1)),
            None if reasons.is_empty() => check.passed += 1,
            None if is_equal => check.equal.push((file, reasons)),
            None => check.explained.push((file, reasons)),
        }
    }

    /// Records how many cases of a sample passed outright, and the outcomes of the others.
    pub(crate) fn record_sample(&mut self, passed: usize, sample: Sample) {
        if let Some(check) = self.checks.last_mut() {
            check.passed = passed;
            check.sampled = Some(sample);
        }
    }

    /// The row that excuses a difference in the latest check, if there is one.
    pub(crate) fn excuse(&self, file: &str, difference: &Difference) -> Option<&'static Exception> {
        self.exceptions.find(self.checks.last()?.id, file, difference)
    }

    /// Prints the latest check.
    pub(crate) fn print(&self) {
        let Some(check) = self.checks.last() else { return };
        println!("{}", check.summary());
        for (file, reasons) in &check.equal {
            println!("    equal      {file}: {}", reasons.join("; "));
        }
        for (file, reasons) in &check.explained {
            println!("    explained  {file}: {}", reasons.join("; "));
        }
        for (file, first, more) in &check.failed {
            let more = if *more == 0 { String::new() } else { format!(" (and {more} more)") };
            println!("    FAILED     {file}: {first}{more}");
        }
    }

    /// Prints the verdict over all checks. Returns whether they passed.
    pub(crate) fn conclude(&self) -> bool {
        println!("\nSummary");
        let mut good = true;
        for check in &self.checks {
            println!("{}", check.summary());
            good &= check.is_good();
        }
        // Chance decides whether a sample needs a row.
        let whole = self.checks.iter().filter(|check| check.sampled.is_none());
        let ran: Vec<&str> = whole.map(|check| check.id).collect();
        for row in self.exceptions.unused(&ran) {
            println!("    FAILED     an exception that excuses nothing any more: {row}");
            good = false;
        }
        println!("{}", if good { "All as required." } else { "NOT as required." });
        good
    }
}

impl Check {
    fn sample(&self) -> Sample {
        self.sampled.unwrap_or_default()
    }

    fn passed(&self) -> usize {
        self.passed + self.equal.len() + self.sample().judges_fault
    }

    fn explained(&self) -> usize {
        self.explained.len() + self.sample().explained
    }

    fn failed(&self) -> usize {
        self.failed.len() + self.sample().failed
    }

    fn total(&self) -> usize {
        self.passed() + self.explained() + self.failed()
    }

    fn percent(&self) -> f64 {
        if self.total() == 0 { 100.0 } else { 100.0 * self.passed() as f64 / self.total() as f64 }
    }

    /// Enough passed, and there is a reason for each that did not.
    fn is_good(&self) -> bool {
        self.failed() == 0 && self.percent() >= self.threshold
    }

    fn summary(&self) -> String {
        let verdict = if self.is_good() { "ok  " } else { "FAIL" };
        let explained = match self.explained() {
            0 => String::new(),
            count => format!(", {count} explained"),
        };
        let failed = match self.failed() {
            0 => String::new(),
            count => format!(", {count} FAILED"),
        };
        let (passed, total, percent) = (self.passed(), self.total(), self.percent());
        format!("{verdict} {:<62} {passed:>5} of {total:>5}  {percent:6.2} %{explained}{failed}", self.title)
    }
}

fn describe(difference: &Difference) -> String {
    match (difference.path.as_str(), &difference.left, &difference.right) {
        ("", None, Some(problem)) => problem.clone(),
        _ => difference.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unexplained_difference_fails_a_check_whatever_the_percentage() {
        let mut ledger = Ledger::new();
        ledger.start("test", "test", 50.0);
        for _ in 0..99 {
            ledger.record("good", Ok(Vec::new()));
        }
        assert!(ledger.conclude());
        ledger.record("bad", Ok(vec![Difference::new("a", None, None)]));
        assert!(!ledger.conclude());
        assert_eq!(ledger.checks[0].percent(), 99.0);
    }

    #[test]
    fn what_could_not_be_compared_is_a_failure() {
        let mut ledger = Ledger::new();
        ledger.start("test", "test", 0.0);
        ledger.record("bad", Err("unreadable".to_owned()));
        assert_eq!(ledger.checks[0].failed[0].1, "unreadable");
    }
}
