//! [`ResourceKind`]: the kinds of resources that Koppeltaal knows, as one table.
//!
//! DSTU1 has no type for an activity definition or a care team; Koppeltaal puts those into `Other` and tells them
//! apart by a code (`OtherResourceUsage`). A kind is the FHIR type and that code together.

use std::fmt;
use std::str::FromStr;

use koppeltaal_fhir::Resource;
use koppeltaal_fhir::datatypes::{CodeableConcept, Coding};

use crate::misplaced;
use crate::vocabulary::system::OTHER_RESOURCE_USAGE;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $name:literal is $resource_type:literal $usage:expr, at $segment:literal;)*) => {
        /// A kind of resource in Koppeltaal: a FHIR type or, for the kinds of `Other`, the usage code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ResourceKind { $($(#[$doc])* $kind,)* }

        impl ResourceKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// The name Koppeltaal has for the kind.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// The FHIR type that carries the kind.
            pub const fn resource_type(self) -> &'static str {
                match self { $(Self::$kind => $resource_type,)* }
            }

            /// The `OtherResourceUsage` code in `Other.code`; none for the kinds that are FHIR types of their own.
            pub const fn usage(self) -> Option<&'static str> {
                match self { $(Self::$kind => $usage,)* }
            }

            /// The type segment that URLs of the kind have: the kind's name, and `Other` for what the server owns.
            pub const fn url_segment(self) -> &'static str {
                match self { $(Self::$kind => $segment,)* }
            }
        }
    };
}

kinds! {
    /// A patient.
    Patient "Patient" is "Patient" None, at "Patient";
    /// A practitioner.
    Practitioner "Practitioner" is "Practitioner" None, at "Practitioner";
    /// Somebody related to a patient.
    RelatedPerson "RelatedPerson" is "RelatedPerson" None, at "RelatedPerson";
    /// An organization.
    Organization "Organization" is "Organization" None, at "Organization";
    /// An application: a profile of Device.
    Device "Device" is "Device" None, at "Device";
    /// A care plan.
    CarePlan "CarePlan" is "CarePlan" None, at "CarePlan";
    /// What a patient can be given to do; owned by the server.
    ActivityDefinition "ActivityDefinition" is "Other" Some("ActivityDefinition"), at "Other";
    /// How far an activity of a care plan is.
    CarePlanActivityStatus "CarePlanActivityStatus" is "Other" Some("CarePlanActivityStatus"), at "CarePlanActivityStatus";
    /// The result of an activity in the form the documentation gives it; on the wire it is a diagnostic report.
    CarePlanActivityResult "CarePlanActivityResult" is "Other" Some("CarePlanActivityResult"), at "CarePlanActivityResult";
    /// A message from one person to another.
    UserMessage "UserMessage" is "Other" Some("UserMessage"), at "UserMessage";
    /// Practitioners who treat a patient together.
    CareTeam "CareTeam" is "Other" Some("CareTeam"), at "CareTeam";
    /// Something kept by the storage service; owned by the server.
    StorageItem "StorageItem" is "Other" Some("StorageItem"), at "Other";
    /// The private state of an application, passed on unread.
    BlackBoxState "BlackBoxState" is "Other" Some("BlackBoxState"), at "BlackBoxState";
    /// A diagnostic report: the result of an activity as it is on the wire.
    DiagnosticReport "DiagnosticReport" is "DiagnosticReport" None, at "DiagnosticReport";
    /// One measured or derived value of a result.
    Observation "Observation" is "Observation" None, at "Observation";
    /// The questions and answers behind a result; deprecated since 1.3.
    Questionnaire "Questionnaire" is "Questionnaire" None, at "Questionnaire";
    /// The header of a message.
    MessageHeader "MessageHeader" is "MessageHeader" None, at "MessageHeader";
}

impl ResourceKind {
    /// The kind of a resource; `None` for types that Koppeltaal does not use and for an `Other` with another code. A
    /// code that lost the element round it counts, as some senders write it.
    pub fn of(resource: &Resource) -> Option<Self> {
        let resource_type = resource.resource_type();
        let usage = match resource {
            Resource::Other(other) => Some(match &other.code {
                Some(code) => usage_code(&code.coding)?.to_owned(),
                None => usage_code(&misplaced::codings(&other.unknown))?.to_owned(),
            }),
            _ => None,
        };
        let is_it = |kind: &Self| kind.resource_type() == resource_type && kind.usage() == usage.as_deref();
        Self::ALL.iter().copied().find(is_it)
    }

    /// The `code` of an `Other` of this kind; none for the kinds that are FHIR types of their own.
    pub fn usage_concept(self) -> Option<CodeableConcept> {
        let usage = self.usage()?;
        let coding = Coding {
            system: OTHER_RESOURCE_USAGE.into(),
            code: usage.into(),
            display: usage.into(),
            ..Coding::default()
        };
        Some(CodeableConcept { coding: vec![coding], ..CodeableConcept::default() })
    }
}

/// The usage code among the codings: the one of Koppeltaal's system, else the first one.
fn usage_code(codings: &[Coding]) -> Option<&str> {
    let of_system = codings.iter().find(|coding| coding.system.as_str() == Some(OTHER_RESOURCE_USAGE));
    of_system.or(codings.first())?.code.as_str()
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that no kind of resource has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no kind of Koppeltaal resource is called {0:?}")]
pub struct UnknownKind(pub String);

impl FromStr for ResourceKind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name).ok_or_else(|| UnknownKind(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use koppeltaal_fhir::resources::{Other, Patient};

    use super::*;

    fn other(kind: ResourceKind) -> Resource {
        Other { code: kind.usage_concept(), ..Other::default() }.into()
    }

    #[test]
    fn kinds_of_other_are_told_apart_by_their_code() {
        for kind in ResourceKind::ALL.iter().copied().filter(|kind| kind.usage().is_some()) {
            assert_eq!(ResourceKind::of(&other(kind)), Some(kind));
        }
        assert_eq!(ResourceKind::of(&Other::default().into()), None);
        assert_eq!(ResourceKind::of(&Patient::default().into()), Some(ResourceKind::Patient));
    }

    #[test]
    fn names_read_back() {
        for kind in ResourceKind::ALL.iter().copied() {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert_eq!("Condition".parse::<ResourceKind>(), Err(UnknownKind("Condition".to_owned())));
    }
}
