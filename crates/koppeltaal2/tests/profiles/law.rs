//! A profile made from any resource gives back the same resource.

use koppeltaal_fhir_base::ReadableDocument;
use koppeltaal_fhir_base::arbitrary::fill_structure;
use koppeltaal_r4::datatypes::{Extension, ExtensionValue, Reference};
use koppeltaal_r4::{Primitive, Resource, resources};
use koppeltaal2::vocabulary::extension as url;
use koppeltaal2::{Profile, profiles};
use proptest::prelude::*;

/// URLs of extensions that are fields of some profile, the old one of the publisher, and an unknown one.
const URLS: [&str; 9] = [
    url::RESOURCE_ORIGIN,
    url::INSTANTIATES,
    url::ENDPOINT,
    url::PUBLISHER_ID,
    "http://koppeltaal.nl/fhir/StructureDefinition/KT2PublisherIdentifier",
    url::TRACE_ID,
    url::REQUEST_ID,
    url::CORRELATION_ID,
    "http://example.org/unknown",
];

fn any_value() -> impl Strategy<Value = Option<ExtensionValue>> {
    let reference =
        (0..3_u8).prop_map(|n| ExtensionValue::Reference(Box::new(Reference::to(format!("Device/{n}")))));
    let labelled = (0..3_u8).prop_map(|n| {
        let mut id = Primitive::default();
        id.set_id(Some(format!("e{n}")));
        ExtensionValue::Id(id)
    });
    let id = (0..3_u8).prop_map(|n| ExtensionValue::Id(format!("id-{n}").as_str().into()));
    prop_oneof![
        4 => reference.prop_map(Some),
        3 => id.prop_map(Some),
        1 => labelled.prop_map(Some),
        1 => Just(Some(ExtensionValue::Id(Primitive::default()))),
        1 => Just(Some(ExtensionValue::Reference(Box::default()))),
        1 => Just(Some(ExtensionValue::Boolean(true.into()))),
        1 => Just(None),
    ]
}

fn any_extension() -> impl Strategy<Value = Extension> {
    let url = prop::sample::select(URLS.as_slice()).prop_map(str::to_owned);
    let id = prop::option::weighted(0.2, Just("x1".to_owned()));
    (url, id, any_value()).prop_map(|(url, id, value)| Extension { id, url, value, ..Default::default() })
}

/// Extensions, each with its place in the list.
fn extensions() -> impl Strategy<Value = Vec<(usize, Extension)>> {
    prop::collection::vec((0..4_usize, any_extension()), 0..6)
}

macro_rules! laws {
    ($($test:ident $name:ident)*) => {
        proptest! {
            #![proptest_config(ProptestConfig::with_cases(120))]
            $(
                #[test]
                fn $test(seed in any::<u64>(), extensions in extensions(), is_marked in any::<bool>()) {
                    let mut fhir = resources::$name::default();
                    fill_structure(<Resource as ReadableDocument>::MODEL, &mut fhir, seed);
                    for (place, extension) in extensions {
                        fhir.extension.insert(place.min(fhir.extension.len()), extension);
                    }
                    let url = <profiles::$name as Profile>::URL;
                    let mut marked = fhir.clone();
                    marked.meta.get_or_insert_default().profile.push(url.into());
                    let given = if is_marked { marked.clone() } else { fhir };
                    let profile = profiles::$name::from_fhir(given);
                    prop_assert_eq!(&profile, &profile.clone());
                    prop_assert_eq!(profile.into_fhir(), marked);
                }
            )*
        }
    };
}

laws! {
    a_patient_loses_nothing Patient
    a_practitioner_loses_nothing Practitioner
    a_related_person_loses_nothing RelatedPerson
    a_care_team_loses_nothing CareTeam
    an_organization_loses_nothing Organization
    a_device_loses_nothing Device
    an_endpoint_loses_nothing Endpoint
    an_activity_definition_loses_nothing ActivityDefinition
    a_task_loses_nothing Task
    a_subscription_loses_nothing Subscription
    an_audit_event_loses_nothing AuditEvent
}

fn reference(url: &str, to: &str) -> Extension {
    let value = Some(ExtensionValue::Reference(Box::new(Reference::to(to))));
    Extension { url: url.to_owned(), value, ..Default::default() }
}

fn urls(extensions: &[Extension]) -> Vec<&str> {
    extensions.iter().map(|extension| extension.url.as_str()).collect()
}

#[test]
fn the_values_of_extensions_are_fields_and_go_back_to_their_places() {
    let unknown = Extension { url: "http://example.org/unknown".to_owned(), ..Default::default() };
    let extension = vec![
        reference(url::INSTANTIATES, "ActivityDefinition/1"),
        unknown,
        reference(url::RESOURCE_ORIGIN, "Device/2"),
        reference(url::INSTANTIATES, "ActivityDefinition/3"),
    ];
    let mut task = profiles::Task::from_fhir(resources::Task { extension, ..Default::default() });
    assert_eq!(task.instantiates, Some(Reference::to("ActivityDefinition/1")));
    assert_eq!(task.resource_origin(), Some(&Reference::to("Device/2")));
    // The value of the second one has no field: it stays.
    assert_eq!(task.rest().extension[3], reference(url::INSTANTIATES, "ActivityDefinition/3"));

    task.instantiates = Some(Reference::to("ActivityDefinition/4"));
    task.resource_origin = None;
    let fhir = task.into_fhir();
    assert_eq!(urls(&fhir.extension), [url::INSTANTIATES, "http://example.org/unknown", url::INSTANTIATES]);
    assert_eq!(fhir.extension[0], reference(url::INSTANTIATES, "ActivityDefinition/4"));
}

#[test]
fn new_values_follow_what_is_there() {
    let extension = vec![reference(url::ENDPOINT, "Endpoint/1")];
    let fhir = resources::ActivityDefinition { extension, ..Default::default() };
    let mut definition = profiles::ActivityDefinition::from_fhir(fhir);
    definition.publisher_id.push("vuurtoren".into());
    definition.endpoint.push(Reference::to("Endpoint/2"));
    let fhir = definition.into_fhir();
    assert_eq!(urls(&fhir.extension), [url::ENDPOINT, url::ENDPOINT, url::PUBLISHER_ID]);
}

#[test]
fn a_profile_with_a_version_names_the_profile_too() {
    let versioned = format!("{}|0.16.3", profiles::Task::URL);
    let mut fhir = resources::Task::default();
    fhir.meta.get_or_insert_default().profile.push(versioned.as_str().into());
    assert_eq!(profiles::Task::from_fhir(fhir.clone()).into_fhir(), fhir);
}
