//! A resource against its profile, and against what no table of elements can say: percentages, identifiers of activities,
//! goals, sub-activities, care teams.

use std::collections::BTreeSet;

use koppeltaal_fhir::{Resource, Severity};

use super::{Place, identifier};
use crate::generated::kinds::AnyProfile;
use crate::generated::profiles::{ActivityDefinition, CarePlan, CarePlanActivity, CarePlanActivityStatus};
use crate::generated::valuesets::CarePlanParticipantRole;
use crate::header::Header;
use crate::rules;
use crate::source::ApiVersion;

const ERROR: Severity = Severity::Error;
const WARNING: Severity = Severity::Warning;

/// Checks a resource of whichever kind; those that Koppeltaal has no profile of are left to the schema.
pub(super) fn check(
    resource: &Resource,
    api_version: ApiVersion,
    definitions: &[&ActivityDefinition],
    place: &mut Place<'_>,
) {
    if let Resource::MessageHeader(header) = resource {
        place.adopt(Header::from(header.clone()).findings());
    }
    for profile in AnyProfile::all_from_resource(resource) {
        place.adopt(profile.findings());
        beyond_the_table(&profile, api_version, definitions, place);
    }
}

/// What the tables of the profiles cannot say.
fn beyond_the_table(
    profile: &AnyProfile,
    api_version: ApiVersion,
    definitions: &[&ActivityDefinition],
    place: &mut Place<'_>,
) {
    match profile {
        AnyProfile::Patient(patient) => identifier::check("identifier", &patient.identifier, place),
        AnyProfile::Practitioner(practitioner) => {
            identifier::check("identifier", &practitioner.identifier, place);
        }
        AnyProfile::RelatedPerson(person) => identifier::check("identifier", &person.identifier, place),
        AnyProfile::Organization(organization) => {
            identifier::check("identifier", &organization.identifier, place);
            if organization.name.is_none() && organization.identifier.is_empty() {
                place.find((ERROR, rules::ORGANIZATION), "", "a name or an identifier", "neither");
            }
        }
        AnyProfile::CarePlan(plan) => care_plan(plan, api_version, definitions, place),
        AnyProfile::CarePlanActivityStatus(status) => activity_status(status, place),
        AnyProfile::ActivityDefinition(definition) => {
            let parts = definition.sub_activity.iter().map(|part| part.identifier.as_deref());
            unique("subActivity", parts, place);
        }
        _ => {}
    }
}

fn care_plan(
    plan: &CarePlan,
    api_version: ApiVersion,
    definitions: &[&ActivityDefinition],
    place: &mut Place<'_>,
) {
    let requester = Some(&CarePlanParticipantRole::Requester);
    if !plan.participant.iter().any(|participant| participant.role.as_ref() == requester) {
        place.find((WARNING, rules::REQUESTER), "participant", "one in the role Requester", "none");
    }
    for (index, participant) in plan.participant.iter().enumerate() {
        if api_version >= ApiVersion::V1_3_5 && participant.care_team.is_empty() {
            let path = format!("participant[{index}].careTeam");
            place.find((WARNING, rules::CARE_TEAM), &path, "a care team, from api-version 1.3.5 on", "none");
        }
    }
    let goals: BTreeSet<_> = plan.goal.iter().filter_map(|goal| goal.id.as_deref()).collect();
    for (index, activity) in plan.activity.iter().enumerate() {
        let path = format!("activity[{index}]");
        if activity.identifier.is_none() {
            let kind = (WARNING, rules::ACTIVITY_IDENTIFIER);
            let expected = "an identifier, by which status updates refer to the activity";
            place.find(kind, &format!("{path}.identifier"), expected, "nothing");
        }
        for (goal_index, goal) in activity.goal.iter().enumerate() {
            if !goals.contains(goal.as_str()) {
                let kind = (ERROR, rules::GOAL);
                place.find(
                    kind,
                    &format!("{path}.goal[{goal_index}]"),
                    "the id of a goal in the plan",
                    format!("{goal:?}"),
                );
            }
        }
        let parts = activity.sub_activity.iter().map(|part| part.identifier.as_deref());
        unique(&format!("{path}.subActivity"), parts, place);
        sub_activities(activity, &path, definitions, place);
    }
    unique("activity", plan.activity.iter().map(|activity| activity.identifier.as_deref()), place);
}

/// Each sub-activity must be one of the definition's, when that is at hand. The definition may be named by its identifier.
fn sub_activities(
    activity: &CarePlanActivity,
    path: &str,
    definitions: &[&ActivityDefinition],
    place: &mut Place<'_>,
) {
    let Some(name) = activity.definition.as_deref() else { return };
    let is_it = |definition: &&&ActivityDefinition| {
        definition.activity_definition_identifier.as_deref() == Some(name)
    };
    let Some(definition) = definitions.iter().find(is_it) else { return };
    let known = |identifier: &str| {
        definition.sub_activity.iter().any(|part| part.identifier.as_deref() == Some(identifier))
    };
    for (index, part) in activity.sub_activity.iter().enumerate() {
        if let Some(identifier) = part.identifier.as_deref().filter(|identifier| !known(identifier)) {
            let path = format!("{path}.subActivity[{index}].identifier");
            let expected = format!("a sub-activity of the definition {name:?}");
            place.find((ERROR, rules::SUB_ACTIVITY), &path, expected, format!("{identifier:?}"));
        }
    }
}

/// The second and later of equal identifiers in a list.
fn unique<'a>(list: &str, identifiers: impl Iterator<Item = Option<&'a str>>, place: &mut Place<'_>) {
    let mut seen = BTreeSet::new();
    for (index, identifier) in identifiers.enumerate() {
        let Some(identifier) = identifier else { continue };
        if !seen.insert(identifier) {
            let path = format!("{list}[{index}].identifier");
            let kind = (ERROR, rules::ACTIVITY_DUPLICATE);
            place.find(kind, &path, "an identifier of its own", format!("{identifier:?} again"));
        }
    }
}

fn activity_status(status: &CarePlanActivityStatus, place: &mut Place<'_>) {
    let parts = status.sub_activity.iter().map(|part| part.identifier.as_deref());
    unique("subActivity", parts, place);
    if let Some(percentage) = status.percentage_completed
        && !(0..=100).contains(&percentage)
    {
        place.find((ERROR, rules::PERCENTAGE), "percentageCompleted", "0 to 100", percentage.to_string());
    }
}
