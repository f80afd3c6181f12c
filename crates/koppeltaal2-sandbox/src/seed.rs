//! What a domain has from the start: its organization, the Device of each application, and for a developer
//! who looks around some invented people.

use koppeltaal_r4::Resource;
use koppeltaal_r4::datatypes::{DeviceNametype, HumanName, Identifier, Meta};
use koppeltaal_r4::resources::{
    Device, DeviceDeviceName, DeviceStatus, Organization, Patient, Practitioner, RelatedPerson,
};

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

/// An invented person: kind, id, names, what the identity provider knows the person by.
type Invented = (UserType, &'static str, &'static str, &'static str, &'static str);

/// The invented people. Their ids are the same in every sandbox, so that a script can name them.
const PEOPLE: [Invented; 5] = [
    (UserType::Patient, "8e2b6f04-5d3c-4a57-9f10-2c6de1b7a901", "Mirte", "Zonneveld", "mirte@example.nl"),
    (UserType::Patient, "3c91d7aa-0b46-4e8d-8a55-f7b0c4e2d902", "Joris", "Havermans", "joris@example.nl"),
    (UserType::Practitioner, "b5d0e83f-92a7-4c1e-b6f8-1e4a7d3c5903", "Nadia", "Elburg", "nadia@example.nl"),
    (UserType::Practitioner, "6a74c2d9-e815-4f3b-8d02-95b1f0a6e904", "Teun", "Brinkhorst", "teun@example.nl"),
    (
        UserType::RelatedPerson,
        "d1f8a3b6-47ce-4925-a7e3-80c2b5d4f905",
        "Sanne",
        "Zonneveld",
        "sanne@example.nl",
    ),
];

/// Puts the invented people into the store. The related person is one of the first patient.
fn people(store: &Store, origin: &str) {
    for (kind, id, given, family, login) in PEOPLE {
        let identifier = vec![identifier("http://sandbox.example/login", login)];
        let name = vec![HumanName { given: vec![given.into()], family: family.into(), ..Default::default() }];
        let (meta, active) = (meta(kind.name()), true.into());
        let person: Resource = match kind {
            UserType::Patient => {
                let born = if id == PEOPLE[0].1 { "1987-04-12" } else { "1994-11-03" };
                let birth_date = born.parse().unwrap_or_default();
                Patient { meta, identifier, active, name, birth_date, ..Default::default() }.into()
            }
            UserType::Practitioner => {
                Practitioner { meta, identifier, active, name, ..Default::default() }.into()
            }
            UserType::RelatedPerson => {
                let patient = Some(reference_to(&format!("Patient/{}", PEOPLE[0].1)));
                RelatedPerson { meta, identifier, active, patient, name, ..Default::default() }.into()
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
