//! The rules of Koppeltaal for what applications write, beyond the structure of R4.

use http::StatusCode;
use koppeltaal_r4::Resource;
use koppeltaal_r4::resources::{IssueType, Subscription, Task};

use crate::fhir::refusal::{Issue, Refusal};
use crate::notification::{Subscriber, activate};
use crate::resources::{has_origin, origin, parts, profile_url, set_origin};

const ORIGIN: &str = "extension('http://koppeltaal.nl/fhir/StructureDefinition/resource-origin')";
/// The code of a Task that shows another one.
const VIEW: &str = "view";

/// Checks a resource that is to be written, and prepares what the server decides.
///
/// # Errors
///
/// 422 with all violations.
pub(crate) fn check(resource: &mut Resource) -> Result<(), Refusal> {
    let mut issues: Vec<_> = profile(resource).into_iter().collect();
    if let Some(task) = resource.get::<Task>() {
        issues.extend(view(task));
    }
    if let Some(subscription) = resource.get_mut::<Subscription>() {
        activate(subscription);
        let problems = Subscriber::read(subscription).err().unwrap_or_default();
        issues.extend(
            problems
                .into_iter()
                .map(|problem| Issue::new(IssueType::BusinessRule, problem.text).at(problem.expression)),
        );
    }
    if issues.is_empty() { Ok(()) } else { Err(Refusal::unprocessable(issues)) }
}

/// `meta.profile` names the profile of the type, with or without its version.
fn profile(resource: &Resource) -> Option<Issue> {
    let resource_type = resource.resource_type();
    let url = profile_url(resource_type);
    let named = parts(resource).and_then(|parts| parts.meta).map_or(&[][..], |meta| &meta.profile);
    let is_named = named.iter().filter_map(|profile| profile.as_str()).any(|profile| {
        profile.strip_prefix(url.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('|'))
    });
    (!is_named).then(|| {
        Issue::new(IssueType::BusinessRule, format!("expected {url}"))
            .at(format!("{resource_type}.meta.profile"))
    })
}

/// A Task that shows another one names it.
fn view(task: &Task) -> Option<Issue> {
    let mut codings = task.code.iter().flat_map(|code| &code.coding);
    let is_view = codings.any(|coding| coding.code.as_str() == Some(VIEW));
    (is_view && task.part_of.is_empty()).then(|| {
        Issue::new(IssueType::BusinessRule, "expected the Task that this one with code view shows")
            .at("Task.partOf")
    })
}

/// A new resource comes without an origin, which the server sets.
pub(crate) fn check_origin_of_new(resource: &Resource) -> Result<(), Refusal> {
    if !has_origin(resource) {
        return Ok(());
    }
    let diagnostics = "expected no resource-origin: the server sets it";
    Err(Refusal::new(StatusCode::BAD_REQUEST, IssueType::BusinessRule, diagnostics)
        .at(format!("{}.{ORIGIN}", resource.resource_type())))
}

/// A new version has the origin of the resource; it is put back if it was left out.
pub(crate) fn keep_origin(resource: &mut Resource, current: Option<&str>) -> Result<(), Refusal> {
    match (has_origin(resource), current) {
        (false, Some(current)) => {
            set_origin(resource, current);
            Ok(())
        }
        (false, None) => Ok(()),
        (true, current) if origin(resource) == current => Ok(()),
        (true, _) => Err(Refusal::forbidden()),
    }
}
