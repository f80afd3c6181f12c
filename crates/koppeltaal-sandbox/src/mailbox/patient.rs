//! The patient whom a resource is about, and the patients whom it names.

use koppeltaal_fhir::Resource;
use koppeltaal_fhir::datatypes::{Extension, ExtensionValue, ResourceReference};
use koppeltaal_messaging::ResourceUrl;
use koppeltaal_messaging::vocabulary::extension::care_team::SUBJECT;

/// The elements of DSTU1 that name whom a resource is about.
const ABOUT: [&str; 2] = ["patient", "subject"];

/// The patient whom a resource is about, if it names one: URL without version. `url` is that of the resource.
pub(super) fn patient_of(url: &str, resource: &Resource) -> Option<String> {
    let reference = match resource {
        Resource::Patient(_) => return Some(url.to_owned()),
        Resource::CarePlan(plan) => plan.patient.as_ref(),
        Resource::RelatedPerson(person) => person.patient.as_ref(),
        Resource::Device(device) => device.patient.as_ref(),
        Resource::DiagnosticReport(report) => report.subject.as_ref(),
        Resource::Observation(observation) => observation.subject.as_ref(),
        Resource::Questionnaire(questionnaire) => questionnaire.subject.as_ref(),
        Resource::Other(other) => other.subject.as_ref().or_else(|| subject(&other.extension)),
        _ => None,
    };
    Some(resolved(ResourceUrl::split_version(reference?.reference.as_str()?).0, url))
}

/// The subject of a care team. It is in an extension.
fn subject(extensions: &[Extension]) -> Option<&ResourceReference> {
    let extension = extensions.iter().find(|extension| extension.url == SUBJECT);
    match extension?.value.as_ref()? {
        ExtensionValue::Resource(reference) => Some(reference),
        _ => None,
    }
}

/// Whether a resource under this URL refers to a patient other than `only`: in an element that names its
/// subject, by the URL of a patient in any element, or by the URL of a resource that is known to be about
/// another patient.
pub(crate) fn names_another(
    resource: &Resource,
    url: &str,
    only: &str,
    is_of_another: impl Fn(&str) -> bool,
) -> bool {
    let mut found = false;
    resource.visit_references(|path, reference| {
        let Some(text) = reference.reference.as_str() else { return };
        let target = resolved(ResourceUrl::split_version(text).0, url);
        let path = path.to_string();
        let element = path.rsplit('.').next().and_then(|last| last.split('[').next());
        let is_about = element.is_some_and(|element| ABOUT.contains(&element));
        found |= target != only && (is_about || is_patient(&target) || is_of_another(&target));
    });
    found
}

/// A reference as an absolute URL. A relative one starts at the base of the resource that has it.
fn resolved(reference: &str, url: &str) -> String {
    let is_relative = !reference.contains(':') && !reference.starts_with(['#', '/']);
    let base = url.rsplit_once('/').and_then(|(rest, _)| rest.rsplit_once('/'));
    match base {
        Some((base, _)) if is_relative => format!("{base}/{reference}"),
        _ => reference.to_owned(),
    }
}

/// Whether a URL is one of a patient: `.../Patient/ID`.
pub(super) fn is_patient(url: &str) -> bool {
    let path =
        url.split_once("://").map_or(url, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    path.split(['/', '?', '#']).any(|part| part.eq_ignore_ascii_case("Patient"))
}
