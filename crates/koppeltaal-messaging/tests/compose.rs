//! Composed messages follow the connector guide, for every event and both api-versions.

use std::fs;
use std::path::Path;

use koppeltaal_fhir::datatypes::{Extension, ExtensionValue, ResourceReference};
use koppeltaal_fhir::resources::{
    CarePlan, CarePlanParticipant, Conformance, Other, Patient, Practitioner, RelatedPerson,
};
use koppeltaal_fhir::{Bundle, Document, ReadOptions};
use koppeltaal_messaging::{
    ApiVersion, CONNECTOR_VERSION, ComposeError, Draft, Event, Message, MessageEntry, MissingReference,
    ResourceKind, ResourceUrl, Sender, Source, profiles,
};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

const VERSION: &str = "2023-03-31T09:30:05:118.4467";

fn source(base: &str) -> Source {
    Source {
        name: "Zonnedauw".to_owned(),
        software: "Portaal".to_owned(),
        version: "4.1".to_owned(),
        endpoint: base.to_owned(),
    }
}

fn sender(base: &str) -> Sender {
    Sender::new(source(base), "Zonnedauw")
}

fn portal() -> Sender {
    sender("https://portal.example/fhir")
}

fn url(text: &str) -> ResourceUrl {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn to(text: &str) -> ResourceReference {
    ResourceReference { reference: text.into(), ..ResourceReference::default() }
}

fn fixture(event: Event, variant: &str) -> std::result::Result<Message, Box<dyn std::error::Error>> {
    let name = format!("../../fixtures/messages/{event}-{variant}.json");
    let text = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(name))?;
    let bundle = ReadOptions::tolerant().json(&text)?.document.into_bundle().map_err(|_| "no bundle")?;
    Ok(Message::extract(bundle)?)
}

/// A draft with the resources of a message that was read, and the base of its sender.
fn draft_of(message: Message) -> std::result::Result<(String, Draft), Box<dyn std::error::Error>> {
    let base = message.header.source_endpoint().ok_or("no endpoint")?.to_owned();
    let mut draft = Draft::new(
        message.event(),
        message.focal.url().cloned().ok_or("no URL")?,
        message.focal.resource().clone(),
    );
    if let Some(patient) = message.header.patient() {
        draft = draft.with_patient(&patient.parse()?);
    }
    for entry in message.related {
        draft = draft.with_resource(entry.url().cloned().ok_or("no URL")?, entry.into_resource());
    }
    Ok((base, draft))
}

/// Checks the values that differ each time, and replaces them with fixed ones.
fn steady(mut bundle: Bundle) -> Bundle {
    let ids = [bundle.id.take(), bundle.entry[0].id.take()].map(Option::unwrap_or_default);
    for id in &ids {
        assert!(id.starts_with("urn:uuid:") && id.len() == 45, "{id}");
    }
    assert_ne!(ids[0], ids[1]);
    assert!(bundle.updated.get().is_some());
    bundle.id = Some("urn:uuid:1c7d4a23-d0dc-4d27-8f89-bae676577290".to_owned());
    bundle.updated = "2023-03-31T09:30:05Z".parse().expect("an instant");
    bundle.entry[0].id = Some("urn:uuid:854bb647-68ca-465c-838a-f728ac51dd28".to_owned());
    bundle
}

#[test]
fn every_event_composes_exactly_as_the_snapshot() -> Result {
    for event in Event::ALL {
        let (base, draft) = draft_of(fixture(event, "minimal")?)?;
        let draft = draft
            .with_identifier("47b45f9f-a208-4a26-a4ce-c71eff6e541f")
            .with_timestamp("2023-03-31T11:30:05+02:00".parse()?);
        let bundle = steady(Message::compose(&sender(&base), draft)?.into_bundle());
        let json = Document::from(bundle).to_json_pretty()?.replace(CONNECTOR_VERSION, "[connector version]");
        insta::assert_snapshot!(event.code(), json);
    }
    Ok(())
}

#[test]
fn the_rules_of_messages_hold_for_resources_with_versions() -> Result {
    for (event, api_version) in
        Event::ALL.into_iter().flat_map(|event| [(event, ApiVersion::V1_3_3), (event, ApiVersion::V1_3_5)])
    {
        let original = fixture(event, "full")?;
        let focal = original.focal.url().cloned().ok_or("no URL")?;
        let count = original.related.len();
        let (base, draft) = draft_of(original)?;
        let bundle = Message::compose(&sender(&base).with_api_version(api_version), draft)?.into_bundle();

        let tags: Vec<_> =
            bundle.category.iter().map(|c| (c.scheme.as_str(), c.term.as_str(), c.label.as_str())).collect();
        assert_eq!(
            tags,
            [
                (
                    "http://hl7.org/fhir/tag/security",
                    "http://ggz.koppeltaal.nl/fhir/Koppeltaal/Domain#Zonnedauw",
                    "Zonnedauw"
                ),
                ("http://hl7.org/fhir/tag", "http://hl7.org/fhir/tag/message", ""),
            ]
        );
        assert_eq!(bundle.entry.len(), 2 + count);
        let header =
            koppeltaal_messaging::Header::from_entry_ref(&bundle.entry[0]).ok_or("no header in front")?;
        assert_eq!(bundle.entry[0].link("self"), None);
        assert_eq!(header.data().collect::<Vec<_>>(), [focal.as_str()]);
        assert_eq!(header.patient().is_some(), event.has_patient());
        for (index, entry) in bundle.entry.iter().enumerate().skip(1) {
            let (id, self_link) =
                (url(entry.id.as_deref().ok_or("no id")?), url(entry.link("self").ok_or("no link")?));
            assert_eq!(id.version(), None);
            assert!(self_link.same_resource(&id));
            let versioned = index == 1 || api_version == ApiVersion::V1_3_5;
            assert_eq!(self_link.version().is_some(), versioned, "{event} {api_version} {self_link}");
        }
        // Only the header has a reference with a version.
        let text = Document::from(bundle).to_json()?;
        let references = text.match_indices("\"reference\":\"").map(|(at, key)| &text[at + key.len()..]);
        let versioned =
            references.filter(|rest| rest.split('"').next().is_some_and(|text| text.contains("/_history/")));
        assert_eq!(versioned.count(), 1, "{event}");
    }
    Ok(())
}

#[test]
fn a_composed_message_extracts_to_itself_in_both_formats() -> Result {
    for event in Event::ALL {
        let (base, draft) = draft_of(fixture(event, "full")?)?;
        let message = Message::compose(&sender(&base), draft)?;
        let document = Document::from(message.clone().into_bundle());
        let json = ReadOptions::strict().json(document.to_json()?.as_bytes())?;
        let xml = ReadOptions::tolerant().xml(document.to_xml()?.as_bytes())?;
        for read in [json, xml] {
            let again = Message::extract(read.document.into_bundle().map_err(|_| "no bundle")?)?;
            assert_eq!((&again.id, &again.domain), (&message.id, &message.domain));
            assert_eq!(again.event(), message.event());
            assert_eq!(again.header.fhir(), message.header.fhir());
            let all = |message: &Message| {
                let entries = message.entries().map(|entry| (entry.url().cloned(), entry.resource().clone()));
                entries.collect::<Vec<_>>()
            };
            assert_eq!(all(&again), all(&message), "{event}");
        }
    }
    Ok(())
}

#[test]
fn references_lose_their_versions_and_keep_everything_else() -> Result {
    let versioned = format!("https://epd.example/fhir/Patient/1/_history/{VERSION}");
    let mut patient = to(&versioned);
    patient.display = "Mees".into();
    patient.reference.set_id(Some("r1".to_owned()));
    let member = ExtensionValue::Resource(Box::new(to(&format!(
        "https://epd.example/fhir/Practitioner/2/_history/{VERSION}"
    ))));
    let plan = CarePlan {
        patient: Some(patient),
        participant: vec![CarePlanParticipant {
            extension: vec![Extension {
                url: "https://a.example/x".into(),
                value: Some(member),
                ..Extension::default()
            }],
            member: Some(to("#contained")),
            ..CarePlanParticipant::default()
        }],
        ..CarePlan::default()
    };
    let draft =
        Draft::new(Event::CreateOrUpdateCarePlan, url("https://portal.example/fhir/CarePlan/9"), plan);
    let message = Message::compose(&portal(), draft)?;
    assert_eq!(message.header.patient(), Some("https://epd.example/fhir/Patient/1"));
    let plan = message.focal.get::<CarePlan>().ok_or("no plan")?;
    let patient = plan.patient.as_ref().ok_or("no patient")?;
    assert_eq!(patient.reference.as_str(), Some("https://epd.example/fhir/Patient/1"));
    assert_eq!((patient.reference.id(), patient.display.as_str()), (Some("r1"), Some("Mees")));
    let participant = &plan.participant[0];
    assert_eq!(participant.member, Some(to("#contained")));
    let member = ExtensionValue::Resource(Box::new(to("https://epd.example/fhir/Practitioner/2")));
    assert_eq!(participant.extension[0].value, Some(member));
    Ok(())
}

fn related_person() -> RelatedPerson {
    RelatedPerson { patient: Some(to("https://portal.example/fhir/Patient/1")), ..RelatedPerson::default() }
}

#[test]
fn resources_that_the_sender_owns_and_refers_to_must_be_in_the_message() -> Result {
    let person = url("https://portal.example/fhir/RelatedPerson/2");
    let patient = url("https://portal.example/fhir/Patient/1");
    let draft = Draft::new(Event::CreateOrUpdateRelatedPerson, person.clone(), related_person());
    let error = Message::compose(&portal(), draft.clone()).expect_err("a missing patient");
    assert_eq!(
        error.to_string(),
        "referred to, but not in the message: Patient; add them to the draft by `with_resource`"
    );
    assert_eq!(
        error,
        ComposeError::Missing(vec![MissingReference { from: Some(person), to: patient.clone() }])
    );
    // It is there, in another version.
    Message::compose(
        &portal(),
        draft.clone().with_resource(patient.with_version(VERSION)?, Patient::default()),
    )?;
    // Another application owns it.
    Message::compose(&sender("https://other.example/fhir"), draft)?;
    Ok(())
}

#[test]
fn definitions_locations_and_the_patient_of_a_status_need_not_be_in_the_message() -> Result {
    let patient = url("https://portal.example/fhir/Patient/1");
    let place = ExtensionValue::Resource(Box::new(to("https://portal.example/fhir/Location/1")));
    let definition = to("https://portal.example/fhir/Other/ActivityDefinition:12");
    let status = Other {
        code: ResourceKind::CarePlanActivityStatus.usage_concept(),
        subject: Some((&patient).into()),
        author: Some(definition),
        extension: vec![Extension {
            url: "https://a.example/x".into(),
            value: Some(place),
            ..Extension::default()
        }],
        ..Other::default()
    };
    let focal = url("https://portal.example/fhir/CarePlanActivityStatus/1");
    let draft = Draft::new(Event::UpdateCarePlanActivityStatus, focal, status);
    let message = Message::compose(&portal(), draft)?;
    assert_eq!(message.header.patient(), Some(patient.as_str()));
    Ok(())
}

#[test]
fn the_patient_in_the_header_must_be_in_the_message_too() -> Result {
    let patient = url("https://portal.example/fhir/Patient/1");
    let message = Other { code: ResourceKind::UserMessage.usage_concept(), ..Other::default() };
    let focal = url("https://portal.example/fhir/UserMessage/1");
    let draft = Draft::new(Event::CreateOrUpdateUserMessage, focal, message).with_patient(&patient);
    let error = Message::compose(&portal(), draft.clone()).expect_err("a missing patient");
    assert_eq!(error, ComposeError::Missing(vec![MissingReference { from: None, to: patient.clone() }]));
    Message::compose(&portal(), draft.with_resource(patient, Patient::default()))?;
    Ok(())
}

#[test]
fn a_draft_that_does_not_become_a_message_says_why() {
    let patient = || url("https://portal.example/fhir/Patient/1");
    let practitioner = || url("https://portal.example/fhir/Practitioner/1");
    let for_patient = || Draft::new(Event::CreateOrUpdatePatient, patient(), Patient::default());
    let status = || Other { code: ResourceKind::CarePlanActivityStatus.usage_concept(), ..Other::default() };
    let focal_status = url("https://portal.example/fhir/CarePlanActivityStatus/1");
    for (draft, expected) in [
        (
            Draft::new(Event::CreateOrUpdateCarePlan, patient(), Patient::default()),
            "CreateOrUpdateCarePlan is about a CarePlan, not about a \"Patient\"",
        ),
        (
            Draft::new(Event::CreateOrUpdateUserMessage, focal_status.clone(), status()),
            "CreateOrUpdateUserMessage is about a UserMessage, not about a \"CarePlanActivityStatus\"",
        ),
        (
            Draft::new(Event::UpdateCarePlanActivityStatus, focal_status, status()),
            "UpdateCarePlanActivityStatus needs a patient",
        ),
        (
            Draft::new(Event::CreateOrUpdatePractitioner, practitioner(), Practitioner::default())
                .with_patient(&patient()),
            "CreateOrUpdatePractitioner has no patient",
        ),
        (
            for_patient()
                .with_resource(url("https://portal.example/fhir/Conformance/1"), Conformance::default()),
            "the resource type \"Conformance\" is not supported",
        ),
        (
            for_patient().with_resource(url("Practitioner/1"), Practitioner::default()),
            "the address of a Practitioner is not an absolute URL",
        ),
        (
            for_patient()
                .with_resource(url("https://portal.example/fhir/CarePlan/1"), Practitioner::default()),
            "the address of a Practitioner says that it is a CarePlan",
        ),
        (
            for_patient().with_resource(patient().with_version("1").expect("a version"), Patient::default()),
            "a Patient is in the message twice",
        ),
    ] {
        let result = Message::compose(&portal(), draft).map(|_| ()).map_err(|error| error.to_string());
        assert_eq!(result, Err(expected.to_owned()));
    }
}

#[test]
fn a_profile_has_an_event_and_a_form_of_address() -> Result {
    let status = profiles::CarePlanActivityStatus { activity: Some("a1".into()), ..Default::default() };
    let patient = url("https://portal.example/fhir/Patient/1");
    let draft = portal().draft("718", status)?.with_patient(&patient);
    let message = Message::compose(&portal(), draft)?;
    assert_eq!(message.event(), Event::UpdateCarePlanActivityStatus);
    let address = message.focal.url().map(ResourceUrl::as_str);
    assert_eq!(address, Some("https://portal.example/fhir/CarePlanActivityStatus/718"));
    assert!(portal().draft("7/18", profiles::Patient::default()).is_err());
    Ok(())
}

#[test]
fn a_draft_is_based_on_a_version_unless_it_names_one_itself() -> Result {
    let address = url("https://portal.example/fhir/Patient/1");
    let (old, new) = (address.with_version("1")?, address.with_version("2")?);
    let focal = |draft: Draft| Message::compose(&portal(), draft).map(|message| message.focal.url().cloned());
    let draft = portal().draft("1", profiles::Patient::default())?;
    assert_eq!(focal(draft.clone().based_on(&new))?, Some(new.clone()));
    assert_eq!(focal(draft.clone().based_on(&old).based_on(&new))?, Some(old));
    assert_eq!(
        focal(draft.based_on(&url("https://portal.example/fhir/Patient/2/_history/2")))?,
        Some(address)
    );
    Ok(())
}

#[test]
fn a_version_that_becomes_known_later_stands_where_it_would_have_stood() -> Result {
    for event in Event::ALL {
        let (base, draft) = draft_of(fixture(event, "minimal")?)?;
        let message = Message::compose(&sender(&base), draft)?;
        let bare: Vec<ResourceUrl> =
            message.entries().filter_map(MessageEntry::url).map(ResourceUrl::without_version).collect();
        let json = Document::from(message.clone().into_bundle()).to_json()?;
        let document = ReadOptions::tolerant().json(json.as_bytes())?.document;
        let read = Message::extract(document.into_bundle().map_err(|_| "no bundle")?)?;
        for mut message in [message, read] {
            for url in &bare {
                message.set_version(&url.with_version(VERSION)?);
            }
            let bundle = message.into_bundle();
            let resources = bundle.entry.iter().skip(1);
            assert!(
                resources
                    .clone()
                    .filter_map(|entry| entry.id.as_deref())
                    .eq(bare.iter().map(koppeltaal_messaging::ResourceUrl::as_str))
            );
            let links: Vec<_> = resources.filter_map(|entry| entry.link("self")).collect();
            assert_eq!(links.len(), bare.len());
            assert!(links.iter().all(|link| link.ends_with(VERSION)), "{event}: {links:?}");
            let again = Message::extract(bundle)?;
            assert_eq!(again.header.focal().as_ref(), again.focal.url(), "{event}");
            assert_eq!(again.focal.url().and_then(ResourceUrl::version), Some(VERSION), "{event}");
        }
    }
    Ok(())
}
