//! Every message in `fixtures/messages`, minimal, full and quirky, in both formats, is extracted.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use koppeltaal_fhir::resources::{MessageHeader, Other};
use koppeltaal_fhir::{Bundle, Category, Entry, Link, ReadOptions, Resource};
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
        assert!(!matches!(Content::from_message(&message), Content::Unknown(_)), "{name}");
        let _ = write!(overview, "{name}\n{}", describe(&message));
    }
    insta::assert_snapshot!(overview);
    Ok(())
}

#[test]
fn both_formats_give_the_same_message() -> Result {
    for path in messages()?.iter().filter(|path| !file_name(path).contains("quirky")) {
        let [json, xml] = ["json", "xml"].map(|format| path.with_extension(format));
        // Base64 and narrative are written differently in the two formats; the message is the same.
        let [json, xml] = [Message::extract(read(&json)?)?, Message::extract(read(&xml)?)?];
        assert_eq!(describe(&json), describe(&xml), "{}", path.display());
        assert_eq!(json.header, xml.header, "{}", path.display());
    }
    Ok(())
}

#[test]
fn an_extracted_message_becomes_its_bundle_again() -> Result {
    for path in messages()? {
        let mut bundle = read(&path)?;
        // One quirk is mended: a reference of the header that stands outside its element.
        for header in
            bundle.entry.iter_mut().filter_map(|entry| entry.content.as_mut()?.get_mut::<MessageHeader>())
        {
            *header = Header::from(std::mem::take(header)).into_fhir();
        }
        let again = Message::extract(bundle.clone())?.into_bundle();
        assert_eq!(again, bundle, "{}", path.display());
    }
    Ok(())
}

#[test]
fn a_bundle_of_any_content_comes_out_as_it_went_in() -> Result {
    let mut bundle = read(&fixtures("messages/CreateOrUpdateCarePlan-full.xml"))?;
    bundle.title = "Titel".into();
    bundle.total_results = 1.into();
    bundle.category.push(Category::new("https://a.example/scheme", "https://a.example/term"));
    // The header second, the focal resource last, a deleted entry between, ids that are not URLs.
    bundle.entry.swap(0, 1);
    let focal = bundle.entry.remove(0);
    bundle.entry.push(focal);
    bundle.entry.swap(0, 1);
    let deleted = Entry { id: Some("https://a.example/Patient/9".to_owned()), ..Entry::default() };
    bundle.entry.insert(2, deleted);
    bundle.entry[3].id = Some("cid:practitioner".to_owned());
    bundle.entry[3].link.push(Link::new("alternate", "https://a.example/x"));
    bundle.entry[3].title = "Behandelaar".into();
    let message = Message::extract(bundle.clone())?;
    assert_eq!(message.event(), Event::CreateOrUpdateCarePlan);
    assert!(message.resolve("cid:practitioner").is_some());
    assert_eq!(message.clone().into_bundle(), bundle);

    let mut changed = message;
    changed.domain = Some("Elders".to_owned());
    changed.related.truncate(1);
    let again = changed.into_bundle();
    assert_eq!(koppeltaal_messaging::domain_of(&again), Some("Elders"));
    assert_eq!(again.category.len(), bundle.category.len());
    assert_eq!(again.entry.len(), 4, "header, focal, one other, and the deleted one");
    Ok(())
}

#[test]
fn the_event_is_what_the_header_says() -> Result {
    let mut message = Message::extract(read(&fixtures("messages/CreateOrUpdatePatient-minimal.json"))?)?;
    message.header.set_event(Event::CreateOrUpdateRelatedPerson);
    assert_eq!(message.event(), Event::CreateOrUpdateRelatedPerson);
    message.header.fhir_mut().event = None;
    assert_eq!(message.event(), Event::CreateOrUpdatePatient, "what it was read as");
    Ok(())
}

#[test]
fn references_of_a_result_resolve_even_by_id_alone() -> Result {
    let path = fixtures("messages").join("CreateOrUpdateCarePlanActivityResult-quirky.json");
    let message = Message::extract(read(&path)?)?;
    let found = message.resolve("641").and_then(|entry| entry.url()).map(ToString::to_string);
    assert_eq!(found.as_deref(), Some("https://rom.example/fhir/Observation/641"));
    assert!(message.resolve("643").is_none());
    Ok(())
}

#[test]
fn an_empty_search_result_differs_from_a_bundle_without_header() -> Result {
    let empty = Message::extract(read(&fixtures("bundles/search-empty.json"))?);
    assert_eq!(empty.map_err(|error| error.reason), Err(ExtractReason::Empty));
    let mut bundle = read(&fixtures("messages/CreateOrUpdatePatient-minimal.json"))?;
    bundle.entry.remove(0);
    assert_eq!(Message::extract(bundle).map_err(|error| error.reason), Err(ExtractReason::NoHeader));
    Ok(())
}

#[test]
fn a_list_of_headers_is_not_a_message_but_can_be_read() -> Result {
    let bundle = read(&fixtures("bundles/search-page.xml"))?;
    let count = Header::all_from_bundle(&bundle).count();
    assert!(count > 1);
    assert!(Header::all_from_bundle(&bundle).all(|header| header.url().is_some()));
    let error = Message::extract(bundle).expect_err("several headers");
    assert_eq!(error.reason, ExtractReason::SeveralHeaders(count));
    assert_eq!(Header::all_from_bundle(&error.bundle).count(), count);
    Ok(())
}

#[test]
fn an_unknown_event_keeps_the_bundle_and_shows_nothing_of_it() -> Result {
    let mut bundle = read(&fixtures("messages/CreateOrUpdatePatient-full.json"))?;
    for entry in &mut bundle.entry {
        if let Some(header) = entry.content.as_mut().and_then(Resource::get_mut::<MessageHeader>) {
            header.event.as_mut().ok_or("no event")?.code = "CreateOrUpdateMedication".into();
        }
    }
    let error = Message::extract(bundle.clone()).expect_err("an unknown event");
    assert_eq!(error.to_string(), "\"CreateOrUpdateMedication\" is not an event of Koppeltaal");
    assert_eq!(*error.bundle, bundle);
    assert_eq!(Content::from(bundle.clone()), Content::Unknown(Box::new(bundle)));
    assert!(!format!("{error:?}").contains("Zwaluwbeek"));
    Ok(())
}

#[test]
fn a_bundle_without_a_focal_resource_is_not_a_message() -> Result {
    let mut bundle = read(&fixtures("messages/CreateOrUpdateCarePlan-minimal.json"))?;
    bundle.entry.retain(|entry| !matches!(entry.content, Some(Resource::CarePlan(_))));
    let error = Message::extract(bundle).expect_err("no care plan");
    assert_eq!(error.reason, ExtractReason::NoFocal { event: Event::CreateOrUpdateCarePlan });
    Ok(())
}

#[test]
fn misplaced_elements_of_a_header_and_an_other_are_read() -> Result {
    let plan = Message::extract(read(&fixtures("messages/CreateOrUpdateCarePlan-quirky.xml"))?)?;
    assert_eq!(plan.header.data().collect::<Vec<_>>(), ["https://portal.example/fhir/CarePlan/900"]);
    assert!(plan.header.fhir().unknown.is_empty());
    for format in ["json", "xml"] {
        let path = fixtures("messages").join(format!("CreateOrUpdateUserMessage-quirky.{format}"));
        let message = Message::extract(read(&path)?)?;
        assert_eq!(message.focal.kind(), Some(ResourceKind::UserMessage), "{format}");
        assert!(matches!(Content::from_message(&message), Content::UserMessage(_)), "{format}");
        // The meaning is read, and the resource does not change.
        let other = message.focal.get::<Other>().ok_or("no Other")?;
        assert!(other.code.is_some() || !other.unknown.is_empty(), "{format}");
    }
    Ok(())
}

#[test]
fn misplaced_references_in_json_are_read_too() -> Result {
    let header = |bare: &str| -> std::result::Result<Header, Box<dyn std::error::Error>> {
        let text = format!("{{\"resourceType\": \"MessageHeader\", \"reference\": {bare}}}");
        let read = ReadOptions::tolerant().json(text.as_bytes())?.document;
        Ok(Header::from(read.get::<MessageHeader>().ok_or("no header")?.clone()))
    };
    let wrapped = header("\"https://a.example/Patient/1\"")?;
    assert_eq!(wrapped.data().collect::<Vec<_>>(), ["https://a.example/Patient/1"]);
    assert!(wrapped.fhir().unknown.is_empty());
    // An element that is not a reference stays in its place.
    for bare in ["{\"reference\": {\"a\": 1}}", "{}", "[\"https://a.example/Patient/1\"]"] {
        let header = header(bare)?;
        assert_eq!(header.data().count(), 0, "{bare}");
        assert_eq!(
            header.fhir().unknown.iter().map(koppeltaal_fhir::UnknownNode::name).collect::<Vec<_>>(),
            ["reference"],
            "{bare}"
        );
    }
    Ok(())
}

#[test]
fn the_content_is_of_the_variant_of_the_event() -> Result {
    let message = |name: &str| -> std::result::Result<Message, Box<dyn std::error::Error>> {
        Ok(Message::extract(read(&fixtures("messages").join(name))?)?)
    };
    let Content::CarePlan(plan) = message("CreateOrUpdateCarePlan-full.xml")?.into() else {
        panic!("no care plan")
    };
    assert_eq!(plan.participant.len(), 3);
    let mut result = message("CreateOrUpdateCarePlanActivityResult-minimal.json")?;
    assert!(matches!(Content::from_message(&result), Content::CarePlanActivityResult(_)));
    // The form of a result in the documentation, which has not been seen on the wire.
    let other = Other { code: ResourceKind::CarePlanActivityResult.usage_concept(), ..Other::default() };
    *result.focal.resource_mut() = other.into();
    let bundle = result.into_bundle();
    let again = Message::extract(bundle.clone())?;
    for unknown in [Content::from_message(&again), again.into(), bundle.clone().into()] {
        assert_eq!(unknown, Content::Unknown(Box::new(bundle.clone())));
    }
    Ok(())
}
