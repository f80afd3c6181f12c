//! What a portal must check before it launches: nobody else does.

use koppeltaal_r4::datatypes::{Reference, UsageContextValue};

use crate::profiles::{ActivityDefinition, Endpoint, RelatedPerson, Task};
use crate::valueset::ValueSet as _;
use crate::valuesets::{Expansion, TaskCode};

/// Why a user is not launched.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Objection {
    /// The Task has ended; a completed one may be opened to look, if the portal
    /// [allows it](crate::LaunchRequest::allow_completed).
    #[error("the Task has the status {0}")]
    TaskEnded(String),
    /// A Task with the code `view` breaks its rules: it is part of a Task without a code for the same
    /// patient.
    #[error("the Task is for looking only, and {0}")]
    View(&'static str),
    /// The user cannot work on the Task.
    #[error("the user {0}")]
    User(&'static str),
    /// The patient's record is no longer in use.
    #[error("the patient is not active")]
    PatientInactive,
    /// What a launch needs is not there.
    #[error("there is no {0}")]
    Missing(&'static str),
    /// The module's Endpoint is switched off.
    #[error("the Endpoint of the module is off")]
    EndpointOff,
    /// The module needs an optional part of Koppeltaal that the portal does not have.
    #[error("the module needs the expansion {}, which the portal does not support", .0.to_coding().code)]
    Expansion(Expansion),
}

/// The states that end a Task.
const ENDED: [&str; 5] = ["completed", "cancelled", "failed", "rejected", "entered-in-error"];

/// The states of an Endpoint that is not to be used.
const CLOSED: [&str; 2] = ["off", "entered-in-error"];

const EXPANSION: &str = "koppeltaal-expansion";

/// The Task is one that can be worked on.
pub(crate) fn task(task: &Task, allow_completed: bool) -> Result<(), Objection> {
    let status = task.status.as_str().ok_or(Objection::Missing("status of the Task"))?;
    let ended = ENDED.contains(&status) && !(allow_completed && status == "completed");
    if ended { Err(Objection::TaskEnded(status.to_owned())) } else { Ok(()) }
}

/// The patient of a Task.
pub(crate) fn patient(task: &Task) -> Result<&str, Objection> {
    task.r#for.as_ref().and_then(target).ok_or(Objection::Missing("patient of the Task (`for`)"))
}

/// The main Task of one that is for looking only.
pub(crate) fn viewed(task: &Task) -> Result<Option<&str>, Objection> {
    let mut codings = task.code.iter().flat_map(|concept| &concept.coding);
    if !codings.any(|coding| TaskCode::from_coding(coding) == TaskCode::View) {
        return Ok(None);
    }
    let main = task.part_of.iter().find_map(target);
    main.map(Some).ok_or(Objection::View("is no part of another one"))
}

/// The main Task is one that can be looked at.
pub(crate) fn main_task(task: &Task, main: &Task) -> Result<(), Objection> {
    if main.code.is_some() {
        return Err(Objection::View("the one that it is part of has a code too"));
    }
    if patient(task)? != patient(main)? {
        return Err(Objection::View("the one that it is part of is about another patient"));
    }
    Ok(())
}

/// The definition of a Task.
pub(crate) fn definition(task: &Task) -> Result<&str, Objection> {
    let definition = task.instantiates.as_ref().and_then(target);
    definition.ok_or(Objection::Missing("ActivityDefinition of the Task (extension instantiates)"))
}

/// The Endpoint and the Device of a definition.
pub(crate) fn module(definition: &ActivityDefinition) -> Result<(&str, &str), Objection> {
    let endpoint = definition.endpoint.iter().find_map(target);
    let device = definition.resource_origin.as_ref().and_then(target);
    Ok((
        endpoint.ok_or(Objection::Missing(
            "Endpoint of the ActivityDefinition (extension KT2EndpointExtension)",
        ))?,
        device.ok_or(Objection::Missing("resource-origin of the ActivityDefinition"))?,
    ))
}

/// The optional parts of Koppeltaal that a definition needs are among those that the portal has.
pub(crate) fn expansions(definition: &ActivityDefinition, supported: &[Expansion]) -> Result<(), Objection> {
    let contexts = definition
        .use_context
        .iter()
        .filter(|context| context.code.as_ref().is_some_and(|code| code.code.as_str() == Some(EXPANSION)));
    let concepts = contexts.filter_map(|context| match context.value.as_ref() {
        Some(UsageContextValue::CodeableConcept(concept)) => Some(concept),
        _ => None,
    });
    let mut needed = concepts.flat_map(|concept| &concept.coding).map(Expansion::from_coding);
    match needed.find(|needed| !supported.contains(needed)) {
        Some(needed) => Err(Objection::Expansion(needed)),
        None => Ok(()),
    }
}

/// Where a module is launched.
pub(crate) fn address(endpoint: &Endpoint) -> Result<&str, Objection> {
    if endpoint.status.as_str().is_some_and(|status| CLOSED.contains(&status)) {
        return Err(Objection::EndpointOff);
    }
    endpoint.address.as_str().ok_or(Objection::Missing("address of the Endpoint"))
}

/// A relative is one of the patient.
pub(crate) fn relative(person: &RelatedPerson, patient: &str) -> Result<(), Objection> {
    match person.patient.as_ref().and_then(target) == Some(patient) {
        true => Ok(()),
        false => Err(Objection::User("is a relative of another patient")),
    }
}

/// The relative reference in a reference: the Koppeltaal servers write no others.
fn target(reference: &Reference) -> Option<&str> {
    let text = reference.reference.as_str()?;
    let text = text.split_once("/_history/").map_or(text, |(text, _)| text);
    // An absolute one ends in the same two parts.
    let before = text.rmatch_indices('/').nth(1).map_or(0, |(place, _)| place + 1);
    text[before..].contains('/').then(|| &text[before..])
}

#[cfg(test)]
mod tests {
    use koppeltaal_r4::ReadOptions;

    use super::*;
    use crate::profile::Profile;

    fn read<P: Profile>(json: &str) -> P {
        let read = ReadOptions::tolerant().json(json.as_bytes()).expect("a resource");
        P::from_resource(read.document).expect("the right type")
    }

    #[test]
    fn a_task_that_ended_is_not_launched_but_a_completed_one_may_be_looked_at() {
        for (status, normally, to_look) in [
            ("ready", true, true),
            ("draft", true, true),
            ("completed", false, true),
            ("cancelled", false, false),
            ("entered-in-error", false, false),
        ] {
            let task = Task { status: status.into(), ..Default::default() };
            assert_eq!(super::task(&task, false).is_ok(), normally, "{status}");
            assert_eq!(super::task(&task, true).is_ok(), to_look, "{status}");
        }
        assert!(task(&Task::default(), true).is_err());
    }

    #[test]
    fn a_task_for_looking_is_part_of_a_main_task_for_the_same_patient() {
        let view = r#"{"resourceType":"Task","for":{"reference":"Patient/1"},"code":{"coding":[{"system":"http://vzvz.nl/fhir/CodeSystem/koppeltaal-task-code","code":"view"}]}PART}"#;
        let part =
            view.replace("PART", r#","partOf":[{"reference":"https://kt.example/fhir/Task/9/_history/2"}]"#);
        let part: Task = read(&part);
        assert_eq!(viewed(&part), Ok(Some("Task/9")));
        assert!(matches!(viewed(&read(&view.replace("PART", ""))), Err(Objection::View(_))));
        assert_eq!(viewed(&Task::default()), Ok(None));

        let main = |json: &str| main_task(&part, &read(json));
        assert_eq!(main(r#"{"resourceType":"Task","for":{"reference":"Patient/1"}}"#), Ok(()));
        assert!(main(r#"{"resourceType":"Task","for":{"reference":"Patient/2"}}"#).is_err());
        assert!(
            main(r#"{"resourceType":"Task","for":{"reference":"Patient/1"},"code":{"text":"x"}}"#).is_err()
        );
    }

    #[test]
    fn a_module_that_needs_more_than_the_portal_has_is_not_launched() {
        let definition: ActivityDefinition = read(
            r#"{"resourceType":"ActivityDefinition","useContext":[
                {"code":{"code":"age"},"valueCodeableConcept":{"coding":[{"code":"x"}]}},
                {"code":{"code":"koppeltaal-expansion"},"valueCodeableConcept":{"coding":[{"system":"http://vzvz.nl/fhir/CodeSystem/koppeltaal-expansion","code":"026-RolvdNaaste"}]}}]}"#,
        );
        assert_eq!(expansions(&definition, &[Expansion::RoleOfRelatedPerson]), Ok(()));
        assert_eq!(expansions(&definition, &[]), Err(Objection::Expansion(Expansion::RoleOfRelatedPerson)));
    }

    #[test]
    fn a_reference_that_is_no_literal_one_is_none() {
        for (text, found) in [
            ("Task/7", Some("Task/7")),
            ("https://kt.example/fhir/Task/7", Some("Task/7")),
            ("Task", None),
            ("#contained", None),
            ("", None),
        ] {
            let reference = Reference { reference: text.into(), ..Reference::default() };
            assert_eq!(target(&reference), found, "{text}");
        }
    }
}
