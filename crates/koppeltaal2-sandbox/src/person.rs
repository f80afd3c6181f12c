//! [`Person`]: a patient, practitioner or related person of the store, as logins see them.

use std::sync::Arc;

use koppeltaal_r4::Resource;
use koppeltaal_r4::datatypes::{HumanName, Identifier};
use koppeltaal_r4::resources::{Patient, Practitioner, RelatedPerson};

use crate::config::UserType;
use crate::store::{Lookup, Store, Version};

/// Somebody who can log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) kind: UserType,
    /// `Patient/1`.
    pub(crate) reference: String,
    pub(crate) name: String,
    pub(crate) birth_date: Option<String>,
    /// The values of the identifiers, whatever their system.
    pub(crate) identifiers: Vec<String>,
    pub(crate) is_active: bool,
    /// Whose relative it is: `Patient/1`.
    pub(crate) patient: Option<String>,
}

impl Person {
    /// The person with this reference.
    pub(crate) fn read(store: &Store, reference: &str) -> Option<Self> {
        let (kind, id) = UserType::of_reference(reference)?;
        match store.read(kind.name(), id) {
            Lookup::Found(version) => Self::of(&version),
            _ => None,
        }
    }

    /// All people of the store, by kind and name.
    pub(crate) fn all(store: &Store) -> Vec<Self> {
        let of_kind = |kind: UserType| {
            let versions: Vec<Arc<Version>> = store.all(kind.name());
            let mut people: Vec<Self> = versions.iter().filter_map(|version| Self::of(version)).collect();
            people.sort_by(|one, other| (&one.name, &one.reference).cmp(&(&other.name, &other.reference)));
            people
        };
        UserType::ALL.into_iter().flat_map(of_kind).collect()
    }

    fn of(version: &Version) -> Option<Self> {
        let (kind, names, identifiers, active, birth_date, patient) = match &version.resource {
            Resource::Patient(person) => {
                let Patient { name, identifier, active, birth_date, .. } = &**person;
                (UserType::Patient, name, identifier, active, birth_date, None)
            }
            Resource::Practitioner(person) => {
                let Practitioner { name, identifier, active, birth_date, .. } = &**person;
                (UserType::Practitioner, name, identifier, active, birth_date, None)
            }
            Resource::RelatedPerson(person) => {
                let RelatedPerson { name, identifier, active, birth_date, patient, .. } = &**person;
                let patient = patient.as_ref().and_then(|patient| patient.reference.as_str());
                (UserType::RelatedPerson, name, identifier, active, birth_date, patient.map(str::to_owned))
            }
            _ => return None,
        };
        let reference = format!("{}/{}", kind.name(), version.id);
        let value = |identifier: &Identifier| identifier.value.as_str().map(str::to_owned);
        Some(Self {
            kind,
            name: names
                .iter()
                .map(full_name)
                .find(|name| !name.is_empty())
                .unwrap_or_else(|| reference.clone()),
            reference,
            birth_date: birth_date.get().map(ToString::to_string),
            identifiers: identifiers.iter().filter_map(value).filter(|value| !value.is_empty()).collect(),
            is_active: active.get() != Some(&false),
            patient,
        })
    }

    /// What the identity provider knows the person by: the first identifier that looks like an e-mail
    /// address, else the first.
    pub(crate) fn login(&self) -> Option<&str> {
        let address = self.identifiers.iter().find(|value| value.contains('@'));
        address.or(self.identifiers.first()).map(String::as_str)
    }
}

/// `Roos Jansen`, or the text of the name.
fn full_name(name: &HumanName) -> String {
    let given = name.given.iter().filter_map(|given| given.as_str());
    let parts: Vec<&str> = given.chain(name.family.as_str()).collect();
    match parts.is_empty() {
        true => name.text.as_str().unwrap_or_default().to_owned(),
        false => parts.join(" "),
    }
}
