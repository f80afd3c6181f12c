//! Replies to posted messages, as servers write them.

use std::fs;
use std::path::Path;

use koppeltaal_fhir::resources::{IssueSeverity, MessageHeaderSource};
use koppeltaal_fhir::{Bundle, ReadOptions};
use koppeltaal_messaging::valuesets::IssueType;
use koppeltaal_messaging::{Event, Header, Issue, Reference, Reply, ReplyError, details};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

fn fixture(name: &str) -> std::result::Result<Bundle, Box<dyn std::error::Error>> {
    let text = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/bundles").join(name))?;
    let options = ReadOptions::tolerant();
    let read = if name.ends_with("xml") { options.xml(&text) } else { options.json(&text) }?;
    read.document.into_bundle().map_err(|_| "no bundle".into())
}

fn request() -> Header {
    let mut header = Header::new(Event::CreateOrUpdateCarePlan, MessageHeaderSource::default());
    header.set_identifier("c43f4204-e06b-565e-abf2-6743a4f3a597");
    header
}

#[test]
fn a_reply_gives_the_new_versions_focal_resource_first() -> Result {
    for name in ["mailbox-reply.json", "mailbox-reply.xml"] {
        let reply = Reply::read(fixture(name)?, request().fhir())?;
        let versions: Vec<String> = reply.versions().map(String::from).collect();
        assert_eq!(
            versions,
            [
                "https://portal.example/fhir/CarePlan/910/_history/2023-03-31T09:30:05:990.1002",
                "https://epd.example/fhir/Patient/3007/_history/2023-03-31T09:30:05:991.4410",
                "https://epd.example/fhir/Practitioner/77/_history/2023-03-14T09:26:53:602.1180",
            ]
        );
    }
    Ok(())
}

#[test]
fn a_refusal_says_what_the_server_said() -> Result {
    for name in ["mailbox-reply-error.json", "mailbox-reply-error.xml"] {
        let error = Reply::read(fixture(name)?, request().fhir()).expect_err("a refusal");
        assert_eq!(error.to_string(), "the reply has response code \"fatal-error\", not ok");
        assert!(!format!("{error:?}").contains("No version"), "{error:?}");
        let ReplyError::NotOk { outcome: Some(outcome), .. } = error else { panic!("{error:?}") };
        let issues: Vec<_> = Issue::all_from_outcome(&outcome).collect();
        assert_eq!(issues.len(), 1);
        assert!(issues[0].is(IssueType::Conflict));
        assert_eq!(issues[0].severity, Some(IssueSeverity::Error));
        assert_eq!(issues[0].details.as_deref(), Some(details::NO_VERSION));
        assert_eq!(issues[0].resource, Some(Reference::from("https://portal.example/fhir/CarePlan/910")));
    }
    Ok(())
}

#[test]
fn a_reply_to_something_else_shows_what_came_back() -> Result {
    let bundle = fixture("mailbox-reply.json")?;
    let mut other_message = request();
    other_message.set_identifier("0525ecec-eae1-5661-b50f-d70d3b27bc3d");
    let mut other_event = request();
    other_event.set_event(Event::CreateOrUpdatePatient);
    let error = |request: &Header| {
        Reply::read(bundle.clone(), request.fhir()).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(
        error(&other_message),
        Err("the reply is about another message than 0525ecec-eae1-5661-b50f-d70d3b27bc3d".to_owned())
    );
    assert_eq!(
        error(&other_event),
        Err("the reply is about event \"CreateOrUpdateCarePlan\", not about CreateOrUpdatePatient".to_owned())
    );
    assert_eq!(Reply::read(Bundle::default(), request().fhir()), Err(ReplyError::NoHeader));
    let echo = fixture("search-page.json")?;
    assert_eq!(Reply::read(echo, request().fhir()), Err(ReplyError::NoResponse));
    Ok(())
}
