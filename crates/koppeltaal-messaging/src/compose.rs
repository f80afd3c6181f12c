//! Makes a [`Message`] that follows every rule for its event from a [`Draft`].

use std::fmt;

use koppeltaal_fhir::datatypes::ResourceReference;
use koppeltaal_fhir::{RESOURCE_TYPES, Resource};

use crate::draft::Draft;
use crate::entry::MessageEntry;
use crate::generated::kinds::ResourceKind;
use crate::generated::valuesets::Event;
use crate::header::Header;
use crate::log_text::{code, types};
use crate::message::{Message, fresh_id};
use crate::sender::Sender;
use crate::source::ApiVersion;
use crate::url::ResourceUrl;

/// Why a draft does not become a message.
///
/// `Display` and `Debug` show types and no ids, because those may be of patients. The variants have the URLs.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ComposeError {
    /// The focal resource is not of the event's kind.
    #[error("{event} is about a {}, not about a {}", event.focal(), code(found))]
    WrongFocal {
        /// The event.
        event: Event,
        /// The kind of the focal resource, or its FHIR type if Koppeltaal does not know the kind.
        found: String,
    },
    /// The server accepts no resources of this type.
    #[error("the resource type {} is not supported", code(.0))]
    NotSupported(String),
    /// The event needs a patient, but neither the draft nor the focal resource names exactly one.
    #[error("{0} needs a patient")]
    PatientMissing(Event),
    /// The event has no patient, but the draft names one.
    #[error("{0} has no patient")]
    PatientNotAllowed(Event),
    /// The address of a resource is relative.
    #[error("the address of a {} is not an absolute URL", .0.resource_type())]
    RelativeUrl(ResourceUrl),
    /// The address of a resource is that of another kind of resource.
    #[error("the address of a {kind} says that it is a {}", url.resource_type())]
    WrongUrl {
        /// The address.
        url: ResourceUrl,
        /// The kind of the resource.
        kind: ResourceKind,
    },
    /// Two resources have the same address.
    #[error("a {} is in the message twice", .0.resource_type())]
    Duplicate(ResourceUrl),
    /// The message refers to resources of the application that it does not hold.
    #[error(
        "referred to, but not in the message: {}; add them to the draft by `with_resource`",
        types(.0.iter().map(|missing| &missing.to))
    )]
    Missing(Vec<MissingReference>),
}

impl fmt::Debug for ComposeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ComposeError({self})")
    }
}

/// A reference to a resource that the sender owns and that is not in the message. `Display` and `Debug` show
/// the types of both resources, and no ids.
#[derive(Clone, PartialEq, Eq)]
pub struct MissingReference {
    /// The resource that holds the reference; `None` for the header's reference to the patient.
    pub from: Option<ResourceUrl>,
    /// The resource that is missing.
    pub to: ResourceUrl,
}

impl fmt::Display for MissingReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = self.to.resource_type();
        match &self.from {
            Some(from) => write!(f, "a {to} (referred to by a {})", from.resource_type()),
            None => write!(f, "a {to} (the patient in the header)"),
        }
    }
}

impl fmt::Debug for MissingReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MissingReference({self})")
    }
}

impl Message {
    /// Makes a message from a draft, by the rules of Koppeltaal's connector guide and technical design 1.3.
    ///
    /// References in the resources lose their versions. Entries keep theirs, but for api-version 1.3.3 only
    /// the focal resource does. `MessageHeader.data` names the focal resource with its version.
    ///
    /// # Errors
    ///
    /// See [`ComposeError`]. The message must hold all resources of the application that it refers to, except
    /// for activity definitions, the patient of status and result messages, and types that Koppeltaal does
    /// not exchange, such as Location.
    pub fn compose(sender: &Sender, draft: Draft) -> Result<Self, ComposeError> {
        let Draft { event, mut focal, patient, mut related, identifier, timestamp } = draft;
        if !event.takes_as_focal(&focal.resource) {
            let found = match focal.kind() {
                Some(kind) => kind.name(),
                None => focal.resource.resource_type(),
            };
            return Err(ComposeError::WrongFocal { event, found: found.to_owned() });
        }
        let urls = addresses(event, &focal, &related)?;

        let mut references = Vec::new();
        for (entry, from) in std::iter::once(&mut focal).chain(&mut related).zip(&urls) {
            strip_versions(&mut entry.resource, |to| references.push((from, to)));
        }
        let patient = patient_of(event, patient, &urls[0], &references)?;
        if let Some(missing) = missing(sender, event, patient.as_ref(), &urls, &references) {
            return Err(ComposeError::Missing(missing));
        }

        if sender.api_version() == ApiVersion::V1_3_3 {
            for entry in &mut related {
                entry.names.url = entry.names.url.take().map(|url| url.without_version());
            }
        }
        let mut header = Header::new(event, sender.source().to_fhir());
        header.set_patient(patient.as_ref());
        header.set_data(focal.url());
        if let Some(identifier) = identifier {
            header.set_identifier(&identifier);
        }
        if let Some(timestamp) = timestamp {
            header.set_timestamp(timestamp);
        }
        Ok(Self {
            id: Some(fresh_id()),
            domain: Some(sender.domain().to_owned()),
            header,
            focal,
            related,
            event,
            layout: None,
        })
    }
}

/// Checks the addresses of all resources, and returns them without version, the focal one first.
fn addresses(
    event: Event,
    focal: &MessageEntry,
    related: &[MessageEntry],
) -> Result<Vec<ResourceUrl>, ComposeError> {
    let mut urls: Vec<ResourceUrl> = Vec::with_capacity(1 + related.len());
    for entry in std::iter::once(focal).chain(related) {
        let kind = entry.kind();
        if kind.is_none_or(|kind| kind == ResourceKind::MessageHeader)
            && entry.resource.resource_type() != "Other"
        {
            return Err(ComposeError::NotSupported(entry.resource.resource_type().to_owned()));
        }
        let Some(url) = entry.url().map(ResourceUrl::without_version) else { continue };
        if !url.is_absolute() {
            return Err(ComposeError::RelativeUrl(url));
        }
        // The URL may name the kind or its FHIR type. The name of another kind is a mistake.
        let named = url.resource_type().parse::<ResourceKind>().ok();
        if let (Some(kind), Some(named)) = (kind, named) {
            let same = named == kind
                || (event.focal_kinds().contains(&kind) && event.focal_kinds().contains(&named));
            if !same {
                return Err(ComposeError::WrongUrl { url, kind });
            }
        }
        if urls.contains(&url) {
            return Err(ComposeError::Duplicate(url));
        }
        urls.push(url);
    }
    Ok(urls)
}

/// Removes the versions from the references in a resource, and calls `show` with their addresses.
fn strip_versions(resource: &mut Resource, mut show: impl FnMut(ResourceUrl)) {
    let url_of = |reference: &ResourceReference| reference.reference.as_str()?.parse::<ResourceUrl>().ok();
    let mut has_versions = false;
    resource.visit_references(|_, reference| {
        if let Some(url) = url_of(reference) {
            has_versions |= url.version().is_some();
            show(url.without_version());
        }
    });
    // Most references have no version; then a resource that a clone shares is not copied.
    if !has_versions {
        return;
    }
    resource.visit_references_mut(|_, reference| {
        if let Some(url) = url_of(reference).filter(|url| url.version().is_some()) {
            // Only the value: the reference may have an id and extensions.
            reference.reference.value = Some(url.without_version().as_str().to_owned());
        }
    });
}

/// The patient for the header: the given one, else the focal resource if it is a patient, else the only
/// patient that the focal resource refers to.
fn patient_of(
    event: Event,
    given: Option<ResourceUrl>,
    focal: &ResourceUrl,
    references: &[(&ResourceUrl, ResourceUrl)],
) -> Result<Option<ResourceUrl>, ComposeError> {
    if !event.has_patient() {
        return given.map_or(Ok(None), |_| Err(ComposeError::PatientNotAllowed(event)));
    }
    if given.is_some() {
        return Ok(given);
    }
    if event.focal() == ResourceKind::Patient {
        return Ok(Some(focal.clone()));
    }
    let is_patient = |url: &&ResourceUrl| url.resource_type() == ResourceKind::Patient.name();
    let mut patients =
        references.iter().filter(|(from, _)| *from == focal).map(|(_, to)| to).filter(is_patient);
    match patients.next() {
        Some(patient) if patients.all(|other| other == patient) => Ok(Some(patient.clone())),
        _ => Err(ComposeError::PatientMissing(event)),
    }
}

/// The resources that the sender owns and the message refers to, but does not hold.
fn missing(
    sender: &Sender,
    event: Event,
    patient: Option<&ResourceUrl>,
    urls: &[ResourceUrl],
    references: &[(&ResourceUrl, ResourceUrl)],
) -> Option<Vec<MissingReference>> {
    let endpoint = &sender.source().endpoint;
    let may_be_absent = |to: &ResourceUrl| {
        let to_patient = patient.filter(|patient| *patient == to);
        urls.contains(to) || may_stay_out(to, event, endpoint, to_patient)
    };
    let mut missing: Vec<MissingReference> = Vec::new();
    let from_resources = references.iter().map(|(from, to)| (Some(*from), to));
    for (from, to) in from_resources.chain(patient.map(|patient| (None, patient))) {
        if !may_be_absent(to) && !missing.iter().any(|known| known.to == *to) {
            missing.push(MissingReference { from: from.cloned(), to: to.clone() });
        }
    }
    (!missing.is_empty()).then_some(missing)
}

/// Whether a message need not hold a resource that it refers to: another application owns it, it is an
/// activity definition (referred to by identifier) or of a type that is not exchanged, or it is the patient
/// of an event that only names the patient. An event without related kinds refers to everything by
/// identifier.
pub(crate) fn may_stay_out(
    to: &ResourceUrl,
    event: Event,
    owner: &str,
    patient: Option<&ResourceUrl>,
) -> bool {
    let is_patient = patient.is_some_and(|patient| patient.same_resource(to));
    event.related_kinds().is_empty()
        || !to.is_under(owner)
        || is_definition(to)
        || is_unsupported(to)
        || is_patient && !event.carries_patient()
}

/// Whether the address is that of an activity definition: by its type segment, or by its id at the server.
fn is_definition(url: &ResourceUrl) -> bool {
    let name = ResourceKind::ActivityDefinition.name();
    url.resource_type() == name || url.id().strip_prefix(name).is_some_and(|rest| rest.starts_with(':'))
}

/// Whether the address is that of a FHIR type that no message holds, such as Location.
fn is_unsupported(url: &ResourceUrl) -> bool {
    let segment = url.resource_type();
    let is_kind =
        ResourceKind::ALL.iter().any(|kind| kind.name() == segment || kind.resource_type() == segment);
    RESOURCE_TYPES.contains(&segment) && !is_kind
}
