//! The `AuditEvent`s of logins: one for each step of a launched user at the authorization service
//! (Koppeltaal 2.0, topic 11). The trace id is the `jti` of the launch.

use koppeltaal_r4::datatypes::{Identifier, Reference};
use koppeltaal_r4::resources::{AuditEventAction, AuditEventAgent, AuditEventEntity};
use koppeltaal_smart::HtiClaims;

use crate::application::RegisteredApplication;
use crate::audit::{DCM, Event, OBJECT_ROLE, Outcome, agent, coding, source_agent};
use crate::authorization::provider::Provider;
use crate::authorization::service::AuthorizationService;
use crate::config::UserType;
use crate::refusal::Refusal;
use crate::resources::reference_to;
use crate::trace::Trace;

/// A step of a launched user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The module introspects the launch.
    Introspection,
    /// The module asks for authorization.
    Login,
    /// The user is sent to the identity provider.
    Delegation,
    /// The identity provider has said who the user is.
    Decision,
}

/// The steps with their codes (DICOM, as the reference service has them), their displays, and how the
/// description of a failure begins.
const STEPS: [(Step, &str, &str, &str); 4] = [
    (Step::Introspection, "110143", "Token Introspection (HTI launch)", "introspect"),
    (Step::Login, "110122", "Login", "authorize"),
    (Step::Delegation, "110144", "Authentication Delegated to IdP", "idp call"),
    (Step::Decision, "110145", "IdP Authentication Decision", "idp login"),
];

/// The roles of the people, in `object-role`.
const ROLES: [(UserType, &str, &str); 3] = [
    (UserType::Patient, "1", "Patient"),
    (UserType::RelatedPerson, "6", "User"),
    (UserType::Practitioner, "15", "Practitioner"),
];

/// The system of the issuers of identity providers.
const ISSUER: &str = "http://koppeltaal.nl/oidc/issuer";

/// A launch, as far as it is known and true.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// The application that was launched.
    pub(crate) application: &'a RegisteredApplication,
    /// What the launch says; `None` if it is not accepted.
    pub(crate) launch: Option<&'a HtiClaims>,
    pub(crate) provider: Option<&'a Provider>,
}

impl AuthorizationService {
    /// Writes the event of a step, which this request made.
    pub(crate) fn record(&self, step: Step, subject: Subject<'_>, trace: &Trace, refusal: Option<&Refusal>) {
        let (_, code, display, prefix) = STEPS[step as usize];
        let outcome = match refusal {
            None => Outcome::Success,
            Some(refusal) => {
                let text = format!("{prefix}: {}", refusal.reason);
                if refusal.status.is_server_error() { Outcome::Serious(text) } else { Outcome::Minor(text) }
            }
        };
        let mut trace = trace.clone();
        if let Some(jti) = subject.launch.map(|launch| &launch.jti).filter(|jti| is_id(jti)) {
            trace.trace_id.clone_from(jti);
        }
        let device = subject.application.device();
        let mut agents = vec![source_agent(device)];
        agents.extend(subject.provider.map(provider_agent));
        self.shared.audit.record(Event {
            r#type: coding(DCM, "110114", "User Authentication"),
            subtype: Some(coding(DCM, code, display)),
            action: AuditEventAction::E,
            outcome,
            trace: &trace,
            device,
            agents,
            entities: vec![person(subject)],
        });
    }
}

/// The identity provider, as the destination.
fn provider_agent(provider: &Provider) -> AuditEventAgent {
    let mut agent = agent("110152", "Destination Role ID", "", false);
    agent.who = Some(Box::new(Reference {
        identifier: Some(Box::new(Identifier {
            system: ISSUER.into(),
            value: provider.issuer().into(),
            ..Default::default()
        })),
        display: provider.name().into(),
        ..Default::default()
    }));
    agent
}

/// The launched person; the application, if nobody knows who it is.
fn person(subject: Subject<'_>) -> AuditEventEntity {
    let user = subject.launch.and_then(|launch| {
        let (kind, _) = UserType::of_reference(&launch.subject)?;
        Some((kind, &launch.subject))
    });
    let Some((kind, reference)) = user else {
        return AuditEventEntity {
            what: Some(Box::new(reference_to(subject.application.device()))),
            ..Default::default()
        };
    };
    let role = ROLES.iter().find(|(known, ..)| *known == kind);
    AuditEventEntity {
        what: Some(Box::new(reference_to(reference))),
        role: role.map(|(_, code, display)| Box::new(coding(OBJECT_ROLE, code, display))),
        ..Default::default()
    }
}

/// Whether a text can be an `id`, as the identifiers of a trace have to be.
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_its_own_row() {
        for (place, (step, ..)) in STEPS.iter().enumerate() {
            assert_eq!(*step as usize, place);
        }
    }
}
