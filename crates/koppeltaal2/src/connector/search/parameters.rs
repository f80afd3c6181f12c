//! The search parameters of each type, as methods: those of R4 that Koppeltaal's applications use, and
//! Koppeltaal's own.

use crate::connector::search::Search;
use crate::profiles::{
    ActivityDefinition, AuditEvent, CareTeam, Device, Endpoint, Organization, Patient, Practitioner,
    RelatedPerson, Subscription, Task,
};

/// A method for each parameter, by the kind of its values: `code` (one code; also the enum of a code list),
/// `token` (system and code), `reference` (`Type/<id>`), `boolean`, `text` (any one value).
macro_rules! parameters {
    ($($type:ident { $($(#[$doc:meta])* $method:ident $name:literal $kind:ident;)* })*) => {
        $(impl Search<$type> {
            $(parameters!(@method $(#[$doc])* $method $name $kind);)*
        })*
    };
    (@method $(#[$doc:meta])* $method:ident $name:literal code) => {
        $(#[$doc])*
        #[doc = concat!("The parameter `", $name, "`, a code.")]
        pub fn $method(self, code: impl AsRef<str>) -> Self {
            self.param($name, code.as_ref())
        }
    };
    (@method $(#[$doc:meta])* $method:ident $name:literal token) => {
        $(#[$doc])*
        #[doc = concat!("The parameter `", $name, "`, a code in a system.")]
        pub fn $method(self, system: &str, code: &str) -> Self {
            self.token($name, system, code)
        }
    };
    (@method $(#[$doc:meta])* $method:ident $name:literal reference) => {
        $(#[$doc])*
        #[doc = concat!("The parameter `", $name, "`, a reference such as `Type/<id>`.")]
        pub fn $method(self, reference: impl AsRef<str>) -> Self {
            self.param($name, reference.as_ref())
        }
    };
    (@method $(#[$doc:meta])* $method:ident $name:literal boolean) => {
        $(#[$doc])*
        #[doc = concat!("The parameter `", $name, "`.")]
        pub fn $method(self, value: bool) -> Self {
            self.param($name, if value { "true" } else { "false" })
        }
    };
    (@method $(#[$doc:meta])* $method:ident $name:literal text) => {
        $(#[$doc])*
        #[doc = concat!("The parameter `", $name, "`.")]
        pub fn $method(self, value: impl AsRef<str>) -> Self {
            self.param($name, value.as_ref())
        }
    };
}

parameters! {
    Task {
        /// What state it is in.
        status "status" code;
        /// Who has to do it.
        owner "owner" reference;
        /// Whom it is about.
        patient "patient" reference;
        /// What kind of task it is.
        code "code" token;
        /// The main task of a subtask.
        part_of "part-of" reference;
        /// The activity definition that it is an instance of; a parameter of Koppeltaal.
        instantiates "instantiates" reference;
        /// The publisher of that definition: how a vendor finds the tasks of its modules.
        instantiates_publisher_id "instantiates.publisherId" text;
    }
    ActivityDefinition {
        /// Whether it is offered.
        status "status" code;
        /// Its canonical URL.
        url "url" text;
        /// What it is about.
        topic "topic" token;
        /// Who publishes it; a parameter of Koppeltaal.
        publisher_id "publisherId" text;
        /// Who does it; a parameter of Koppeltaal.
        participant "participant" code;
    }
    Patient {
        /// Whether the record is in use.
        active "active" boolean;
    }
    Practitioner {
        /// Whether the record is in use.
        active "active" boolean;
    }
    RelatedPerson {
        /// Whether the record is in use.
        active "active" boolean;
        /// Whose relative it is.
        patient "patient" reference;
    }
    CareTeam {
        /// Whether it works.
        status "status" code;
        /// Whom it cares for.
        patient "patient" reference;
        /// Who is in it.
        participant "participant" reference;
    }
    Organization {
        /// Whether the record is in use.
        active "active" boolean;
    }
    Device {
        /// Whether the application is in use.
        status "status" code;
    }
    Endpoint {
        /// Whether it can be launched.
        status "status" code;
    }
    Subscription {
        /// Whether the server notifies.
        status "status" code;
    }
    AuditEvent {
        /// The chain that it belongs to; a parameter of Koppeltaal.
        trace_id "traceId" text;
        /// The request that it is about; a parameter of Koppeltaal.
        request_id "requestId" text;
        /// The request that caused that request; a parameter of Koppeltaal.
        correlation_id "correlationId" text;
        /// What kind of event it is.
        event_type "type" token;
        /// What kind of event it is, in more detail.
        subtype "subtype" token;
        /// What it is about.
        entity "entity" reference;
        /// Who did it.
        agent "agent" reference;
    }
}

#[cfg(test)]
mod tests {
    use koppeltaal_r4::resources::TaskStatus;

    use super::*;

    #[test]
    fn parameters_are_spelled_by_their_methods() {
        let search = Search::<Task>::new()
            .status(TaskStatus::InProgress)
            .code("http://vzvz.nl/fhir/CodeSystem/koppeltaal-task-code", "view")
            .instantiates_publisher_id("acme");
        assert_eq!(
            search.to_criteria(),
            "Task?status=in-progress&code=http%3A//vzvz.nl/fhir/CodeSystem/koppeltaal-task-code%7Cview\
             &instantiates.publisherId=acme"
        );
        assert_eq!(Search::<Patient>::new().active(true).to_criteria(), "Patient?active=true");
    }
}
