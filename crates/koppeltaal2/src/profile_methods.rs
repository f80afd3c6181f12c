//! Constructors of the profiles, where a profile fixes values. The profiles themselves are generated.

use koppeltaal_r4::datatypes::Coding;
use koppeltaal_r4::resources::EndpointStatus;

use crate::profiles::Endpoint;
use crate::vocabulary::code_system;

impl Endpoint {
    /// The active endpoint of a module whose launches are posted to this https URL, with the connection type
    /// and the payload type that the profile fixes.
    pub fn for_launches(address: impl AsRef<str>) -> Self {
        Self {
            status: EndpointStatus::Active.into(),
            connection_type: Some(Coding::new(code_system::ENDPOINT_CONNECTION_TYPE, "hti-smart-on-fhir")),
            payload_type: vec![Coding::new(code_system::ENDPOINT_PAYLOAD_TYPE, "any").into()],
            address: address.as_ref().into(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use koppeltaal_r4::datatypes::{AdministrativeGender, ContactPoint, HumanName, Identifier, NameUse};

    use super::*;
    use crate::Profile as _;
    use crate::profiles::Patient;

    #[test]
    fn an_endpoint_for_launches_has_all_that_its_profile_asks_for() {
        let endpoint = Endpoint::for_launches("https://module.example/launch");
        assert_eq!(endpoint.validate(), []);
        assert_eq!(endpoint.address.as_str(), Some("https://module.example/launch"));
        assert!(!Endpoint::default().validate().is_empty());
    }

    #[test]
    fn a_patient_of_the_constructors_of_r4_meets_its_profile() {
        let number = Identifier::new("https://epd.example/patients", "7");
        let mut patient = Patient {
            identifier: vec![number],
            active: true.into(),
            name: vec![HumanName::new("Sanne", "Veldkers").with_use(NameUse::Official)],
            gender: AdministrativeGender::Female.into(),
            birth_date: "1984-05-06".parse().expect("a date"),
            telecom: vec![ContactPoint::email("sanne@example.nl"), ContactPoint::phone("0201234567")],
            ..Patient::default()
        };
        assert_eq!(patient.validate(), []);
        patient.name = vec![HumanName::new("Sanne", "Veldkers")];
        assert_eq!(patient.validate().len(), 1, "the use of a name has to be said");
    }
}
