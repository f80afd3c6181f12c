//! [`Posting`]: a posted bundle taken apart and checked as far as that needs no knowledge of what was posted before.

use std::collections::HashSet;

use koppeltaal_fhir::resources::Other;
use koppeltaal_fhir::{Bundle, Entry, Resource};
use koppeltaal_messaging::valuesets::IssueType;
use koppeltaal_messaging::{Event, Header, ResourceKind, domain_of};

use super::bound::patient_of;
use super::fingerprint::{Fingerprint, fingerprint};
use super::refusal::Refusal;
use crate::definition;
use crate::links::split_version;

/// The types that a message may hold besides its header.
const ACCEPTED_TYPES: [&str; 10] = [
    "Organization",
    "Practitioner",
    "Patient",
    "RelatedPerson",
    "Device",
    "CarePlan",
    "Other",
    "DiagnosticReport",
    "Observation",
    "Questionnaire",
];

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
    /// Length of the message in bytes, as it was posted.
    pub(crate) bytes: usize,
}

/// One resource of it.
#[derive(Debug)]
pub(crate) struct PostedResource {
    /// URL without version.
    pub(crate) url: String,
    /// The version that the sender thinks is the current one.
    pub(crate) version: Option<String>,
    /// URL, without version, of the patient whom it is about, if it is about one.
    pub(crate) patient: Option<Box<str>>,
    /// Equal for equal content; none for content that cannot be compared, which then counts as changed.
    pub(crate) fingerprint: Option<Fingerprint>,
    /// Whether it is an activity definition. Those belong to the server and get no version through the mailbox.
    pub(crate) is_definition: bool,
    /// The entry without id and self link.
    pub(crate) entry: Entry,
}

impl Posting {
    /// Takes a bundle apart.
    pub(crate) fn read(mut bundle: Bundle, bytes: usize) -> Result<Self, Refusal> {
        let domain = domain_of(&bundle)
            .ok_or_else(|| Refusal::required("The message has no security tag that names its domain."))?
            .to_owned();
        if bundle.entry.is_empty() {
            return Err(Refusal::malformed("The message is empty."));
        }
        let others = bundle.entry.split_off(1);
        let Some(Resource::MessageHeader(header)) = bundle.entry.pop().and_then(|entry| entry.content) else {
            return Err(Refusal::malformed("The first entry of the message is not a MessageHeader."));
        };
        // Without the address that the sender gave it: each delivery has its own.
        let mut header = Header::from(header);

        let identifier = header.identifier().map(str::trim).filter(|identifier| !identifier.is_empty());
        let identifier =
            identifier.ok_or_else(|| Refusal::required("The MessageHeader has no identifier."))?.to_owned();
        let event = event_of(&header)?;
        let patient = header.patient().map(|patient| split_version(patient).0.to_owned());
        if event.has_patient() && patient.is_none() {
            return Err(Refusal::required(format!(
                "The MessageHeader of {event} does not name the patient."
            )));
        }

        let mut resources = others.into_iter().map(PostedResource::read).collect::<Result<Vec<_>, _>>()?;
        let mut urls = HashSet::new();
        if let Some(twice) = resources.iter().find(|resource| !urls.insert(resource.url.as_str())) {
            let mut refusal = Refusal::malformed("The message holds a resource twice.");
            refusal.issues[0].r#type = Some(IssueType::Duplicate);
            refusal.issues[0].resource = Some(twice.url.as_str().into());
            return Err(refusal);
        }
        let focal = focal_of(&header, &resources)?;
        if !resources[focal].entry.content.as_ref().is_some_and(|content| can_be_focal(event, content)) {
            return Err(Refusal::rule(format!(
                "The focal resource of {event} has to be a {}.",
                event.focal()
            )));
        }

        if event.has_patient() && resources[focal].patient.is_none() {
            resources[focal].patient = patient.as_deref().map(Into::into);
        }
        header.set_data([]);
        header.clear_processing();
        Ok(Self { identifier, event, domain, patient, header, focal, resources, bytes })
    }
}

fn event_of(header: &Header) -> Result<Event, Refusal> {
    let code = header.event_code().ok_or_else(|| Refusal::required("The MessageHeader has no event."))?;
    header.event().map_err(|_| Refusal::unsupported(format!("The event '{code}' is not supported")))
}

/// The place of the resource that the header names first.
fn focal_of(header: &Header, resources: &[PostedResource]) -> Result<usize, Refusal> {
    let named = header.data().next();
    let named = named
        .ok_or_else(|| Refusal::required("The MessageHeader does not name its focal resource in data."))?;
    let (url, _) = split_version(named);
    let place = resources.iter().position(|resource| resource.url == url);
    place.ok_or_else(|| {
        Refusal::malformed("The focal resource that the MessageHeader names is not in the message.")
    })
}

/// Whether a message of this event can be about this resource. Of an `Other` whose code cannot be read that may be so:
/// senders exist that leave the `code` element out.
fn can_be_focal(event: Event, resource: &Resource) -> bool {
    let is_unclear = ResourceKind::of(resource).is_none() && event.focal().usage().is_some();
    event.takes_as_focal(resource) || (is_unclear && resource.resource_type() == "Other")
}

impl PostedResource {
    fn read(mut entry: Entry) -> Result<Self, Refusal> {
        let Some(content) = &entry.content else {
            return Err(Refusal::malformed("The message has an entry without a resource."));
        };
        let resource_type = content.resource_type();
        if !ACCEPTED_TYPES.contains(&resource_type) {
            return Err(Refusal::unsupported(format!(
                "The resource type '{resource_type}' is not supported"
            )));
        }
        // Normally the id has no version and the self link has; senders exist that do it the other way round.
        let id = entry.id.as_deref().filter(|id| !id.is_empty()).map(split_version);
        let link = entry.link("self").filter(|href| !href.is_empty()).map(split_version);
        let (url, version) = match (id, link) {
            (Some((id, of_id)), Some((_, of_link))) => (id, of_link.or(of_id)),
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => {
                return Err(Refusal::required(format!(
                    "The entry of a {resource_type} has neither id nor self link."
                )));
            }
        };
        let fingerprint = fingerprint(content);
        let is_definition = definition::is_definition_resource(content);
        let patient = patient_of(url, content).map(Into::into);
        let (url, version) = (url.to_owned(), version.map(str::to_owned));
        // Each delivery has its own; kept, they would only be copied to be replaced.
        entry.id = None;
        entry.link.retain(|link| link.rel != "self");
        Ok(Self { url, version, patient, fingerprint, is_definition, entry })
    }
}

/// What tells a configured definition from others, whatever became of it since.
pub(super) fn seed(domain: &str, definition: &Other) -> Option<String> {
    let digest = fingerprint(&definition.clone().into())?;
    Some(format!("{domain} {}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}
