//! [`Event`]: the event of a message, and what its message holds. [`Focal`]: from a profile to its event.
//!
//! The table is generated from `schemas/koppeltaal/events.schema`. Composing, extracting and validating read
//! it through these methods.

use std::fmt;
use std::str::FromStr;

use koppeltaal_fhir::Resource;

use crate::generated::events::EVENTS;
use crate::generated::kinds::ResourceKind;
use crate::generated::valuesets::Event;
use crate::log_text::code;
use crate::profile::Profile;

/// A row of the table of events.
pub(crate) struct EventDefinition {
    /// The kinds that a focal resource can be of. A sender writes the first; a receiver accepts all.
    pub(crate) focal: &'static [ResourceKind],
    pub(crate) patient: PatientPresence,
    /// The kinds of the other resources in the message.
    pub(crate) related: &'static [ResourceKind],
}

/// What an event says about the patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatientPresence {
    /// The header names no patient.
    None,
    /// The header names a patient; the message need not hold the resource.
    Referenced,
    /// The header names a patient, and the message holds the resource when the sender owns it.
    Required,
}

impl Event {
    fn definition(self) -> &'static EventDefinition {
        &EVENTS[self as usize]
    }

    /// The kind of the focal resource: the one that the message is about.
    pub fn focal(self) -> ResourceKind {
        self.definition().focal[0]
    }

    /// Whether a receiver accepts `resource` as the focal resource of such a message.
    pub fn takes_as_focal(self, resource: &Resource) -> bool {
        ResourceKind::from_resource(resource).is_some_and(|kind| self.focal_kinds().contains(&kind))
    }

    /// The kind of the focal resource, and the other forms that it has at some senders.
    pub fn focal_kinds(self) -> &'static [ResourceKind] {
        self.definition().focal
    }

    /// Whether the header names a patient: it must for some events, and must not for the others.
    pub fn has_patient(self) -> bool {
        self.definition().patient != PatientPresence::None
    }

    /// Whether the message must hold the patient's resource when the sender owns it. Status and result
    /// messages carry only the patient's URL, in the header.
    pub fn carries_patient(self) -> bool {
        self.definition().patient == PatientPresence::Required
    }

    /// The kinds of the other resources in the message, as far as the focal resource refers to them.
    pub fn related_kinds(self) -> &'static [ResourceKind] {
        self.definition().related
    }
}

/// A profile that is the focal resource of an event. Each is a variant of [`Content`](crate::Content).
///
/// ```
/// use koppeltaal_messaging::{Event, Focal, profiles::CarePlan};
///
/// assert_eq!(CarePlan::EVENT, Event::CreateOrUpdateCarePlan);
/// ```
pub trait Focal: Profile {
    /// The event whose messages are about such a resource.
    const EVENT: Event;
}

/// A code that is not the code of an event.
/// `Display` and `Debug` show it only if it looks like a code.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is not an event of Koppeltaal", code(.0))]
pub struct UnknownEvent(
    /// The code.
    pub String,
);

impl fmt::Debug for UnknownEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnknownEvent({self})")
    }
}

impl FromStr for Event {
    type Err = UnknownEvent;

    fn from_str(code: &str) -> Result<Self, UnknownEvent> {
        Self::from_code(code).ok_or_else(|| UnknownEvent(code.to_owned()))
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
