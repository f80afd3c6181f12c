//! A bundle against the rules for messages: tags, header, focal resource, patient, and the names of its entries.

use std::collections::BTreeSet;

use koppeltaal_fhir::resources::MessageHeader;
use koppeltaal_fhir::{Bundle, Resource, Severity};

use super::{Report, references};
use crate::entry::{Index, Names};
use crate::extract::{ExtractReason, Plan, plan};
use crate::generated::kinds::ResourceKind;
use crate::generated::valuesets::Event;
use crate::message::domain_of;
use crate::rules;
use crate::url::ResourceUrl;
use crate::vocabulary::MESSAGE_TAG;

const ERROR: Severity = Severity::Error;
const WARNING: Severity = Severity::Warning;

/// An entry that holds a resource, with its place in the bundle.
pub(super) struct Held<'a> {
    pub(super) index: usize,
    pub(super) names: Names,
    pub(super) resource: &'a Resource,
}

impl Held<'_> {
    pub(super) fn is_header(&self) -> bool {
        self.resource.get::<MessageHeader>().is_some()
    }
}

/// Checks a bundle as a message, if it is one. Search results and replies are none.
pub(super) fn check(bundle: &Bundle, report: &mut Report) {
    let entries: Vec<Held<'_>> = (bundle.entry.iter().enumerate())
        .filter_map(|(index, entry)| {
            let resource = entry.content.as_ref()?;
            Some(Held { index, names: Names::of(entry), resource })
        })
        .collect();
    let headers: Vec<&MessageHeader> = bundle.resources().filter_map(Resource::get).collect();
    let is_tagged = bundle.category.iter().any(|category| category.term == MESSAGE_TAG);
    let is_message = is_tagged || headers.len() == 1 && entries.len() > 1;
    if !is_message || headers.iter().any(|header| header.response.is_some()) {
        return;
    }
    envelope(bundle, is_tagged, report);
    names(bundle, &entries, report);
    if !entries.first().is_some_and(Held::is_header) {
        report.find(
            (ERROR, rules::MESSAGE_HEADER),
            "entry[0].content",
            "a MessageHeader",
            "another resource",
        );
    }
    match plan(bundle) {
        Ok(plan) => content(plan, &entries, report),
        Err(reason) => no_message(&reason, &entries, report),
    }
}

/// The id and the tags of the bundle.
fn envelope(bundle: &Bundle, is_tagged: bool, report: &mut Report) {
    let id = bundle.id.as_deref().unwrap_or_default();
    let uuid = id.strip_prefix("urn:uuid:").map(uuid::Uuid::try_parse);
    if !matches!(uuid, Some(Ok(_))) {
        report.find((WARNING, rules::MESSAGE_ID), "id", "urn:uuid: and a UUID", format!("{id:?}"));
    }
    if domain_of(bundle).is_none() {
        report.find((ERROR, rules::MESSAGE_TAG), "category", "a security tag that names the domain", "none");
    }
    if !is_tagged {
        report.find((WARNING, rules::MESSAGE_TAG), "category", format!("the tag {MESSAGE_TAG}"), "none");
    }
}

/// What entries are called: each by its own URL, without version in the id.
fn names(bundle: &Bundle, entries: &[Held<'_>], report: &mut Report) {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for held in entries {
        let entry = &bundle.entry[held.index];
        let path = format!("entry[{}]", held.index);
        let mut find = |severity, field: &str, expected: &str, found: &str| {
            report.find((severity, rules::ENTRY_URL), format!("{path}.{field}"), expected, found);
        };
        let Some(id) = entry.id.as_deref().filter(|id| !id.is_empty()) else {
            find(WARNING, "id", "the URL of the resource", "nothing");
            continue;
        };
        if held.is_header() {
            continue;
        }
        let url: Option<ResourceUrl> = id.parse().ok();
        match &url {
            Some(url) if url.version().is_some() => find(WARNING, "id", "a URL without version", id),
            Some(url) if url.is_absolute() => {}
            _ => find(WARNING, "id", "the absolute URL of a resource", id),
        }
        match entry.link("self") {
            None => find(WARNING, "link", "a link with rel self", "none"),
            Some(link) => {
                let other = link.parse::<ResourceUrl>().ok();
                if let (Some(url), Some(other)) = (&url, other)
                    && !url.same_resource(&other)
                {
                    find(ERROR, "link", "the URL of the same resource as the id's", link);
                }
            }
        }
        if let (Some(kind), Some(url)) = (ResourceKind::of(held.resource), &url)
            && let Ok(named) = url.resource_type().parse::<ResourceKind>()
            && !may_be_called(kind, named)
        {
            find(WARNING, "id", &format!("the URL of a {kind}"), id);
        }
        let Some(url) = held.names.url.as_ref().map(ResourceUrl::versionless) else { continue };
        if !seen.insert(url) {
            report.find((ERROR, rules::ENTRY_DUPLICATE), path, "a resource once", url);
        }
    }
}

/// Whether a URL of one kind may be that of another: a result is called by its profile or by its type.
fn may_be_called(kind: ResourceKind, named: ResourceKind) -> bool {
    let same_event =
        |event: Event| event.focal_kinds().contains(&kind) && event.focal_kinds().contains(&named);
    kind == named || Event::ALL.into_iter().any(same_event)
}

/// Why the bundle cannot be taken apart.
fn no_message(reason: &ExtractReason, entries: &[Held<'_>], report: &mut Report) {
    let header = entries.iter().find(|held| held.is_header()).map_or(0, |held| held.index);
    match reason {
        ExtractReason::NoHeader | ExtractReason::Empty | ExtractReason::SeveralHeaders(_) => {
            report.find((ERROR, rules::MESSAGE_HEADER), "entry", "one MessageHeader", reason.to_string());
        }
        ExtractReason::UnknownEvent(unknown) => {
            let path = format!("entry[{header}].content.event");
            report.find(
                (ERROR, rules::MESSAGE_EVENT),
                path,
                "an event of Koppeltaal",
                format!("{:?}", unknown.0),
            );
        }
        ExtractReason::NoFocal { event } => {
            report.find((ERROR, rules::MESSAGE_FOCAL), "entry", format!("a {}", event.focal()), "none");
        }
    }
}

/// What header and resources say about each other, by the table of events.
fn content(plan: Plan, entries: &[Held<'_>], report: &mut Report) {
    let Plan { header, event, focal } = plan;
    let Some(at) = entries.iter().find(|held| held.is_header()).map(|held| held.index) else { return };
    let at = format!("entry[{at}].content");
    let Some(focal) = entries.iter().filter(|held| !held.is_header()).nth(focal) else { return };
    let index = Index::of(entries.iter().map(|held| &held.names));
    let resolved = |reference: &str| index.resolve(reference).map(|position| entries[position].index);

    for held in entries.iter().filter(|held| !held.is_header() && ResourceKind::of(held.resource).is_none()) {
        // Whatever an `Other` of another code is, a receiver passes it through.
        let severity = if held.resource.resource_type() == "Other" { WARNING } else { ERROR };
        let path = format!("entry[{}].content", held.index);
        let found = held.resource.resource_type().to_owned();
        report.find(
            (severity, rules::MESSAGE_RESOURCE),
            path,
            "a kind of resource that Koppeltaal knows",
            found,
        );
    }

    let data = |index: usize| format!("{at}.data[{index}]");
    let mut find = |expected: &str, found: &str| {
        report.find((WARNING, rules::MESSAGE_DATA), data(0), expected, found);
    };
    match header.data().next() {
        None => find("a reference to the focal resource", "none"),
        Some(first) if resolved(first) != Some(focal.index) => {
            find("a reference to the focal resource first", first);
        }
        Some(first) => {
            let version = |url: &ResourceUrl| url.version().map(str::to_owned);
            let known = focal.names.url.as_ref().and_then(version);
            let said = first.parse().ok().as_ref().and_then(version);
            if known != said {
                find("the version that the focal resource has in its entry", first);
            }
        }
    }

    if let Some(endpoint) = header.source_endpoint().filter(|endpoint| !endpoint.contains("://")) {
        let path = format!("{at}.source.endpoint");
        report.find((WARNING, rules::MESSAGE_ENDPOINT), path, "an absolute URL", format!("{endpoint:?}"));
    }

    let patient = header.patient();
    let path = format!("{at}.patient");
    match patient {
        None if event.has_patient() => {
            let expected = format!("the patient, which {event} needs");
            report.find((ERROR, rules::MESSAGE_PATIENT), path, expected, "none");
        }
        Some(patient) if !event.has_patient() => {
            report.find((WARNING, rules::MESSAGE_PATIENT), path, format!("none for {event}"), patient);
        }
        Some(patient) if event.focal() == ResourceKind::Patient && resolved(patient) != Some(focal.index) => {
            report.find((ERROR, rules::MESSAGE_PATIENT), path, "the focal resource", patient);
        }
        _ => {}
    }
    references::check(&header, event, entries, &index, report);
}
