//! No error shows content of a message: a marker is put into each text of messages, and every error and
//! finding that this provokes is searched for it.

use std::error::Error;
use std::fmt::{Debug, Display};
use std::ops::Range;
use std::path::Path;

use koppeltaal_fhir::resources::{Patient, RelatedPerson};
use koppeltaal_fhir::{Format, ReadOptions};
use koppeltaal_messaging::{
    ComposeError, Draft, Event, Header, Message, ProcessingStatus, Reply, ResourceUrl, Sender, Source,
    Validator,
};

/// A name, a name that is markup, a BSN that passes the elfproef, and a URL with an id.
const MARKERS: [&str; 4] =
    ["Jan Zwartkruin", "&lt;Zwartkruin `a`", "111222333", "https://epd.example/fhir/Patient/Zwartkruin-9"];

fn is_clean(text: &str) -> bool {
    !MARKERS.iter().any(|marker| text.contains(marker)) && !text.contains("Zwartkruin")
}

/// Checks what an error or finding shows.
fn check(error: &(impl Debug + Display), place: &str) {
    assert!(is_clean(&error.to_string()), "{place}: {error}");
    assert!(is_clean(&format!("{error:?}")), "{place}: {error:?}");
}

/// The same for an error with its causes.
fn check_all(error: &(dyn Error + 'static), place: &str) {
    check(&error, place);
    if let Some(cause) = error.source() {
        check_all(cause, place);
    }
}

/// The texts of a JSON or XML document: all between quotes, and in XML also all between tags.
fn texts(text: &str) -> Vec<Range<usize>> {
    let mut texts = Vec::new();
    let mut start = None;
    for (at, byte) in text.bytes().enumerate() {
        match (byte, start) {
            (b'"', None) => start = Some(at + 1),
            (b'"', Some(from)) => {
                // The name of a member is structure.
                if !text[at + 1..].starts_with(':') {
                    texts.push(from..at);
                }
                start = None;
            }
            _ => {}
        }
    }
    for (at, _) in text.match_indices('>') {
        let length = text[at + 1..].find('<').unwrap_or_default();
        if !text[at + 1..at + 1 + length].trim().is_empty() {
            texts.push(at + 1..at + 1 + length);
        }
    }
    texts
}

fn sender() -> Sender {
    let source = Source {
        name: "Zonnedauw".to_owned(),
        software: "EPD".to_owned(),
        version: "1".to_owned(),
        endpoint: "https://epd.example/fhir".to_owned(),
    };
    Sender::new(source, "Zonnedauw")
}

/// Reads, writes, extracts, validates and composes a text, and returns how many errors there were.
fn provoke(format: Format, text: &str, place: &str) -> usize {
    let mut errors = 0;
    let mut failed = |error: &(dyn Error + 'static)| {
        errors += 1;
        check_all(error, place);
    };
    if let Err(error) = ReadOptions::strict().read(format, text.as_bytes()) {
        failed(&error);
    }
    let read = match ReadOptions::tolerant().read(format, text.as_bytes()) {
        Ok(read) => read,
        Err(error) => {
            failed(&error);
            return errors;
        }
    };
    for finding in read.findings.iter().chain(&Validator::default().validate_document(&read)) {
        check(finding, place);
        check(&finding.summary().to_string(), place);
    }
    for format in Format::ALL {
        if let Err(error) = read.document.write(format) {
            failed(&error);
        }
    }
    let Ok(bundle) = read.document.into_bundle() else { return errors };
    let mut request = Header::new(Event::CreateOrUpdateCarePlan, Default::default());
    for identifier in ["another", "c43f4204-e06b-565e-abf2-6743a4f3a597"] {
        request.set_identifier(identifier);
        if let Err(error) = Reply::read(bundle.clone(), request.fhir()) {
            failed(&error);
        }
    }
    let message = match Message::extract(bundle) {
        Ok(message) => message,
        Err(error) => {
            failed(&error);
            return errors;
        }
    };
    if let Some(url) = message.focal.url() {
        let mut draft = Draft::new(message.event(), url.clone(), message.focal.resource().clone());
        for entry in &message.related {
            if let Some(url) = entry.url() {
                draft = draft.with_resource(url.clone(), entry.resource().clone());
            }
        }
        if let Err(error) = Message::compose(&sender(), draft) {
            failed(&error);
        }
    }
    errors
}

#[test]
fn no_error_shows_what_stands_in_a_message() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let mut errors = 0;
    for name in [
        "messages/CreateOrUpdatePatient-full",
        "messages/CreateOrUpdateRelatedPerson-minimal",
        "messages/CreateOrUpdateCarePlan-minimal",
        "bundles/mailbox-reply-error",
    ] {
        for format in [Format::Json, Format::Xml] {
            let Ok(text) = std::fs::read_to_string(folder.join(format!("{name}.{format}"))) else { continue };
            for (number, range) in texts(&text).into_iter().enumerate() {
                for (index, marker) in MARKERS.into_iter().enumerate() {
                    let place = format!("{name}.{format}: {marker} for {}", &text[range.clone()]);
                    let start = format!("{}{marker}", &text[..range.start]);
                    errors += provoke(format, &format!("{start}{}", &text[range.end..]), &place);
                    if number % MARKERS.len() != index {
                        continue;
                    }
                    // Texts that break off, or go on as markup.
                    for rest in ["", "</Zwartkruin>", "&Zwartkruin;", "\"<Zwartkruin:a/>", "\"Zwartkruin"] {
                        errors += provoke(format, &format!("{start}{rest}"), &place);
                    }
                }
            }
        }
    }
    assert!(errors > 1000, "{errors}");
}

#[test]
fn no_error_of_composing_shows_a_url() {
    let url = |text: &str| text.parse::<ResourceUrl>().expect("a URL");
    let patient = url("https://epd.example/fhir/Patient/Zwartkruin-9");
    let draft = || Draft::new(Event::CreateOrUpdatePatient, patient.clone(), Patient::default());
    let person = RelatedPerson { patient: Some((&patient).into()), ..RelatedPerson::default() };
    let related = url("https://epd.example/fhir/RelatedPerson/Zwartkruin-8");
    let mut kinds = Vec::new();
    for draft in [
        draft().with_resource(url("Patient/Zwartkruin-9"), Patient::default()),
        draft().with_resource(url("https://epd.example/fhir/CarePlan/Zwartkruin"), Patient::default()),
        draft().with_resource(patient.clone(), Patient::default()),
        Draft::new(Event::CreateOrUpdateRelatedPerson, related, person),
        Draft::new(Event::CreateOrUpdateCarePlan, patient.clone(), Patient::default()),
    ] {
        let error = Message::compose(&sender(), draft).expect_err("a wrong draft");
        check_all(&error, "compose");
        if let ComposeError::Missing(missing) = &error {
            missing.iter().for_each(|missing| check(missing, "missing"));
        }
        kinds.push(std::mem::discriminant(&error));
    }
    kinds.dedup();
    assert_eq!(kinds.len(), 5, "each is another error");
}

#[test]
fn a_code_that_is_unknown_is_shown_only_if_it_looks_like_a_code() {
    for marker in MARKERS {
        check_all(&marker.parse::<Event>().expect_err("no event"), marker);
        check_all(&marker.parse::<ProcessingStatus>().expect_err("no status"), marker);
    }
    let error = "CreateOrUpdateMedication".parse::<Event>().expect_err("no event");
    assert_eq!(error.to_string(), "\"CreateOrUpdateMedication\" is not an event of Koppeltaal");
    assert_eq!(error.0, "CreateOrUpdateMedication");
}
