//! [`Facts`]: what the story claims, checked as it is told.

use std::fmt;

/// Counts the facts that held.
#[derive(Debug, Default)]
pub(super) struct Facts {
    held: usize,
}

/// A fact that did not hold.
#[derive(Debug, thiserror::Error)]
#[error("{fact}: expected {expected}, found {found}")]
pub(super) struct NotSo {
    /// What it is about.
    fact: &'static str,
    expected: String,
    found: String,
}

impl Facts {
    /// How many facts held so far.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Two things are the same.
    pub(super) fn same<T>(&mut self, fact: &'static str, expected: &T, found: &T) -> Result<(), NotSo>
    where
        T: PartialEq + fmt::Debug + ?Sized,
    {
        self.hold(expected == found, || NotSo {
            fact,
            expected: format!("{expected:?}"),
            found: format!("{found:?}"),
        })
    }

    /// Two things are not the same.
    pub(super) fn differ<T>(&mut self, fact: &'static str, one: &T, other: &T) -> Result<(), NotSo>
    where
        T: PartialEq + fmt::Debug + ?Sized,
    {
        self.hold(one != other, || NotSo {
            fact,
            expected: format!("something else than {one:?}"),
            found: format!("{other:?}"),
        })
    }

    /// There is something.
    pub(super) fn some<T>(&mut self, fact: &'static str, found: Option<T>) -> Result<T, NotSo> {
        self.hold(found.is_some(), || nothing(fact))?;
        found.ok_or_else(|| nothing(fact))
    }

    fn hold(&mut self, holds: bool, not_so: impl FnOnce() -> NotSo) -> Result<(), NotSo> {
        if !holds {
            return Err(not_so());
        }
        self.held += 1;
        Ok(())
    }
}

fn nothing(fact: &'static str) -> NotSo {
    NotSo { fact, expected: "something".to_owned(), found: "nothing".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_that_hold_are_counted() -> Result<(), NotSo> {
        let mut facts = Facts::default();
        facts.same("numbers", &1, &1)?;
        facts.differ("versions", "a", "b")?;
        assert_eq!(facts.some("a plan", Some(7))?, 7);
        assert_eq!(facts.held(), 3);
        Ok(())
    }

    #[test]
    fn a_fact_that_does_not_hold_says_what_was_expected_and_found() {
        let mut facts = Facts::default();
        let said = |result: Result<(), NotSo>| result.map_err(|not_so| not_so.to_string());
        assert_eq!(said(facts.same("The answer", &1, &2)), Err("The answer: expected 1, found 2".to_owned()));
        assert_eq!(
            said(facts.differ("The version", "a", "a")),
            Err("The version: expected something else than \"a\", found \"a\"".to_owned())
        );
        assert_eq!(
            said(facts.some("A plan", None)),
            Err("A plan: expected something, found nothing".to_owned())
        );
        assert_eq!(facts.held(), 0);
    }
}
