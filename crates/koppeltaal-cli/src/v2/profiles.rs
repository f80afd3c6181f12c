//! [`with_profile!`]: what a command does with a type of resource whose name an argument has.

/// Runs an expression with the profile of this name as a type; `None` if there is no profile of that name.
macro_rules! with_profile {
    ($name:expr, $profile:ident => $body:expr) => {
        with_profile!(@types $name, $profile => $body;
            ActivityDefinition AuditEvent CareTeam Device Endpoint Organization Patient Practitioner
            RelatedPerson Subscription Task)
    };
    (@types $name:expr, $profile:ident => $body:expr; $($type:ident)*) => {
        match $name {
            $(stringify!($type) => {
                type $profile = koppeltaal2::profiles::$type;
                Some($body)
            })*
            _ => None,
        }
    };
}

pub(super) use with_profile;

use crate::failure::Failure;

/// The types, for a message.
const TYPES: &str = "ActivityDefinition, AuditEvent, CareTeam, Device, Endpoint, Organization, Patient, \
                     Practitioner, RelatedPerson, Subscription, Task";

/// The error about a name that is no type of Koppeltaal 2.0.
pub(super) fn unknown_type(name: &str) -> Failure {
    match name {
        "" => Failure::Usage(format!("no type of resource: give one of {TYPES}")),
        _ => Failure::Usage(format!("Koppeltaal 2.0 has no {name:?}; its types are {TYPES}")),
    }
}
