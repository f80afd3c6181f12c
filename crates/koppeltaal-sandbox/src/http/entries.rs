//! The bundles, entries and outcomes of answers, made from the state and the links of one request.

use koppeltaal_fhir::datatypes::{Extension, ExtensionValue, ResourceReference};
use koppeltaal_fhir::primitives::Instant;
use koppeltaal_fhir::resources::{
    Binary, MessageHeader, MessageHeaderResponse, MessageHeaderSource, OperationOutcome, ResponseType,
};
use koppeltaal_fhir::{Author, Bundle, Entry, Link, Primitive, Resource};
use koppeltaal_messaging::{Header, Issue, ProcessingState, domain_tag, message_tag, vocabulary};
use uuid::Uuid;

use crate::clock::Version;
use crate::links::{Links, versioned};
use crate::mailbox::{Definition, Delivery, Message, MessageResource, Origin, PostedMessage, Receipt};
use crate::refusal::Refusal;
use crate::storage::Item;

/// The server's name, where a message names its sender.
const SERVER_NAME: &str = "Koppeltaal";
/// The version of Koppeltaal that the sandbox plays.
pub(crate) const SERVER_VERSION: &str = "1.3.9";

/// A message in the queue of its receiver.
pub(crate) fn delivery(delivery: &Delivery, links: &Links) -> Vec<Entry> {
    let mut entries = vec![delivery_header(delivery, links)];
    entries.extend(delivery.message.resources.iter().map(|resource| resource_entry(resource, links)));
    entries
}

/// The header of a message in a queue: the first entry of [`delivery`], or an entry of a list.
pub(crate) fn delivery_header(delivery: &Delivery, links: &Links) -> Entry {
    let changed = delivery.changed.instant();
    let mut state = ProcessingState::new(delivery.status, changed.clone());
    if let Some(exception) = &delivery.exception {
        state = state.with_exception(exception);
    }
    let mut header = header_of(&delivery.message, links);
    // The mailbox keeps headers without a status, and a first status is never refused.
    let _ = header.set_processing(&state);
    header_entry(header, delivery.number, &delivery.version, changed, links)
}

/// A message that its sender looks up. It is not in a queue, so it has no processing status.
pub(crate) fn posted(posted: &PostedMessage, links: &Links) -> Vec<Entry> {
    let PostedMessage { message, receipt } = posted;
    let header = header_of(message, links);
    let mut entries =
        vec![header_entry(header, receipt.number, &receipt.version, receipt.at.instant(), links)];
    entries.extend(message.resources.iter().map(|resource| resource_entry(resource, links)));
    entries
}

/// The header with its one data reference: the self link of the focal entry.
fn header_of(message: &Message, links: &Links) -> Header {
    let mut header = message.header.clone();
    let focal = message.focal();
    let fhir = header.fhir_mut();
    fhir.data = vec![reference(&versioned(&links.resource(&focal.address), focal.version.as_ref()))];
    if message.origin == Origin::Server {
        fhir.source = Some(server_source(links));
    }
    header
}

fn header_entry(header: Header, number: u64, version: &Version, updated: Instant, links: &Links) -> Entry {
    let url = links.header(number);
    Entry {
        title: Primitive::new(["MessageHeader with IID=", &number.to_string()].concat()),
        link: vec![Link::new("self", versioned(&url, Some(version)))],
        id: Some(url),
        updated: updated.into(),
        content: Some(header.into()),
        ..Entry::default()
    }
}

/// A resource with id and version filled in. Everything else that the sender put into the entry stays.
fn resource_entry(resource: &MessageResource, links: &Links) -> Entry {
    let url = links.resource(&resource.address);
    let mut entry = resource.entry.clone();
    entry.link.retain(|link| link.rel != "self");
    entry.link.insert(0, Link::new("self", versioned(&url, resource.version.as_ref())));
    entry.id = Some(url);
    entry
}

/// The answer to a posted message.
pub(crate) fn receipt(receipt: &Receipt, links: &Links) -> Bundle {
    let patient = receipt.patient.as_ref().map(|patient| Extension {
        url: vocabulary::extension::message_header::PATIENT.to_owned(),
        value: Some(ExtensionValue::Resource(Box::new(reference(patient)))),
        ..Extension::default()
    });
    let data = receipt.data.iter();
    let at = receipt.at.instant();
    let header = MessageHeader {
        extension: patient.into_iter().collect(),
        identifier: receipt.identifier.as_str().into(),
        timestamp: at.clone().into(),
        event: Some(receipt.event.coding()),
        response: Some(MessageHeaderResponse {
            identifier: receipt.request.as_str().into(),
            code: ResponseType::Ok.into(),
            ..MessageHeaderResponse::default()
        }),
        source: Some(server_source(links)),
        data: data
            .map(|(address, version)| reference(&versioned(&links.resource(address), version.as_ref())))
            .collect(),
        ..MessageHeader::default()
    };
    Bundle {
        // The header's, so that a message that is posted again gets the very same answer.
        id: Some(["urn:uuid:", &receipt.identifier].concat()),
        title: "Reply".into(),
        updated: at.clone().into(),
        category: vec![domain_tag(&receipt.domain), message_tag()],
        entry: vec![header_entry(header.into(), receipt.number, &receipt.version, at, links)],
        ..Bundle::default()
    }
}

/// A definition as an entry of a list.
pub(crate) fn definition(definition: &Definition, links: &Links) -> Entry {
    let url = links.definition(definition.number);
    Entry {
        title: "Other".into(),
        link: vec![Link::new("self", versioned(&url, Some(&definition.version)))],
        id: Some(url),
        updated: definition.changed.instant().into(),
        content: Some(definition.content.clone().into()),
        ..Entry::default()
    }
}

/// A stored item as an entry of a list.
pub(crate) fn storage_item(item: &Item, links: &Links) -> Entry {
    stored("Other", links.storage_item(item.number), item, item.resource().into())
}

/// A stored item as a `Binary`, as an entry of a list.
pub(crate) fn binary_entry(item: &Item, binary: Binary, links: &Links) -> Entry {
    stored("Binary", links.binary(item.number), item, binary.into())
}

fn stored(title: &str, url: String, item: &Item, content: Resource) -> Entry {
    Entry {
        title: title.into(),
        link: vec![Link::new("self", versioned(&url, Some(&item.version)))],
        id: Some(url),
        updated: item.modified.instant().into(),
        content: Some(content),
        ..Entry::default()
    }
}

/// A search result: these entries of `total`, with these links besides `fhir-base`.
pub(crate) fn search_result(
    domain: &str,
    total: usize,
    entry: Vec<Entry>,
    link: Vec<Link>,
    links: &Links,
    now: Instant,
) -> Bundle {
    Bundle {
        id: Some(Uuid::new_v4().urn().to_string()),
        title: "Search result".into(),
        updated: now.into(),
        link: std::iter::once(Link::new("fhir-base", links.fhir())).chain(link).collect(),
        category: vec![domain_tag(domain)],
        author: vec![Author {
            name: SERVER_NAME.into(),
            uri: Primitive::new(links.fhir()),
            ..Author::default()
        }],
        total_results: i32::try_from(total).unwrap_or(i32::MAX).into(),
        entry,
        ..Bundle::default()
    }
}

/// A search result with one whole message, tagged as one, or with nothing.
pub(crate) fn one_result(
    domain: &str,
    message: Vec<Entry>,
    link: Link,
    links: &Links,
    now: Instant,
) -> Bundle {
    let total = usize::from(!message.is_empty());
    let mut bundle = search_result(domain, total, message, vec![link], links, now);
    if total > 0 {
        bundle.title = "Koppeltaal message".into();
        bundle.category.push(message_tag());
    }
    bundle
}

/// A refusal as an `OperationOutcome`.
pub(crate) fn outcome(refusal: &Refusal) -> OperationOutcome {
    Issue::outcome(refusal.issues.iter().cloned())
}

fn server_source(links: &Links) -> MessageHeaderSource {
    MessageHeaderSource {
        name: SERVER_NAME.into(),
        software: SERVER_NAME.into(),
        version: SERVER_VERSION.into(),
        endpoint: links.fhir().as_str().into(),
        ..MessageHeaderSource::default()
    }
}

fn reference(url: &str) -> ResourceReference {
    ResourceReference { reference: url.into(), ..ResourceReference::default() }
}
