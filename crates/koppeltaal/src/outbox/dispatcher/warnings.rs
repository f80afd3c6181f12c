//! [`Warnings`]: when to log a problem. It is logged the first time, and every few minutes while it lasts.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// How long to wait before a second warning of the same kind.
pub(super) const WARNING_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// When each kind of problem was last logged. There are only as many kinds as errors have variants.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    last: HashMap<String, Instant>,
}

impl Warnings {
    /// Whether a problem of this kind has to be logged now.
    pub(super) fn is_due(&mut self, kind: &str, now: Instant) -> bool {
        match self.last.get_mut(kind) {
            Some(last) if now.duration_since(*last) < WARNING_INTERVAL => false,
            Some(last) => {
                *last = now;
                true
            }
            None => {
                self.last.insert(kind.to_owned(), now);
                true
            }
        }
    }

    /// Problems of this kind have ended, so the next one is logged at once. Returns whether there was one.
    pub(super) fn has_ended(&mut self, kind: &str) -> bool {
        self.last.remove(kind).is_some()
    }

    /// All problems have passed, so the next one is logged at once. Returns whether there was one.
    pub(super) fn has_passed(&mut self) -> bool {
        let had = !self.last.is_empty();
        self.last.clear();
        had
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_logged_at_once_and_every_few_minutes_while_it_lasts() {
        let mut warnings = Warnings::default();
        let now = Instant::now();
        assert!(warnings.is_due("unreachable", now));
        assert!(!warnings.is_due("unreachable", now + WARNING_INTERVAL / 2));
        assert!(warnings.is_due("timeout", now), "another kind");
        assert!(warnings.is_due("unreachable", now + WARNING_INTERVAL));
        assert!(!warnings.is_due("unreachable", now + WARNING_INTERVAL * 3 / 2));
        assert!(warnings.has_ended("timeout"));
        assert!(!warnings.has_ended("timeout"));
        assert!(warnings.is_due("timeout", now), "it is back");
        assert!(warnings.has_passed());
        assert!(!warnings.has_passed());
        assert!(warnings.is_due("unreachable", now + WARNING_INTERVAL * 3 / 2), "it is back");
    }
}
