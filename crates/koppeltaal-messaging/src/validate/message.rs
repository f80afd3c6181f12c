//! The rules for messages: tags, header, focal resource, patient, and the names of the entries.

use std::collections::BTreeSet;

use koppeltaal_fhir::resources::MessageHeader;
use koppeltaal_fhir::{Bundle, Findings, Resource, Severity};

use super::bundle_entry::BundleEntry;
use super::references;
use crate::entry::Index;
use crate::extract::{ExtractReason, Plan, plan};
use crate::generated::kinds::ResourceKind;
use crate::generated::valuesets::Event;
use crate::header::Header;
use crate::message::domain_of;
use crate::rules;
use crate::url::ResourceUrl;
use crate::vocabulary::MESSAGE_TAG;

/// Checks a bundle as a message. Does nothing for other bundles, such as search results and replies.
pub(super) fn check(bundle: &Bundle, findings: &mut Findings) {
    let entries = BundleEntry::all_from_bundle(bundle);
    let headers: Vec<&MessageHeader> = bundle.resources().filter_map(Resource::get).collect();
    let is_tagged = bundle.category.iter().any(|category| category.term == MESSAGE_TAG);
    let is_message = is_tagged || headers.len() == 1 && entries.len() > 1;
    if !is_message || headers.iter().any(|header| header.response.is_some()) {
        return;
    }
    envelope(bundle, is_tagged, findings);
    names(&entries, findings);
    if !entries.first().is_some_and(BundleEntry::is_header) {
        findings
            .report(rules::MESSAGE_HEADER, "entry[0].content")
            .expected("a MessageHeader")
            .found("another resource");
    }
    match plan(bundle) {
        Ok(plan) => content(plan, &entries, findings),
        Err(reason) => no_message(&reason, &entries, findings),
    }
}

/// The id and the tags of the bundle.
fn envelope(bundle: &Bundle, is_tagged: bool, findings: &mut Findings) {
    let id = bundle.id.as_deref().unwrap_or_default();
    let uuid = id.strip_prefix("urn:uuid:").map(uuid::Uuid::try_parse);
    if !matches!(uuid, Some(Ok(_))) {
        findings.report(rules::MESSAGE_ID, "id").expected("urn:uuid: and a UUID").found(format!("{id:?}"));
    }
    if domain_of(bundle).is_none() {
        let expected = "a security tag that names the domain";
        findings.report(rules::MESSAGE_TAG, "category").expected(expected).found("none");
    }
    if !is_tagged {
        let expected = format!("the tag {MESSAGE_TAG}");
        findings
            .report(rules::MESSAGE_TAG, "category")
            .severity(Severity::Warning)
            .expected(expected)
            .found("none");
    }
}

/// The names of the entries: each has a URL of its own, and its id has no version.
fn names(entries: &[BundleEntry<'_>], findings: &mut Findings) {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for entry in entries {
        findings.inside(&[entry.place()], |findings| {
            let Some(id) = entry.wire.id.as_deref().filter(|id| !id.is_empty()) else {
                findings.report(rules::ENTRY_URL, "id").expected("the URL of the resource").found("nothing");
                return;
            };
            if entry.is_header() {
                return;
            }
            let url: Option<ResourceUrl> = id.parse().ok();
            id_and_link(id, url.as_ref(), entry.wire.link("self"), findings);
            if let (Some(kind), Some(url)) = (ResourceKind::from_resource(entry.resource), &url)
                && let Ok(named) = url.resource_type().parse::<ResourceKind>()
                && !may_be_called(kind, named)
            {
                findings.report(rules::ENTRY_URL, "id").expected(format!("the URL of a {kind}")).found(id);
            }
            let Some(url) = entry.url.as_ref().map(ResourceUrl::versionless) else { return };
            if !seen.insert(url) {
                findings.report(rules::ENTRY_DUPLICATE, "").expected("a resource once").found(url);
            }
        });
    }
}

/// The id is a URL without version, and the self link is a URL of the same resource.
fn id_and_link(id: &str, url: Option<&ResourceUrl>, link: Option<&str>, findings: &mut Findings) {
    match url {
        Some(url) if url.version().is_some() => {
            findings.report(rules::ENTRY_URL, "id").expected("a URL without version").found(id);
        }
        Some(url) if url.is_absolute() => {}
        _ => findings.report(rules::ENTRY_URL, "id").expected("the absolute URL of a resource").found(id),
    }
    let Some(link) = link else {
        findings.report(rules::ENTRY_URL, "link").expected("a link with rel self").found("none");
        return;
    };
    if let (Some(url), Ok(other)) = (url, link.parse::<ResourceUrl>())
        && !url.same_resource(&other)
    {
        let expected = "the URL of the same resource as the id's";
        findings.report(rules::ENTRY_URL, "link").severity(Severity::Error).expected(expected).found(link);
    }
}

/// Whether a URL of one kind may be that of another: the URL of a result names its profile or its type.
fn may_be_called(kind: ResourceKind, named: ResourceKind) -> bool {
    let same_event =
        |event: Event| event.focal_kinds().contains(&kind) && event.focal_kinds().contains(&named);
    kind == named || Event::ALL.into_iter().any(same_event)
}

/// Why the bundle is not a message.
fn no_message(reason: &ExtractReason, entries: &[BundleEntry<'_>], findings: &mut Findings) {
    match reason {
        ExtractReason::NoHeader | ExtractReason::Empty | ExtractReason::SeveralHeaders(_) => {
            let found = reason.to_string();
            findings.report(rules::MESSAGE_HEADER, "entry").expected("one MessageHeader").found(found);
        }
        ExtractReason::UnknownEvent(unknown) => {
            let Some(header) = entries.iter().find(|entry| entry.is_header()) else { return };
            findings.inside(&header.content(), |findings| {
                let found = format!("{:?}", unknown.0);
                findings
                    .report(rules::MESSAGE_EVENT, "event")
                    .expected("an event of Koppeltaal")
                    .found(found);
            });
        }
        ExtractReason::NoFocal { event } => {
            let expected = format!("a {}", event.focal());
            findings.report(rules::MESSAGE_FOCAL, "entry").expected(expected).found("none");
        }
    }
}

/// What header and resources say about each other, by the table of events.
fn content(plan: Plan, entries: &[BundleEntry<'_>], findings: &mut Findings) {
    let Plan { header, event, focal } = plan;
    let Some(header_entry) = entries.iter().find(|entry| entry.is_header()) else { return };
    let Some(focal) = entries.iter().filter(|entry| !entry.is_header()).nth(focal) else { return };
    let index = Index::new(entries.iter().map(|entry| (entry.url.as_ref(), Some(entry.wire))));
    let is_focal = |reference: &str| {
        index.resolve(reference).is_some_and(|position| entries[position].index == focal.index)
    };
    for entry in entries.iter().filter(|entry| !entry.is_header()) {
        findings.inside(&entry.content(), |findings| known_kind(entry.resource, findings));
    }
    findings.inside(&header_entry.content(), |findings| {
        data(&header, focal, is_focal, findings);
        if let Some(endpoint) = header.source_endpoint().filter(|endpoint| !endpoint.contains("://")) {
            let found = format!("{endpoint:?}");
            findings
                .report(rules::MESSAGE_ENDPOINT, "source.endpoint")
                .expected("an absolute URL")
                .found(found);
        }
        patient(&header, event, is_focal, findings);
    });
    references::check(&header, event, entries, &index, findings);
}

/// The resource is of a kind that Koppeltaal knows.
fn known_kind(resource: &Resource, findings: &mut Findings) {
    if ResourceKind::from_resource(resource).is_some() {
        return;
    }
    let found = resource.resource_type();
    let finding = findings.report(rules::MESSAGE_RESOURCE, "");
    // A receiver passes an `Other` of another code through.
    let finding = if found == "Other" { finding.severity(Severity::Warning) } else { finding };
    finding.expected("a kind of resource that Koppeltaal knows").found(found);
}

/// The header's data names the focal resource first, with its version.
fn data(header: &Header, focal: &BundleEntry<'_>, is_focal: impl Fn(&str) -> bool, findings: &mut Findings) {
    let (expected, found) = match header.data().next() {
        None => ("a reference to the focal resource", "none"),
        Some(first) if !is_focal(first) => ("a reference to the focal resource first", first),
        Some(first) => {
            let named: Option<ResourceUrl> = first.parse().ok();
            let [known, named] =
                [focal.url.as_ref(), named.as_ref()].map(|url| url.and_then(ResourceUrl::version));
            if known == named {
                return;
            }
            ("the version that the focal resource has in its entry", first)
        }
    };
    findings.report(rules::MESSAGE_DATA, "data[0]").expected(expected).found(found);
}

/// The header names a patient if the event is about one, and the right one if it is about a patient itself.
fn patient(header: &Header, event: Event, is_focal: impl Fn(&str) -> bool, findings: &mut Findings) {
    match header.patient() {
        None if event.has_patient() => {
            let expected = format!("the patient, which {event} needs");
            findings.report(rules::MESSAGE_PATIENT, "patient").expected(expected).found("none");
        }
        Some(patient) if !event.has_patient() => {
            let expected = format!("none for {event}");
            findings
                .report(rules::MESSAGE_PATIENT, "patient")
                .severity(Severity::Warning)
                .expected(expected)
                .found(patient);
        }
        Some(patient) if event.focal() == ResourceKind::Patient && !is_focal(patient) => {
            findings.report(rules::MESSAGE_PATIENT, "patient").expected("the focal resource").found(patient);
        }
        _ => {}
    }
}
