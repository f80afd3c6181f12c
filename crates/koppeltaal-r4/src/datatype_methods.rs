//! Constructors and getters of the data types, for the most common uses. The types themselves are generated.

use crate::datatypes::{
    CodeableConcept, Coding, ContactPoint, ContactPointSystem, HumanName, Identifier, NameUse, Period,
    Reference,
};
use crate::primitives::{DateTime, Instant};

impl HumanName {
    /// A name of one given and one family part.
    pub fn new(given: impl Into<String>, family: impl Into<String>) -> Self {
        Self { given: vec![given.into().into()], family: family.into().into(), ..Self::default() }
    }

    /// The name for people: `text` if there is one, else prefixes, given names, family name and suffixes in
    /// this order.
    pub fn display(&self) -> String {
        if let Some(text) = self.text.as_str().filter(|text| !text.is_empty()) {
            return text.to_owned();
        }
        let family = std::slice::from_ref(&self.family);
        let parts = [self.prefix.as_slice(), &self.given, family, &self.suffix];
        let words: Vec<&str> = parts.into_iter().flatten().filter_map(|part| part.as_str()).collect();
        words.join(" ")
    }

    /// The same with what it is used for, such as [`NameUse::Official`], which profiles may ask for.
    #[must_use]
    pub fn with_use(mut self, r#use: NameUse) -> Self {
        self.r#use = r#use.into();
        self
    }
}

impl Identifier {
    /// An identifier: the system of numbers, and the number.
    pub fn new(system: impl AsRef<str>, value: impl Into<String>) -> Self {
        Self { system: system.as_ref().into(), value: value.into().into(), ..Self::default() }
    }

    /// The value, if the identifier is of this system.
    pub fn value_in(&self, system: &str) -> Option<&str> {
        (self.system.as_str() == Some(system)).then(|| self.value.as_str()).flatten()
    }
}

impl Coding {
    /// A code of a system.
    pub fn new(system: impl AsRef<str>, code: impl AsRef<str>) -> Self {
        Self { system: system.as_ref().into(), code: code.as_ref().into(), ..Self::default() }
    }

    /// The same with its text for people.
    #[must_use]
    pub fn with_display(mut self, display: impl Into<String>) -> Self {
        self.display = display.into().into();
        self
    }

    /// The code, if it is of this system.
    pub fn code_in(&self, system: &str) -> Option<&str> {
        (self.system.as_str() == Some(system)).then(|| self.code.as_str()).flatten()
    }
}

impl CodeableConcept {
    /// The code that the concept has in this system: `task.code.as_ref()?.code_in(system)`.
    pub fn code_in(&self, system: &str) -> Option<&str> {
        self.coding.iter().find_map(|coding| coding.code_in(system))
    }
}

impl From<Coding> for CodeableConcept {
    fn from(coding: Coding) -> Self {
        Self { coding: vec![coding], ..Self::default() }
    }
}

impl Reference {
    /// A reference to the resource at a URL: absolute, relative (`Patient/7`), or `#id` for a contained one.
    pub fn to(reference: impl Into<String>) -> Self {
        Self { reference: reference.into().into(), ..Self::default() }
    }

    /// The same with its text for people.
    #[must_use]
    pub fn with_display(mut self, display: impl Into<String>) -> Self {
        self.display = display.into().into();
        self
    }
}

impl Period {
    /// From the one time to the other, both included.
    pub fn new(start: impl Into<Option<DateTime>>, end: impl Into<Option<DateTime>>) -> Self {
        Self { start: start.into().into(), end: end.into().into(), ..Self::default() }
    }
}

impl Period {
    /// Whether the end has passed at this time. Without an end it has not.
    ///
    /// The end is included (R4): one without a time, such as `2026-10-01`, lasts until that day, month or year is
    /// over by the clock that `at` is written in. [`Instant::now`] is in UTC.
    pub fn has_ended(&self, at: &Instant) -> bool {
        let Some(end) = self.end.get() else { return false };
        if let (Some(end_seconds), Some(at_seconds)) = (end.unix_seconds(), at.unix_seconds()) {
            return (end_seconds, end.nanosecond()) < (at_seconds, at.nanosecond());
        }
        let at = (at.year(), end.month().and(at.month()), end.day().and(at.day()), end.time().and(at.time()));
        (end.year(), end.month(), end.day(), end.time()) < at
    }
}

impl ContactPoint {
    /// An email address.
    pub fn email(address: impl Into<String>) -> Self {
        Self::in_system(ContactPointSystem::Email, address.into())
    }

    /// A telephone number.
    pub fn phone(number: impl Into<String>) -> Self {
        Self::in_system(ContactPointSystem::Phone, number.into())
    }

    fn in_system(system: ContactPointSystem, value: String) -> Self {
        Self { system: system.into(), value: value.into(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_has_ended_when_its_last_day_is_over() {
        let ended = |end: &str, at: &str| {
            let period = Period::new(None, Some(end.parse().expect("a date")));
            period.has_ended(&at.parse().expect("an instant"))
        };
        assert!(!ended("2026-10-01", "2026-10-01T23:59:59Z"));
        assert!(ended("2026-10-01", "2026-10-02T00:00:00Z"));
        assert!(ended("2026-10-01", "2026-10-02T00:30:00+02:00")); // where it is still the 1st in UTC
        assert!(!ended("2026-10", "2026-10-31T12:00:00Z"));
        assert!(ended("2026-10", "2026-11-01T00:00:00Z"));
        assert!(!ended("2026", "2026-12-31T12:00:00Z"));
        assert!(ended("2025", "2026-01-01T00:00:00Z"));
        assert!(!ended("2026-10-01T12:00:00+02:00", "2026-10-01T10:00:00Z"));
        assert!(ended("2026-10-01T12:00:00+02:00", "2026-10-01T10:00:00.001Z"));
        assert!(!Period::default().has_ended(&Instant::now()));
    }

    #[test]
    fn a_contact_point_says_what_it_is() {
        let mail = ContactPoint::email("roos@example.nl");
        assert_eq!((mail.system.as_str(), mail.value.as_str()), (Some("email"), Some("roos@example.nl")));
        assert_eq!(ContactPoint::phone("0201234567").system.as_str(), Some("phone"));
        assert_eq!(
            HumanName::new("Roos", "Jansen").with_use(NameUse::Official).r#use.as_str(),
            Some("official")
        );
    }

    #[test]
    fn what_is_made_can_be_asked_for() {
        assert_eq!(HumanName::new("Roos", "Jansen").display(), "Roos Jansen");
        let bsn = Identifier::new("http://fhir.nl/fhir/NamingSystem/bsn", "999911120");
        assert_eq!(bsn.value_in("http://fhir.nl/fhir/NamingSystem/bsn"), Some("999911120"));
        assert_eq!(bsn.value_in("urn:other"), None);
        let gender = CodeableConcept::from(Coding::new("urn:genders", "F").with_display("Female"));
        assert_eq!(gender.code_in("urn:genders"), Some("F"));
        let reference = Reference::to("#a").with_display("A");
        assert_eq!((reference.reference.as_str(), reference.display.as_str()), (Some("#a"), Some("A")));
    }
}
