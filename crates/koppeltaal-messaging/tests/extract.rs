//! Every message in `fixtures/messages`, minimal, full and quirky, in both formats, is extracted.
#![cfg(all(feature = "json", feature = "xml"))]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use koppeltaal_fhir::resources::{MessageHeader, Other};
use koppeltaal_fhir::{Bundle, Document, ReadOptions, Resource};
use koppeltaal_messaging::{Content, Event, ExtractReason, Header, Message, ResourceKind};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(folder)
}

fn read(path: &Path) -> std::result::Result<Bundle, Box<dyn std::error::Error>> {
    let text = fs::read(path)?;
    let is_xml = path.extension().is_some_and(|extension| extension == "xml");
    let options = ReadOptions::tolerant();
    let read = if is_xml { options.xml(&text) } else { options.json(&text) }?;
    read.document.into_bundle().map_err(|_| format!("{} holds no bundle", path.display()).into())
}

fn messages() -> std::result::Result<Vec<PathBuf>, Box<dyn std::error::Error>> {
    let mut files = fs::read_dir(fixtures("messages"))?
        .map(|file| Ok(file?.path()))
        .collect::<std::io::Result<Vec<_>>>()?;
    files.sort();
    assert!(files.len() >= 48, "{} files", files.len());
    Ok(files)
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn describe(message: &Message) -> String {
    let mut text = String::new();
    let header = &message.header;
    let shown = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let state = header.processing();
    let _ = writeln!(
        text,
        "  domain {}, header {}",
        shown(message.domain.as_deref()),
        shown(header.url().map(AsRef::as_ref))
    );
    let _ =
        writeln!(text, "  from {} by {}", shown(header.source_endpoint()), shown(header.source_software()));
    let _ = writeln!(
        text,
        "  patient {}, in the message: {}",
        shown(header.patient()),
        message.patient().is_some()
    );
    let _ = writeln!(text, "  status {}", shown(state.as_ref().and_then(|state| state.code())));
    for entry in message.entries() {
        let name = entry.kind().map(ResourceKind::name).unwrap_or(entry.resource().resource_type());
        let _ = writeln!(text, "  {name} {}", shown(entry.url().map(AsRef::as_ref)));
    }
    text
}

#[test]
fn every_fixture_extracts_to_its_event() -> Result {
    let mut overview = String::new();
    for path in messages()? {
        let name = file_name(&path);
        let message = Message::extract(read(&path)?).map_err(|error| format!("{name}: {error}"))?;
        let (event, _) = name.split_once('-').ok_or("a name without dash")?;
        assert_eq!(message.event(), event.parse::<Event>()?, "{name}");
        assert!(message.event().takes_as_focal(message.focal.resource()), "{name}");
        assert!(!matches!(Content::of(&message), Content::Unknown(_)), "{name}");
        let _ = write!(overview, "{name}\n{}", describe(&message));
    }
    insta::assert_snapshot!(overview);
    Ok(())
}

#[test]
fn both_formats_give_the_same_message() -> Result {
    for path in messages()?.iter().filter(|path| !file_name(path).contains("quirky")) {
        let [json, xml] = ["json", "xml"].map(|format| path.with_extension(format));
        // The markup of base64 and narrative differs by format; what a message is made of does not.
        let [json, xml] = [Message::extract(read(&json)?)?, Message::extract(read(&xml)?)?];
        assert_eq!(describe(&json), describe(&xml), "{}", path.display());
        assert_eq!(json.header, xml.header, "{}", path.display());
    }
    Ok(())
}

#[test]
fn a_message_survives_being_made_a_bundle_again() -> Result {
    for path in messages()? {
        let message = Message::extract(read(&path)?)?;
        let text = Document::from(message.clone().into_bundle()).to_json()?;
        let again =
            ReadOptions::tolerant().json(text.as_bytes())?.document.into_bundle().map_err(|_| "no bundle")?;
        let again = Message::extract(again)?;
        assert_eq!(again.event(), message.event(), "{}", path.display());
        assert_eq!(describe(&again), describe(&message), "{}", path.display());
        assert_eq!(again.header.identifier(), message.header.identifier(), "{}", path.display());
    }
    Ok(())
}

#[test]
fn resources_lose_nothing_on_the_way_through() -> Result {
    for path in messages()?.iter().filter(|path| !file_name(path).contains("quirky")) {
        let bundle = read(path)?;
        let before: Vec<Resource> = bundle.resources().cloned().collect();
        let after = Message::extract(bundle)?.into_bundle();
        assert_eq!(after.resources().cloned().collect::<Vec<_>>(), before, "{}", path.display());
    }
    Ok(())
}

#[test]
fn references_of_a_result_resolve_even_by_bare_id() -> Result {
    let path = fixtures("messages").join("CreateOrUpdateCarePlanActivityResult-quirky.json");
    let message = Message::extract(read(&path)?)?;
    let found = message.resolve("641").and_then(|entry| entry.url()).map(ToString::to_string);
    assert_eq!(found.as_deref(), Some("https://rom.example/fhir/Observation/641"));
    assert!(message.resolve("643").is_none());
    Ok(())
}

#[test]
fn an_empty_search_result_is_told_from_a_bundle_without_header() -> Result {
    let empty = Message::extract(read(&fixtures("bundles/search-empty.json"))?);
    assert_eq!(empty.map_err(|error| error.reason), Err(ExtractReason::Empty));
    let mut bundle = read(&fixtures("messages/CreateOrUpdatePatient-minimal.json"))?;
    bundle.entry.remove(0);
    assert_eq!(Message::extract(bundle).map_err(|error| error.reason), Err(ExtractReason::NoHeader));
    Ok(())
}

#[test]
fn a_list_of_headers_is_no_message_but_can_be_read() -> Result {
    let bundle = read(&fixtures("bundles/search-page.xml"))?;
    let count = Header::all_of(&bundle).count();
    assert!(count > 1);
    assert!(Header::all_of(&bundle).all(|header| header.url().is_some()));
    let error = Message::extract(bundle).expect_err("several headers");
    assert_eq!(error.reason, ExtractReason::SeveralHeaders(count));
    assert_eq!(Header::all_of(&error.bundle).count(), count);
    Ok(())
}

#[test]
fn an_unknown_event_keeps_the_bundle_and_shows_nothing_of_it() -> Result {
    let mut bundle = read(&fixtures("messages/CreateOrUpdatePatient-full.json"))?;
    for entry in &mut bundle.entry {
        if let Some(Resource::MessageHeader(header)) = &mut entry.content {
            header.event.as_mut().ok_or("no event")?.code = "CreateOrUpdateMedication".into();
        }
    }
    let error = Message::extract(bundle.clone()).expect_err("an event that is none of the eight");
    assert_eq!(error.to_string(), "\"CreateOrUpdateMedication\" is not an event of Koppeltaal");
    assert_eq!(*error.bundle, bundle);
    assert!(!format!("{error:?}").contains("Zwaluwbeek"));
    Ok(())
}

#[test]
fn a_message_without_its_focal_resource_is_none() -> Result {
    let mut bundle = read(&fixtures("messages/CreateOrUpdateCarePlan-minimal.json"))?;
    bundle.entry.retain(|entry| !matches!(entry.content, Some(Resource::CarePlan(_))));
    let error = Message::extract(bundle).expect_err("no care plan");
    assert_eq!(error.reason, ExtractReason::NoFocal { event: Event::CreateOrUpdateCarePlan });
    Ok(())
}

#[test]
fn bare_elements_of_a_header_and_an_other_find_their_place() -> Result {
    let plan = Message::extract(read(&fixtures("messages/CreateOrUpdateCarePlan-quirky.xml"))?)?;
    assert_eq!(plan.header.data().collect::<Vec<_>>(), ["https://portal.example/fhir/CarePlan/900"]);
    assert!(plan.header.fhir().unknown.is_empty());
    for format in ["json", "xml"] {
        let path = fixtures("messages").join(format!("CreateOrUpdateUserMessage-quirky.{format}"));
        let message = Message::extract(read(&path)?)?;
        assert_eq!(message.focal.kind(), Some(ResourceKind::UserMessage), "{format}");
        let other = message.focal.get::<Other>().ok_or("no Other")?;
        assert!(other.unknown.is_empty(), "{format}");
    }
    Ok(())
}

#[test]
fn bare_references_in_json_find_their_place_too() -> Result {
    for bare in
        ["\"https://a.example/Patient/1\"", "[\"https://a.example/Patient/1\"]", "{\"reference\": 1}", "null"]
    {
        let text = format!("{{\"resourceType\": \"MessageHeader\", \"reference\": {bare}}}");
        let read = ReadOptions::tolerant().json(text.as_bytes())?.document;
        let fhir = read.get::<MessageHeader>().ok_or("no header")?.clone();
        let header = Header::from(fhir.clone());
        // What is no reference stays where it was.
        if bare.starts_with('"') {
            assert_eq!(header.data().collect::<Vec<_>>(), ["https://a.example/Patient/1"]);
            assert!(header.fhir().unknown.is_empty());
        } else {
            assert!(header.data().next().is_none() || header.fhir().unknown.is_empty(), "{bare}");
        }
    }
    Ok(())
}

#[test]
fn the_content_has_the_type_of_the_event() -> Result {
    let message = |name: &str| -> std::result::Result<Message, Box<dyn std::error::Error>> {
        Ok(Message::extract(read(&fixtures("messages").join(name))?)?)
    };
    let Content::CarePlan(plan) = message("CreateOrUpdateCarePlan-full.xml")?.into() else {
        panic!("no care plan")
    };
    assert_eq!(plan.participant.len(), 3);
    let mut result = message("CreateOrUpdateCarePlanActivityResult-minimal.json")?;
    assert!(matches!(Content::of(&result), Content::ActivityResult(_)));
    // The form that the documentation gives a result, which nobody has seen on the wire.
    let other = Other { code: ResourceKind::CarePlanActivityResult.usage_concept(), ..Other::default() };
    *result.focal.resource_mut() = other.into();
    let again = Message::extract(result.into_bundle())?;
    assert!(matches!(Content::of(&again), Content::Unknown(_)));
    Ok(())
}
