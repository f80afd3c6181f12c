//! [`ApplicationEvent`]: what an application did, and the AuditEvent of it.

use koppeltaal_r4::Primitive;
use koppeltaal_r4::datatypes::{Coding, Reference};
use koppeltaal_r4::primitives::{Id, Instant};
use koppeltaal_r4::resources::{AuditEventAction, AuditEventAgent, AuditEventEntity, AuditEventSource};

use crate::connector::trace::Trace;
use crate::profiles::AuditEvent;
use crate::valueset::ValueSet as _;
use crate::valuesets::{AgentType, AuditEventType};
use crate::vocabulary::code_system;

/// Something that an application did and has to record. The server records requests by itself; launches,
/// notifications and failures only the application knows.
///
/// It holds references and no data of people: a description is for people who look after the application.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct ApplicationEvent {
    kind: EventKind,
    outcome: EventOutcome,
    description: Option<String>,
    interaction: Option<String>,
    entities: Vec<String>,
    trace: Trace,
    request_id: Option<String>,
}

/// What kind of event it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// A portal launched a user into a module, or could not.
    LaunchSent,
    /// A module was launched, or a launch failed.
    Launched,
    /// A notification of a Subscription came.
    NotificationReceived,
    /// A resource could not be processed.
    ProcessingFailed,
    /// A user logged in at the application itself.
    LoggedIn,
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventOutcome {
    /// `0`: it worked.
    Success,
    /// `4`: it failed in a way that is to be expected: a refusal, a launch that is too late.
    ExpectedFailure,
    /// `8`: it failed unexpectedly.
    UnexpectedFailure,
    /// `12`: the application is not available.
    Down,
}

/// How AuditEvents of a kind look.
struct Form {
    kind: EventKind,
    event_type: AuditEventType,
    /// A code of DICOM, with its display.
    subtype: Option<(&'static str, &'static str)>,
    action: AuditEventAction,
    /// What the application is in the event.
    agent: AgentType,
    /// Whether the application started it.
    requestor: bool,
}

const START: (&str, &str) = ("110120", "Application Start");

/// The table of topics 11, 12b and 12c.
static FORMS: [Form; 5] = [
    Form {
        kind: EventKind::LaunchSent,
        event_type: AuditEventType::ApplicationActivity,
        subtype: Some(START),
        action: AuditEventAction::E,
        agent: AgentType::ApplicationLauncher,
        requestor: true,
    },
    Form {
        kind: EventKind::Launched,
        event_type: AuditEventType::ApplicationActivity,
        subtype: Some(START),
        action: AuditEventAction::E,
        agent: AgentType::Application,
        requestor: false,
    },
    Form {
        kind: EventKind::NotificationReceived,
        event_type: AuditEventType::Receive,
        subtype: None,
        action: AuditEventAction::E,
        agent: AgentType::Application,
        requestor: false,
    },
    Form {
        kind: EventKind::ProcessingFailed,
        event_type: AuditEventType::Transmit,
        subtype: None,
        action: AuditEventAction::R,
        agent: AgentType::Application,
        requestor: true,
    },
    Form {
        kind: EventKind::LoggedIn,
        event_type: AuditEventType::UserAuthentication,
        subtype: Some(("110126", "Node Authentication")),
        action: AuditEventAction::E,
        agent: AgentType::Source,
        requestor: true,
    },
];

/// The roles of people in an event. Other resources have none.
const ROLES: [(&str, &str, &str); 3] =
    [("Patient", "1", "Patient"), ("RelatedPerson", "6", "User"), ("Practitioner", "15", "Practitioner")];

/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 1_000;

impl ApplicationEvent {
    /// An event that went well.
    pub fn new(kind: EventKind) -> Self {
        Self {
            kind,
            outcome: EventOutcome::Success,
            description: None,
            interaction: None,
            entities: Vec::new(),
            trace: Trace::none(),
            request_id: None,
        }
    }

    /// How it went, with a text for people (`outcomeDesc`): no name, no identifier, nothing of a record.
    pub fn failed(mut self, outcome: EventOutcome, description: &str) -> Self {
        self.outcome = outcome;
        self.description = Some(description.chars().take(MAX_DESCRIPTION).collect());
        self
    }

    /// What it is about: a reference, if possible with its version (`Task/<id>/_history/<version>`). Called
    /// again, something else too. An event without any is about the application's own Device.
    pub fn about(mut self, reference: impl Into<String>) -> Self {
        self.entities.push(reference.into());
        self
    }

    /// The chain that it belongs to. In a launch the trace id is the `jti` of the token.
    pub fn trace(self, trace: Trace) -> Self {
        Self { trace, ..self }
    }

    /// The request that it is about, `X-Request-Id`: that of the notification, or of the request that failed.
    pub fn request_id(self, request_id: impl Into<String>) -> Self {
        Self { request_id: Some(request_id.into()), ..self }
    }

    /// What was done with the resource that could not be processed: a code of FHIR's restful interactions,
    /// such as `read`.
    pub fn interaction(self, code: &str) -> Self {
        Self { interaction: Some(code.to_owned()), ..self }
    }

    /// The chain of the request that writes the event: what it is about caused it.
    pub(crate) fn chain(&self) -> Trace {
        match &self.request_id {
            Some(request_id) => self.trace.clone().caused_by(request_id),
            None => self.trace.clone(),
        }
    }

    /// What kind of event it is.
    pub fn kind(&self) -> EventKind {
        self.kind
    }

    /// The AuditEvent, as the application with this Device (`Device/<id>`) and this host name records it now.
    pub fn to_audit_event(&self, device: &str, site: Option<&str>) -> AuditEvent {
        let form = FORMS.iter().find(|form| form.kind == self.kind).unwrap_or(&FORMS[0]);
        let subtype = form.subtype.map(|(code, display)| coding(code_system::DICOM, code, display));
        let interaction = self.interaction.as_deref();
        let interaction = interaction.map(|code| coding(code_system::RESTFUL_INTERACTION, code, code));
        let entities = if self.entities.is_empty() { &[device.to_owned()][..] } else { &self.entities };
        AuditEvent {
            trace_id: id(self.trace.trace_id()),
            request_id: id(self.request_id.as_deref()),
            correlation_id: id(self.trace.correlation_id()),
            r#type: Some(form.event_type.to_coding()),
            subtype: subtype.or(interaction).into_iter().collect(),
            action: form.action.clone().into(),
            recorded: Instant::now().into(),
            outcome: self.outcome.code().into(),
            outcome_desc: self.description.clone().into(),
            agent: vec![AuditEventAgent {
                r#type: Some(Box::new(form.agent.clone().into())),
                who: Some(Box::new(reference(device))),
                requestor: form.requestor.into(),
                ..AuditEventAgent::default()
            }],
            source: Some(AuditEventSource {
                site: site.map(str::to_owned).into(),
                observer: Some(reference(device)),
                ..AuditEventSource::default()
            }),
            entity: entities.iter().map(|what| entity(what)).collect(),
            ..AuditEvent::default()
        }
    }
}

impl EventOutcome {
    fn code(self) -> &'static str {
        match self {
            Self::Success => "0",
            Self::ExpectedFailure => "4",
            Self::UnexpectedFailure => "8",
            Self::Down => "12",
        }
    }
}

fn coding(system: &str, code: &str, display: &str) -> Coding {
    Coding::new(system, code).with_display(display)
}

fn id(text: Option<&str>) -> Primitive<Id> {
    text.map(Id::from).into()
}

fn type_of(reference: &str) -> &str {
    reference.split('/').next().unwrap_or_default()
}

fn reference(to: &str) -> Reference {
    Reference { r#type: type_of(to).into(), ..Reference::to(to) }
}

fn entity(what: &str) -> AuditEventEntity {
    let resource_type = type_of(what);
    let role = ROLES.iter().find(|(person, ..)| *person == resource_type);
    AuditEventEntity {
        what: Some(Box::new(reference(what))),
        r#type: Some(Box::new(coding(code_system::RESOURCE_TYPES, resource_type, resource_type))),
        role: role.map(|(_, code, display)| Box::new(coding(code_system::OBJECT_ROLE, code, display))),
        ..AuditEventEntity::default()
    }
}

#[cfg(test)]
mod tests {
    use koppeltaal_r4::Resource;

    use super::*;
    use crate::profile::Profile as _;

    const KINDS: [EventKind; 5] = [
        EventKind::LaunchSent,
        EventKind::Launched,
        EventKind::NotificationReceived,
        EventKind::ProcessingFailed,
        EventKind::LoggedIn,
    ];

    #[test]
    fn every_kind_of_event_has_its_own_form_and_keeps_the_rules_of_its_profile() {
        for kind in KINDS {
            assert_eq!(FORMS.iter().filter(|form| form.kind == kind).count(), 1, "{kind:?}");
            let event = ApplicationEvent::new(kind).to_audit_event("Device/module", None);
            assert_eq!(event.validate(), [], "{kind:?}");
        }
    }

    #[test]
    fn an_event_says_what_happened_to_what_in_which_chain() {
        let event = ApplicationEvent::new(EventKind::LoggedIn)
            .failed(EventOutcome::ExpectedFailure, "the account is locked")
            .about("Practitioner/7")
            .trace(Trace::with_id("chain").caused_by("cause"))
            .request_id("request");
        let mut event = event.to_audit_event("Device/module", Some("module.example"));
        event.recorded = "2026-01-01T00:00:00Z".parse().expect("a time");
        let json: serde_json::Value =
            serde_json::from_str(&Resource::from(event.into_fhir()).to_json().expect("JSON")).expect("JSON");
        let id = |name: &str, id: &str| serde_json::json!({"url": format!("http://koppeltaal.nl/fhir/StructureDefinition/{name}"), "valueId": id});
        let dcm = |code: &str, display: &str| serde_json::json!({"system": code_system::DICOM, "code": code, "display": display});
        assert_eq!(
            json,
            serde_json::json!({
                "resourceType": "AuditEvent",
                "meta": {"profile": ["http://koppeltaal.nl/fhir/StructureDefinition/KT2AuditEvent"]},
                "extension": [id("trace-id", "chain"), id("request-id", "request"), id("correlation-id", "cause")],
                "type": dcm("110114", "User Authentication"),
                "subtype": [dcm("110126", "Node Authentication")],
                "action": "E", "recorded": "2026-01-01T00:00:00Z", "outcome": "4",
                "outcomeDesc": "the account is locked",
                "agent": [{
                    "type": {"coding": [dcm("110153", "Source Role ID")]},
                    "who": {"reference": "Device/module", "type": "Device"}, "requestor": true
                }],
                "source": {"site": "module.example", "observer": {"reference": "Device/module", "type": "Device"}},
                "entity": [{
                    "what": {"reference": "Practitioner/7", "type": "Practitioner"},
                    "type": {"system": code_system::RESOURCE_TYPES, "code": "Practitioner", "display": "Practitioner"},
                    "role": {"system": code_system::OBJECT_ROLE, "code": "15", "display": "Practitioner"}
                }]
            })
        );
    }
}
