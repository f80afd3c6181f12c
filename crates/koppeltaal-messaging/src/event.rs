//! [`Event`]: the eight events of Koppeltaal as one table, from which messages are composed, extracted and checked.

use std::fmt;
use std::str::FromStr;

use koppeltaal_fhir::Resource;
use koppeltaal_fhir::datatypes::Coding;

use crate::kind::ResourceKind;
use crate::vocabulary::system;

/// What happened: the type of a message (Koppeltaal spec section 4, "Events").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// A patient is new or has changed.
    CreateOrUpdatePatient,
    /// A practitioner is new or has changed.
    CreateOrUpdatePractitioner,
    /// A related person is new or has changed.
    CreateOrUpdateRelatedPerson,
    /// An activity definition is new or has changed. The server sends this one; a connector publishes definitions
    /// through `Other`, not the mailbox.
    CreateOrUpdateActivityDefinition,
    /// A care plan is new or has changed.
    CreateOrUpdateCarePlan,
    /// An activity of a care plan has another status.
    UpdateCarePlanActivityStatus,
    /// An activity of a care plan has a result.
    CreateOrUpdateCarePlanActivityResult,
    /// One person wrote to another.
    CreateOrUpdateUserMessage,
}

/// A row of the table.
struct Rules {
    event: Event,
    code: &'static str,
    focal: ResourceKind,
    /// What else a receiver takes as focal resource.
    focal_read: &'static [ResourceKind],
    patient: bool,
    patient_inside: bool,
    inside: &'static [ResourceKind],
}

use ResourceKind::{
    ActivityDefinition, BlackBoxState, CarePlan, CarePlanActivityResult, CarePlanActivityStatus, CareTeam,
    Device, DiagnosticReport, Observation, Organization, Patient, Practitioner, Questionnaire, RelatedPerson,
    UserMessage,
};

/// In the order of [`Event`].
static TABLE: [Rules; 8] = [
    Rules {
        event: Event::CreateOrUpdatePatient,
        code: "CreateOrUpdatePatient",
        focal: Patient,
        focal_read: &[],
        patient: true,
        patient_inside: true,
        inside: &[Organization, Practitioner],
    },
    Rules {
        event: Event::CreateOrUpdatePractitioner,
        code: "CreateOrUpdatePractitioner",
        focal: Practitioner,
        focal_read: &[],
        patient: false,
        patient_inside: false,
        inside: &[Organization],
    },
    Rules {
        event: Event::CreateOrUpdateRelatedPerson,
        code: "CreateOrUpdateRelatedPerson",
        focal: RelatedPerson,
        focal_read: &[],
        patient: true,
        patient_inside: true,
        inside: &[Patient],
    },
    Rules {
        event: Event::CreateOrUpdateActivityDefinition,
        code: "CreateOrUpdateActivityDefinition",
        focal: ActivityDefinition,
        focal_read: &[],
        patient: false,
        patient_inside: false,
        inside: &[],
    },
    Rules {
        event: Event::CreateOrUpdateCarePlan,
        code: "CreateOrUpdateCarePlan",
        focal: CarePlan,
        focal_read: &[],
        patient: true,
        patient_inside: true,
        inside: &[Patient, Practitioner, RelatedPerson, CareTeam, Organization],
    },
    Rules {
        event: Event::UpdateCarePlanActivityStatus,
        code: "UpdateCarePlanActivityStatus",
        focal: CarePlanActivityStatus,
        focal_read: &[],
        patient: true,
        patient_inside: false,
        inside: &[BlackBoxState],
    },
    Rules {
        event: Event::CreateOrUpdateCarePlanActivityResult,
        code: "CreateOrUpdateCarePlanActivityResult",
        focal: DiagnosticReport,
        focal_read: &[CarePlanActivityResult],
        patient: true,
        patient_inside: false,
        inside: &[Observation, Questionnaire],
    },
    Rules {
        event: Event::CreateOrUpdateUserMessage,
        code: "CreateOrUpdateUserMessage",
        focal: UserMessage,
        focal_read: &[],
        patient: true,
        patient_inside: true,
        inside: &[Patient, Practitioner, RelatedPerson, Device],
    },
];

impl Event {
    /// Every event.
    pub const ALL: [Self; 8] = [
        Self::CreateOrUpdatePatient,
        Self::CreateOrUpdatePractitioner,
        Self::CreateOrUpdateRelatedPerson,
        Self::CreateOrUpdateActivityDefinition,
        Self::CreateOrUpdateCarePlan,
        Self::UpdateCarePlanActivityStatus,
        Self::CreateOrUpdateCarePlanActivityResult,
        Self::CreateOrUpdateUserMessage,
    ];

    fn rules(self) -> &'static Rules {
        &TABLE[self as usize]
    }

    /// The code of the event, which is also its display text.
    pub fn code(self) -> &'static str {
        self.rules().code
    }

    /// The kind of the focal resource: the one that the message is about.
    pub fn focal(self) -> ResourceKind {
        self.rules().focal
    }

    /// Whether a receiver takes `resource` as the focal resource of such a message.
    pub fn takes_as_focal(self, resource: &Resource) -> bool {
        ResourceKind::of(resource).is_some_and(|kind| self.focal_kinds().any(|focal| focal == kind))
    }

    /// The kind of the focal resource, and the other forms that it has at some senders.
    pub(crate) fn focal_kinds(self) -> impl Iterator<Item = ResourceKind> {
        let rules = self.rules();
        std::iter::once(rules.focal).chain(rules.focal_read.iter().copied())
    }

    /// Whether the header must name a patient. The events that need none have none.
    pub fn has_patient(self) -> bool {
        self.rules().patient
    }

    /// Whether the patient's resource has to be in the bundle when the sender owns it. Status and result messages
    /// carry just the patient's URL in the header.
    pub fn patient_inside(self) -> bool {
        self.rules().patient_inside
    }

    /// The kinds of resources that come along, as far as the focal resource refers to them.
    pub fn inside(self) -> &'static [ResourceKind] {
        self.rules().inside
    }

    /// The event as `MessageHeader.event` has it.
    pub fn coding(self) -> Coding {
        Coding {
            system: system::MESSAGE_EVENTS.into(),
            code: self.code().into(),
            display: self.code().into(),
            ..Coding::default()
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
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
        TABLE
            .iter()
            .find(|rules| rules.code == code)
            .map(|rules| rules.event)
            .ok_or_else(|| UnknownEvent(code.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_events() {
        for event in Event::ALL {
            assert_eq!(event.rules().event, event);
        }
    }

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
}
