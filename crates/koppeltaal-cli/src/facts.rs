//! [`Facts`]: checks what the story of a demo claims, and counts it.

use std::fmt;

/// Checks facts, and counts those that are true.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    count: usize,
}

/// A fact that is not true.
#[derive(Debug, thiserror::Error)]
#[error("{fact}: expected {expected}, found {found}")]
pub(crate) struct FactError {
    /// The subject of the fact.
    fact: &'static str,
    expected: String,
    found: String,
}

impl Facts {
    /// How many facts were true so far.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Checks that two things are the same.
    pub(crate) fn same<T>(&mut self, fact: &'static str, expected: &T, found: &T) -> Result<(), FactError>
    where
        T: PartialEq + fmt::Debug + ?Sized,
    {
        self.check(expected == found, || FactError {
            fact,
            expected: format!("{expected:?}"),
            found: format!("{found:?}"),
        })
    }

    /// Checks that two things are not the same.
    pub(crate) fn differ<T>(&mut self, fact: &'static str, one: &T, other: &T) -> Result<(), FactError>
    where
        T: PartialEq + fmt::Debug + ?Sized,
    {
        self.check(one != other, || FactError {
            fact,
            expected: format!("something else than {one:?}"),
            found: format!("{other:?}"),
        })
    }

    /// Checks that there is a value, and returns it.
    pub(crate) fn some<T>(&mut self, fact: &'static str, found: Option<T>) -> Result<T, FactError> {
        self.check(found.is_some(), || nothing(fact))?;
        found.ok_or_else(|| nothing(fact))
    }

    fn check(&mut self, holds: bool, error: impl FnOnce() -> FactError) -> Result<(), FactError> {
        if !holds {
            return Err(error());
        }
        self.count += 1;
        Ok(())
    }
}

fn nothing(fact: &'static str) -> FactError {
    FactError { fact, expected: "something".to_owned(), found: "nothing".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn true_facts_are_counted() -> Result<(), FactError> {
        let mut facts = Facts::default();
        facts.same("numbers", &1, &1)?;
        facts.differ("versions", "a", "b")?;
        assert_eq!(facts.some("a plan", Some(7))?, 7);
        assert_eq!(facts.count(), 3);
        Ok(())
    }

    #[test]
    fn a_false_fact_says_what_was_expected_and_found() {
        let mut facts = Facts::default();
        let said = |result: Result<(), FactError>| result.map_err(|error| error.to_string());
        assert_eq!(said(facts.same("The answer", &1, &2)), Err("The answer: expected 1, found 2".to_owned()));
        assert_eq!(
            said(facts.differ("The version", "a", "a")),
            Err("The version: expected something else than \"a\", found \"a\"".to_owned())
        );
        assert_eq!(
            said(facts.some("A plan", None)),
            Err("A plan: expected something, found nothing".to_owned())
        );
        assert_eq!(facts.count(), 0);
    }
}
