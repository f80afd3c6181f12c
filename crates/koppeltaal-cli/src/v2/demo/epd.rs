//! [`Epd`]: the record system, which knows the people.

use koppeltaal_r4::datatypes::{
    AdministrativeGender, ContactPoint, ContactPointSystem, HumanName, Identifier, NameUse,
};
use koppeltaal2::profiles::{Patient, Practitioner};
use koppeltaal2::{Connector, StoredResource};

use super::error::Result;

/// The system of the record system's own numbers.
const NUMBERS: &str = "https://epd.example/fhir/NamingSystem/number";
/// The system of e-mail addresses, by which people log in.
const EMAILS: &str = "https://epd.example/fhir/NamingSystem/email";

/// When the patient was born.
const BIRTH_DATE: &str = "2009-04-12";

/// The record system.
pub(super) struct Epd {
    connector: Connector,
}

impl Epd {
    pub(super) fn new(connector: Connector) -> Self {
        Self { connector }
    }

    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Registers a patient. The e-mail address is also an identifier: by it the authorization service
    /// compares who logs in with who is launched.
    pub(super) async fn register_patient(&self) -> Result<StoredResource<Patient>> {
        let patient = Patient {
            identifier: identifiers("2041", "lieke@example.org"),
            active: true.into(),
            name: vec![name("Lieke", "van der Zwaluwbeek")],
            gender: AdministrativeGender::Female.into(),
            birth_date: BIRTH_DATE.parse()?,
            ..Patient::default()
        };
        Ok(self.connector.create(patient).await?)
    }

    /// Registers a practitioner.
    pub(super) async fn register_practitioner(&self) -> Result<StoredResource<Practitioner>> {
        let practitioner = Practitioner {
            identifier: identifiers("77", "teun@example.org"),
            active: true.into(),
            name: vec![name("Teun", "Haverkruid")],
            telecom: vec![ContactPoint {
                system: ContactPointSystem::Email.into(),
                value: "teun@example.org".into(),
                ..ContactPoint::default()
            }],
            ..Practitioner::default()
        };
        Ok(self.connector.create(practitioner).await?)
    }
}

/// A number in the record system, and the e-mail address.
fn identifiers(number: &str, email: &str) -> Vec<Identifier> {
    vec![Identifier::new(NUMBERS, number), Identifier::new(EMAILS, email)]
}

/// The official name; Koppeltaal wants to know of each name what it is used for.
fn name(given: &str, family: &str) -> HumanName {
    HumanName { r#use: NameUse::Official.into(), ..HumanName::new(given, family) }
}
