//! [`Event`]: what happened, and what each event says about its message. The table is generated from
//! `schemas/koppeltaal/events.schema`; composing, extracting and validating read it by the methods here.

use std::str::FromStr;

use koppeltaal_fhir::Resource;

use crate::generated::events::EVENTS;
use crate::generated::valuesets::Event;
use crate::kind::ResourceKind;

/// A row of the table.
pub(crate) struct EventRules {
    /// The kinds that a focal resource is of. The first is what is written, a receiver takes all.
    pub(crate) focal: &'static [ResourceKind],
    pub(crate) patient: PatientRule,
    /// The kinds of resources that come along.
    pub(crate) with: &'static [ResourceKind],
}

/// What an event says about the patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatientRule {
    /// The header names none.
    Absent,
    /// The header names one, whose resource is in the message when the sender owns it.
    Inside,
    /// The header names one, whose resource may stay out.
    Outside,
}

impl Event {
    fn rules(self) -> &'static EventRules {
        &EVENTS[self as usize]
    }

    /// The kind of the focal resource: the one that the message is about.
    pub fn focal(self) -> ResourceKind {
        self.rules().focal[0]
    }

    /// Whether a receiver takes `resource` as the focal resource of such a message.
    pub fn takes_as_focal(self, resource: &Resource) -> bool {
        ResourceKind::of(resource).is_some_and(|kind| self.focal_kinds().contains(&kind))
    }

    /// The kind of the focal resource, and the other forms that it has at some senders.
    pub fn focal_kinds(self) -> &'static [ResourceKind] {
        self.rules().focal
    }

    /// Whether the header must name a patient. The events that need none have none.
    pub fn has_patient(self) -> bool {
        self.rules().patient != PatientRule::Absent
    }

    /// Whether the patient's resource has to be in the bundle when the sender owns it. Status and result messages
    /// carry just the patient's URL in the header.
    pub fn patient_inside(self) -> bool {
        self.rules().patient == PatientRule::Inside
    }

    /// The kinds of resources that come along, as far as the focal resource refers to them.
    pub fn inside(self) -> &'static [ResourceKind] {
        self.rules().with
    }
}

/// A code that is none of the eight events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an event of Koppeltaal")]
pub struct UnknownEvent(
    /// The code.
    pub String,
);

impl FromStr for Event {
    type Err = UnknownEvent;

    fn from_str(code: &str) -> Result<Self, UnknownEvent> {
        Self::of_code(code).ok_or_else(|| UnknownEvent(code.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_back() {
        for event in Event::ALL {
            assert_eq!(event.to_string().parse(), Ok(event));
        }
        assert_eq!(
            "createorupdatepatient".parse::<Event>(),
            Err(UnknownEvent("createorupdatepatient".to_owned()))
        );
    }

    #[test]
    fn only_practitioners_and_definitions_are_about_nobody() {
        let without: Vec<_> = Event::ALL.into_iter().filter(|event| !event.has_patient()).collect();
        assert_eq!(without, [Event::CreateOrUpdatePractitioner, Event::CreateOrUpdateActivityDefinition]);
    }

    #[test]
    fn a_result_is_written_as_a_report_and_read_in_either_form() {
        let kinds = Event::CreateOrUpdateCarePlanActivityResult.focal_kinds();
        assert_eq!(kinds, [ResourceKind::DiagnosticReport, ResourceKind::CarePlanActivityResult]);
        for event in Event::ALL {
            assert_eq!(event.focal(), event.focal_kinds()[0]);
        }
    }
}
