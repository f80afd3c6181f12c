//! Compares a resource with its profile, and checks the rules that a table of elements cannot state:
//! percentages, identifiers of activities, goals, sub-activities, care teams.

use std::collections::BTreeSet;

use koppeltaal_fhir::{Findings, Resource};

use super::identifier;
use crate::generated::kinds::AnyProfile;
use crate::generated::profiles::{ActivityDefinition, CarePlan, CarePlanActivity, CarePlanActivityStatus};
use crate::generated::valuesets::CarePlanParticipantRole;
use crate::header::Header;
use crate::profile::{CheckElements as _, Checker};
use crate::rules;
use crate::source::ApiVersion;

/// Checks a resource of any kind. A resource without profile has only the schema of DSTU1 to follow.
pub(super) fn check(
    resource: Resource,
    api_version: ApiVersion,
    definitions: &[&ActivityDefinition],
    findings: &mut Findings,
) {
    if let Resource::MessageHeader(header) = resource {
        return Header::from(header).check(&mut Checker::beside_schema(findings));
    }
    for profile in AnyProfile::all_from_resource(resource) {
        profile.check(&mut Checker::beside_schema(findings));
        beyond_the_table(&profile, api_version, definitions, findings);
    }
}

/// The rules that the tables of the profiles cannot state.
fn beyond_the_table(
    profile: &AnyProfile,
    api_version: ApiVersion,
    definitions: &[&ActivityDefinition],
    findings: &mut Findings,
) {
    match profile {
        AnyProfile::Patient(patient) => identifier::check("identifier", &patient.identifier, findings),
        AnyProfile::Practitioner(practitioner) => {
            identifier::check("identifier", &practitioner.identifier, findings);
        }
        AnyProfile::RelatedPerson(person) => identifier::check("identifier", &person.identifier, findings),
        AnyProfile::Organization(organization) => {
            identifier::check("identifier", &organization.identifier, findings);
            if organization.name.is_none() && organization.identifier.is_empty() {
                findings.report(rules::ORGANIZATION, "").expected("a name or an identifier").found("neither");
            }
        }
        AnyProfile::CarePlan(plan) => care_plan(plan, api_version, definitions, findings),
        AnyProfile::CarePlanActivityStatus(status) => activity_status(status, findings),
        AnyProfile::ActivityDefinition(definition) => {
            let parts = definition.sub_activity.iter().map(|part| part.identifier.as_deref());
            unique("subActivity", parts, findings);
        }
        _ => {}
    }
}

fn care_plan(
    plan: &CarePlan,
    api_version: ApiVersion,
    definitions: &[&ActivityDefinition],
    findings: &mut Findings,
) {
    let requester = Some(&CarePlanParticipantRole::Requester);
    if !plan.participant.iter().any(|participant| participant.role.as_ref() == requester) {
        findings.report(rules::REQUESTER, "participant").expected("one in the role Requester").found("none");
    }
    for (index, participant) in plan.participant.iter().enumerate() {
        if api_version >= ApiVersion::V1_3_5 && participant.care_team.is_empty() {
            findings.inside(&[("participant", Some(index))], |findings| {
                let expected = "a care team, from api-version 1.3.5 on";
                findings.report(rules::CARE_TEAM, "careTeam").expected(expected).found("none");
            });
        }
    }
    let goals: BTreeSet<_> = plan.goal.iter().filter_map(|goal| goal.id.as_deref()).collect();
    for (index, activity) in plan.activity.iter().enumerate() {
        findings.inside(&[("activity", Some(index))], |findings| {
            care_plan_activity(activity, &goals, definitions, findings);
        });
    }
    unique("activity", plan.activity.iter().map(|activity| activity.identifier.as_deref()), findings);
}

fn care_plan_activity(
    activity: &CarePlanActivity,
    goals: &BTreeSet<&str>,
    definitions: &[&ActivityDefinition],
    findings: &mut Findings,
) {
    if activity.identifier.is_none() {
        let expected = "an identifier, by which status updates refer to the activity";
        findings.report(rules::ACTIVITY_IDENTIFIER, "identifier").expected(expected).found("nothing");
    }
    for (index, goal) in activity.goal.iter().enumerate() {
        if !goals.contains(goal.as_str()) {
            findings.inside(&[("goal", Some(index))], |findings| {
                let expected = "the id of a goal in the plan";
                findings.report(rules::GOAL, "").expected(expected).found(format!("{goal:?}"));
            });
        }
    }
    unique("subActivity", activity.sub_activity.iter().map(|part| part.identifier.as_deref()), findings);
    sub_activities(activity, definitions, findings);
}

/// Each sub-activity is one of the definition's, if the definition is known. The activity names it by its
/// identifier.
fn sub_activities(activity: &CarePlanActivity, definitions: &[&ActivityDefinition], findings: &mut Findings) {
    let Some(name) = activity.definition.as_deref() else { return };
    let is_it = |definition: &&&ActivityDefinition| {
        definition.activity_definition_identifier.as_deref() == Some(name)
    };
    let Some(definition) = definitions.iter().find(is_it) else { return };
    let is_known = |identifier: &str| {
        definition.sub_activity.iter().any(|part| part.identifier.as_deref() == Some(identifier))
    };
    for (index, part) in activity.sub_activity.iter().enumerate() {
        if let Some(identifier) = part.identifier.as_deref().filter(|identifier| !is_known(identifier)) {
            findings.inside(&[("subActivity", Some(index))], |findings| {
                let expected = "a sub-activity of the activity's definition";
                let found = format!("{identifier:?}");
                findings.report(rules::SUB_ACTIVITY, "identifier").expected(expected).found(found);
            });
        }
    }
}

/// No two elements of a list have the same identifier. Reports the second and later ones.
fn unique<'a>(
    list: &'static str,
    identifiers: impl Iterator<Item = Option<&'a str>>,
    findings: &mut Findings,
) {
    let mut seen = BTreeSet::new();
    for (index, identifier) in identifiers.enumerate() {
        if let Some(identifier) = identifier.filter(|identifier| !seen.insert(*identifier)) {
            findings.inside(&[(list, Some(index))], |findings| {
                let found = format!("{identifier:?} again");
                let finding = findings.report(rules::ACTIVITY_DUPLICATE, "identifier");
                finding.expected("an identifier of its own").found(found);
            });
        }
    }
}

fn activity_status(status: &CarePlanActivityStatus, findings: &mut Findings) {
    unique("subActivity", status.sub_activity.iter().map(|part| part.identifier.as_deref()), findings);
    let percentage = status.percentage_completed.filter(|percentage| !(0..=100).contains(percentage));
    if let Some(percentage) = percentage {
        let found = percentage.to_string();
        findings.report(rules::PERCENTAGE, "percentageCompleted").expected("0 to 100").found(found);
    }
}
