//! What a domain has from the start: its organization, the Device of each application, and for a developer
//! who looks around some invented people.

use koppeltaal_r4::Resource;
use koppeltaal_r4::datatypes::{
    AdministrativeGender, CodeableConcept, Coding, ContactPoint, DeviceNametype, HumanName, Identifier, Meta,
    NameUse,
};
use koppeltaal_r4::resources::{
    Device, DeviceDeviceName, DeviceStatus, Organization, Patient, Practitioner, RelatedPerson,
};
use koppeltaal2::valuesets::FamilyRelation;

use crate::application::Applications;
use crate::config::{SandboxConfig, UserType};
use crate::resources::{profile_url, reference_to};
use crate::store::{Store, new_id};

/// The system of the identifier of a Device: the `client_id`.
const CLIENT_ID: &str = "http://vzvz.nl/fhir/NamingSystem/koppeltaal-client-id";

/// The name of the Device that stands for the server itself.
const SERVER: &str = "Koppeltaal sandbox";

/// Fills an empty store. Returns the reference to the Device of the server, which writes the `AuditEvent`s.
pub(crate) fn seed(config: &SandboxConfig, applications: &Applications, store: &Store) -> String {
    // The first Device has no origin: there is nobody yet who could have made it.
    let server_id = new_id();
    let server = format!("Device/{server_id}");
    store.create_with_id(&server_id, device(SERVER, &server_id).into(), None);
    let organization = Organization {
        meta: meta("Organization"),
        identifier: vec![identifier("http://sandbox.example/organization", "1")],
        active: true.into(),
        name: config.organization.as_str().into(),
        ..Default::default()
    };
    let organization = store.create(organization.into(), Some(&server));
    let owner = reference_to(&organization.reference());
    for application in applications.all() {
        let device =
            Device { owner: Some(owner.clone()), ..device(application.name(), application.client_id()) };
        store.create_with_id(application.client_id(), device.into(), Some(&server));
    }
    if config.people {
        people(store, &server);
    }
    server
}

fn device(name: &str, client_id: &str) -> Device {
    Device {
        meta: meta("Device"),
        identifier: vec![identifier(CLIENT_ID, client_id)],
        status: DeviceStatus::Active.into(),
        device_name: vec![DeviceDeviceName {
            name: name.into(),
            r#type: DeviceNametype::UserFriendlyName.into(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// An invented person. The identity provider knows the person by the login.
struct Invented {
    kind: UserType,
    id: &'static str,
    given: &'static str,
    family: &'static str,
    login: &'static str,
    born: &'static str,
}

/// The invented people. Their ids are the same in every sandbox, so that a script can name them.
const PEOPLE: [Invented; 5] = [
    Invented {
        kind: UserType::Patient,
        id: "8e2b6f04-5d3c-4a57-9f10-2c6de1b7a901",
        given: "Mirte",
        family: "Zonneveld",
        login: "mirte@example.nl",
        born: "1987-04-12",
    },
    Invented {
        kind: UserType::Patient,
        id: "3c91d7aa-0b46-4e8d-8a55-f7b0c4e2d902",
        given: "Joris",
        family: "Havermans",
        login: "joris@example.nl",
        born: "1994-11-03",
    },
    Invented {
        kind: UserType::Practitioner,
        id: "b5d0e83f-92a7-4c1e-b6f8-1e4a7d3c5903",
        given: "Nadia",
        family: "Elburg",
        login: "nadia@example.nl",
        born: "1979-01-30",
    },
    Invented {
        kind: UserType::Practitioner,
        id: "6a74c2d9-e815-4f3b-8d02-95b1f0a6e904",
        given: "Teun",
        family: "Brinkhorst",
        login: "teun@example.nl",
        born: "1968-08-21",
    },
    Invented {
        kind: UserType::RelatedPerson,
        id: "d1f8a3b6-47ce-4925-a7e3-80c2b5d4f905",
        given: "Sanne",
        family: "Zonneveld",
        login: "sanne@example.nl",
        born: "1961-05-09",
    },
];

/// Puts the invented people into the store. The related person is the mother of the first patient.
fn people(store: &Store, origin: &str) {
    let patient_of_relative = PEOPLE[0].id;
    for Invented { kind, id, given, family, login, born } in PEOPLE {
        let identifier = vec![identifier("http://sandbox.example/login", login)];
        let name = vec![HumanName { r#use: NameUse::Official.into(), ..HumanName::new(given, family) }];
        let (gender, birth_date) = (AdministrativeGender::Unknown.into(), born.parse().unwrap_or_default());
        let (meta, active) = (meta(kind.name()), true.into());
        let person: Resource = match kind {
            UserType::Patient => {
                Patient { meta, identifier, active, name, gender, birth_date, ..Default::default() }.into()
            }
            UserType::Practitioner => {
                let telecom = vec![ContactPoint::email(login)];
                Practitioner { meta, identifier, active, name, telecom, ..Default::default() }.into()
            }
            UserType::RelatedPerson => {
                let patient = Some(reference_to(&format!("Patient/{patient_of_relative}")));
                let mother = Coding::from(FamilyRelation::Mother);
                let relationship = vec![CodeableConcept { coding: vec![mother], ..Default::default() }];
                RelatedPerson {
                    meta,
                    identifier,
                    active,
                    patient,
                    relationship,
                    name,
                    gender,
                    birth_date,
                    ..Default::default()
                }
                .into()
            }
        };
        store.create_with_id(id, person, Some(origin));
    }
}

fn meta(resource_type: &str) -> Option<Meta> {
    Some(Meta { profile: vec![profile_url(resource_type).as_str().into()], ..Default::default() })
}

fn identifier(system: &str, value: &str) -> Identifier {
    Identifier { system: system.into(), value: value.into(), ..Default::default() }
}
