//! Constructors and getters of the data types, for the most common uses. The types themselves are generated.

use crate::datatypes::{CodeableConcept, Coding, HumanName, Identifier, Period, Reference};
use crate::primitives::DateTime;

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

#[cfg(test)]
mod tests {
    use super::*;

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
