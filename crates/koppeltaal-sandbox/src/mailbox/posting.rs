//! [`Posting`]: a posted bundle, taken apart and checked by itself: without regard to what was posted before.

use std::collections::HashSet;

use koppeltaal_fhir::resources::Other;
use koppeltaal_fhir::{Bundle, Document, Entry, Format, Resource};
use koppeltaal_messaging::valuesets::IssueType;
use koppeltaal_messaging::{Event, Header, ResourceKind, ResourceUrl, domain_of};

use super::fingerprint::{Fingerprint, fingerprint};
use super::message::message_bytes;
use super::patient::patient_of;
use crate::definition;
use crate::refusal::Refusal;
use crate::representation::{self, RepresentationError, Source};

/// The longest URL of a resource, in bytes. The URLs of all resources with a version are remembered.
const MAXIMUM_URL: usize = 4096;

/// The longest identifier of a message, in bytes. Several tables have it.
const MAXIMUM_IDENTIFIER: usize = 1024;

/// Places in the header of a message.
const IDENTIFIER: &str = "entry[0].content.identifier";
const EVENT: &str = "entry[0].content.event";
const DATA: &str = "entry[0].content.data[0]";

/// A message that is about to be posted.
#[derive(Debug)]
pub(crate) struct Posting {
    pub(crate) identifier: String,
    pub(crate) event: Event,
    pub(crate) domain: String,
    pub(crate) patient: Option<String>,
    /// The header without status and data.
    pub(crate) header: Header,
    /// Place of the focal resource in `resources`.
    pub(crate) focal: usize,
    pub(crate) resources: Vec<PostedResource>,
    /// What the message will take in memory, in bytes.
    pub(crate) bytes: usize,
}

/// One resource of a posted message.
#[derive(Debug)]
pub(crate) struct PostedResource {
    /// URL without version.
    pub(crate) url: String,
    /// The version that the sender takes for the current one.
    pub(crate) version: Option<String>,
    /// URL, without version, of the patient whom it is about, if it is about one.
    pub(crate) patient: Option<Box<str>>,
    /// Equal for equal content.
    pub(crate) fingerprint: Fingerprint,
    /// Whether it is an activity definition. Those belong to the server and get no version through the
    /// mailbox.
    pub(crate) is_definition: bool,
    /// The entry without id and self link.
    pub(crate) entry: Entry,
}

impl Posting {
    /// Takes a bundle apart.
    pub(crate) fn read(bundle: Bundle, source: Source) -> Result<Self, Refusal> {
        let domain = domain_of(&bundle)
            .ok_or_else(|| {
                Refusal::required("The message has no security tag that names its domain.").at("category")
            })?
            .to_owned();
        let no_header = || {
            Refusal::malformed("The first entry of the message is not a MessageHeader.")
                .at("entry[0]")
                .expected("a MessageHeader")
        };
        match bundle.entry.split_first() {
            None => return Err(Refusal::malformed("The message is empty.").at("entry")),
            Some((Entry { content: Some(Resource::MessageHeader(_)), .. }, others)) => {
                check_types(others)?;
            }
            Some(_) => return Err(no_header()),
        }
        let mut bundle = check_bundle(bundle, source)?;
        let others = bundle.entry.split_off(1);
        let Some(Resource::MessageHeader(header)) = bundle.entry.pop().and_then(|entry| entry.content) else {
            return Err(no_header());
        };
        // The address that the sender gave it is dropped: each delivery has its own.
        let mut header = Header::from(header);

        let identifier = header.identifier().map(str::trim).filter(|identifier| !identifier.is_empty());
        let identifier = identifier
            .ok_or_else(|| Refusal::required("The MessageHeader has no identifier.").at(IDENTIFIER))?
            .to_owned();
        if identifier.len() > MAXIMUM_IDENTIFIER {
            return Err(too_long("The identifier of the MessageHeader", MAXIMUM_IDENTIFIER).at(IDENTIFIER));
        }
        let event = event_of(&header)?;
        let patient = header.patient().map(|patient| ResourceUrl::split_version(patient).0.to_owned());

        let read = |(place, entry)| {
            PostedResource::read(entry).map_err(|refusal: Refusal| refusal.in_entry(place + 1))
        };
        let mut resources = others.into_iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        let mut urls = HashSet::new();
        let twice = resources.iter().enumerate().find(|(_, resource)| !urls.insert(resource.url.as_str()));
        if let Some((place, twice)) = twice {
            let mut refusal = Refusal::malformed("The message holds a resource twice.").in_entry(place + 1);
            refusal.issues[0].r#type = Some(IssueType::Duplicate);
            refusal.issues[0].resource = Some(twice.url.as_str().into());
            return Err(refusal);
        }
        let focal = focal_of(&header, &resources)?;
        if !resources[focal].entry.content.as_ref().is_some_and(|content| can_be_focal(event, content)) {
            return Err(Refusal::rule("The focal resource is of the wrong kind for the event.")
                .in_entry(focal + 1)
                .expected(format!("a {}, for {event}", event.focal()))
                .details(format!("The focal resource of {event} has to be a {}.", event.focal())));
        }

        // Some senders do not name the patient a second time. The original accepted that.
        let is_patient = event.focal().resource_type() == "Patient";
        let patient = patient.or_else(|| is_patient.then(|| resources[focal].url.clone()));
        if event.has_patient() && patient.is_none() {
            return Err(Refusal::required("The MessageHeader does not name the patient.")
                .at("entry[0].content.extension (Patient)")
                .expected(format!("the URL of the patient, for {event}"))
                .details(format!("The MessageHeader of {event} does not name the patient.")));
        }
        if event.has_patient() && resources[focal].patient.is_none() {
            resources[focal].patient = patient.as_deref().map(Into::into);
        }

        let patients = resources.iter().filter_map(|resource| resource.patient.as_deref());
        if patients.chain(patient.as_deref()).any(|url| url.len() > MAXIMUM_URL) {
            return Err(too_long("The URL of a patient", MAXIMUM_URL));
        }

        let bytes = message_bytes(source.bytes, resources.len());
        header.set_data([]);
        header.clear_processing();
        Ok(Self { identifier, event, domain, patient, header, focal, resources, bytes })
    }
}

/// The bundle, if it can be written in both formats. Its resources are not checked for JSON here, because
/// taking their fingerprints writes them as JSON.
fn check_bundle(bundle: Bundle, source: Source) -> Result<Bundle, Refusal> {
    let document = Document::from(bundle);
    if source.format != Format::Xml {
        representation::check_as(&document, Format::Xml)?;
    }
    let not_a_bundle = |_| Refusal::malformed("A message is a bundle, not a single resource.");
    let mut bundle = document.into_bundle().map_err(not_a_bundle)?;
    if source.format == Format::Json {
        return Ok(bundle);
    }
    let contents: Vec<_> = bundle.entry.iter_mut().skip(1).map(|entry| entry.content.take()).collect();
    let document = Document::from(bundle);
    representation::check_as(&document, Format::Json)?;
    bundle = document.into_bundle().map_err(not_a_bundle)?;
    for (entry, content) in bundle.entry.iter_mut().skip(1).zip(contents) {
        entry.content = content;
    }
    Ok(bundle)
}

fn too_long(what: &str, bytes: usize) -> Refusal {
    Refusal::malformed("A text of the message is too long.")
        .expected(format!("at most {bytes} bytes"))
        .details(format!("{what} is longer than {bytes} bytes."))
}

fn content_of(entry: &Entry) -> Result<&Resource, Refusal> {
    let content = entry.content.as_ref();
    content.ok_or_else(|| Refusal::malformed("The message has an entry without a resource."))
}

fn check_types(others: &[Entry]) -> Result<(), Refusal> {
    let check = |(place, entry)| check_type(entry).map_err(|refusal| refusal.in_entry(place + 1));
    others.iter().enumerate().try_for_each(check)
}

/// Besides its header, a message may hold only types of resources that Koppeltaal uses.
fn check_type(entry: &Entry) -> Result<(), Refusal> {
    let resource_type = content_of(entry)?.resource_type();
    // An `Other` of any code passes: a receiver may know more of them.
    let carries_it =
        |kind: &ResourceKind| *kind != ResourceKind::MessageHeader && kind.resource_type() == resource_type;
    if ResourceKind::ALL.iter().any(carries_it) {
        return Ok(());
    }
    Err(Refusal::unsupported("The resource type is not supported.")
        .expected("a type of resource that Koppeltaal uses")
        .details(format!("The resource type '{resource_type}' is not supported")))
}

fn event_of(header: &Header) -> Result<Event, Refusal> {
    let code =
        header.event_code().ok_or_else(|| Refusal::required("The MessageHeader has no event.").at(EVENT))?;
    header.event().map_err(|_| {
        Refusal::unsupported("The event is not supported.")
            .at(EVENT)
            .expected("a code of Koppeltaal's events")
            .details(format!("The event '{code}' is not supported"))
    })
}

/// The place of the resource that the header names first.
fn focal_of(header: &Header, resources: &[PostedResource]) -> Result<usize, Refusal> {
    let named = header.data().next();
    let named = named.ok_or_else(|| {
        Refusal::required("The MessageHeader does not name its focal resource in data.").at(DATA)
    })?;
    let (url, _) = ResourceUrl::split_version(named);
    let place = resources.iter().position(|resource| resource.url == url);
    place.ok_or_else(|| {
        Refusal::malformed("The focal resource that the MessageHeader names is not in the message.")
            .at(DATA)
            .expected("the id of an entry of the message, with or without version")
    })
}

/// Whether a message of this event can be about this resource. An `Other` without a readable code is
/// accepted, because some senders leave `code` out.
fn can_be_focal(event: Event, resource: &Resource) -> bool {
    let is_unclear = ResourceKind::from_resource(resource).is_none() && event.focal().usage().is_some();
    event.takes_as_focal(resource) || (is_unclear && resource.resource_type() == "Other")
}

impl PostedResource {
    fn read(mut entry: Entry) -> Result<Self, Refusal> {
        let content = content_of(&entry)?;
        let resource_type = content.resource_type();
        // It would be unclear which of the two is meant, and the check of a token's patient looks at one
        // only.
        if entry.unknown.iter().any(|node| node.name() == "content") {
            return Err(Refusal::malformed("An entry has a second content.")
                .details(format!("The entry of a {resource_type} has a second content.")));
        }
        // The self link should have the version, and the id none. Some senders do it the other way round.
        let id = entry.id.as_deref().filter(|id| !id.is_empty()).map(ResourceUrl::split_version);
        let link = entry.link("self").filter(|href| !href.is_empty()).map(ResourceUrl::split_version);
        let (url, version) = match (id, link) {
            (Some((id, of_id)), Some((_, of_link))) => (id, of_link.or(of_id)),
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => {
                return Err(Refusal::required("An entry has neither id nor self link.")
                    .expected("an id, the URL of the resource")
                    .details(format!("The entry of a {resource_type} has neither id nor self link.")));
            }
        };
        if url.len() > MAXIMUM_URL {
            return Err(too_long(&format!("The URL of a {resource_type}"), MAXIMUM_URL));
        }
        let fingerprint =
            fingerprint(content).map_err(|error| RepresentationError::new(Format::Json, error))?;
        let is_definition = definition::is_definition_resource(content);
        let patient = patient_of(url, content).map(Into::into);
        let (url, version) = (url.to_owned(), version.map(str::to_owned));
        // Each delivery has its own id and self link.
        entry.id = None;
        entry.link.retain(|link| link.rel != "self");
        Ok(Self { url, version, patient, fingerprint, is_definition, entry })
    }
}

/// Identifies a configured definition, even after applications have updated it.
pub(super) fn seed(domain: &str, definition: &Other) -> Option<String> {
    let digest = fingerprint(&definition.clone().into()).ok()?;
    Some(format!("{domain} {}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}
