//! Profiles as types: reading and writing loses nothing, quirks are read, new values are written in canonical
//! form.

mod as_written;
mod quirks;
mod random_resources;
mod round_trip;
mod rules;

use koppeltaal_fhir::{Document, ReadOptions, Resource};
use koppeltaal_messaging::Profile;

/// Calls a macro with every profile and the DSTU1 resource that carries it.
macro_rules! every_profile {
    ($call:ident) => {
        $call! {
            Patient, Practitioner, RelatedPerson, Organization, Application, CarePlan, CareTeam, ActivityDefinition,
            CarePlanActivityStatus, CarePlanActivityResult, UserMessage, StorageItem, OperationOutcome
        }
    };
}
pub(crate) use every_profile;

/// The resource that a piece of JSON holds.
fn resource(json: &str) -> Resource {
    match ReadOptions::tolerant().json(json.as_bytes()).expect("JSON of a resource").document {
        Document::Resource(resource) => resource,
        Document::Bundle(_) => panic!("a bundle"),
    }
}

/// A piece of JSON read as a profile.
fn read<P: Profile>(json: &str) -> P {
    let fhir = resource(json);
    P::from_fhir(fhir.get::<P::Fhir>().expect("the resource of the profile").clone())
}

/// The resource that a profile writes, as indented JSON.
fn json(profile: impl Into<Resource>) -> String {
    Document::from(profile.into()).to_json_pretty().expect("JSON")
}

/// An `Other` of a kind, with these extensions.
fn other(kind: &str, extensions: &str) -> String {
    format!(
        r#"{{"resourceType": "Other", "extension": [{extensions}], "code": {{"coding": [{{
            "system": "http://ggz.koppeltaal.nl/fhir/Koppeltaal/OtherResourceUsage", "code": "{kind}", "display": "{kind}"
        }}]}}}}"#
    )
}

/// An extension of Koppeltaal, with the rest of its JSON members.
fn extension(url: &str, members: &str) -> String {
    format!(r#"{{"url": "http://ggz.koppeltaal.nl/fhir/Koppeltaal/{url}", {members}}}"#)
}
