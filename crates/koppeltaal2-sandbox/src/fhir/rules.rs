//! The rules of Koppeltaal for what applications write, beyond the structure of R4.

use http::StatusCode;
use koppeltaal_r4::resources::{IssueType, Subscription, Task};
use koppeltaal_r4::{Finding, Resource, Rule, Severity};
use koppeltaal2::rules;

use crate::fhir::refusal::{Issue, Refusal};
use crate::notification::{Subscriber, activate};
use crate::resources::{has_origin, origin, set_origin};

const ORIGIN: &str = "extension('http://koppeltaal.nl/fhir/StructureDefinition/resource-origin')";
/// The code of a Task that shows another one.
const VIEW: &str = "view";

/// What kind of issue the violation of a rule is. Any other rule is one about values.
const KINDS: [(Rule, IssueType); 5] = [
    (rules::MINIMUM, IssueType::Required),
    (rules::MAXIMUM, IssueType::Structure),
    (rules::FORBIDDEN, IssueType::Structure),
    (rules::CODE, IssueType::CodeInvalid),
    (rules::PROFILE_URL, IssueType::BusinessRule),
];

/// Checks a resource that is to be written, and prepares what the server decides. Without `profile_rules` it
/// only has to name its profile.
///
/// # Errors
///
/// 422 with all violations.
pub(crate) fn check(resource: &mut Resource, profile_rules: bool) -> Result<(), Refusal> {
    let mut issues = profile(resource, profile_rules);
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

/// The rules of the profile. What was found is not said, since the diagnostics of a refusal are logged.
fn profile(resource: &Resource, all_rules: bool) -> Vec<Issue> {
    let resource_type = resource.resource_type();
    let is_broken = |finding: &Finding| {
        finding.severity == Severity::Error && (all_rules || finding.rule == rules::PROFILE_URL)
    };
    let issue = |finding: Finding| {
        let kind = KINDS.iter().find(|(rule, _)| *rule == finding.rule);
        let kind = kind.map_or(IssueType::Value, |(_, kind)| kind.clone());
        Issue::new(kind, format!("{}: expected {}", finding.rule.id(), finding.expected))
            .at(format!("{resource_type}.{}", finding.path))
    };
    koppeltaal2::validate(resource).into_iter().filter(is_broken).map(issue).collect()
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
