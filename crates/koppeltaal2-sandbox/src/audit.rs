//! [`Audit`]: writes the AuditEvents of a domain's server into its store (Koppeltaal 2.0, topics 11 and 12).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use koppeltaal_r4::datatypes::{CodeableConcept, Coding, Extension, ExtensionValue, Meta};
use koppeltaal_r4::resources::{
    AuditEvent, AuditEventAction, AuditEventAgent, AuditEventAgentNetwork, AuditEventEntity,
    AuditEventOutcome, AuditEventSource, NetworkType,
};

use crate::domain::Domain;
use crate::moment::Moment;
use crate::resources::{profile_url, reference_to};
use crate::store::{Store, Version};
use crate::trace::Trace;

const EVENT_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-event-type";
const INTERACTION: &str = "http://hl7.org/fhir/restful-interaction";
const LIFECYCLE: &str = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle";
const RESOURCE_TYPES: &str = "http://hl7.org/fhir/resource-types";
pub(crate) const OBJECT_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";
/// The codes of DICOM.
pub(crate) const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";

const TRACE_ID: &str = "http://koppeltaal.nl/fhir/StructureDefinition/trace-id";
const REQUEST_ID: &str = "http://koppeltaal.nl/fhir/StructureDefinition/request-id";
const CORRELATION_ID: &str = "http://koppeltaal.nl/fhir/StructureDefinition/correlation-id";

/// Writes AuditEvents. A clone writes into the same store.
#[derive(Debug, Clone)]
pub(crate) struct Audit {
    store: Store,
    domain: Arc<Domain>,
}

/// Something that happened in the domain.
#[derive(Debug)]
pub(crate) struct Event<'a> {
    pub(crate) r#type: Coding,
    pub(crate) subtype: Option<Coding>,
    pub(crate) action: AuditEventAction,
    pub(crate) outcome: Outcome,
    pub(crate) trace: &'a Trace,
    /// The Device that did it, which is also the origin of the AuditEvent.
    pub(crate) device: &'a str,
    /// At least one.
    pub(crate) agents: Vec<AuditEventAgent>,
    /// At least one.
    pub(crate) entities: Vec<AuditEventEntity>,
}

/// How it ended. The text is for people and holds no personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Success,
    /// A failure that the caller can expect: a refusal.
    Minor(String),
    /// A failure of the server.
    Serious(String),
}

/// A REST interaction, as AuditEvents name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RestAction {
    Create,
    Read,
    Update,
    Delete,
    Search,
    Capabilities,
}

impl RestAction {
    fn codes(self) -> (&'static str, AuditEventAction) {
        match self {
            Self::Create => ("create", AuditEventAction::C),
            Self::Read => ("read", AuditEventAction::R),
            Self::Update => ("update", AuditEventAction::U),
            Self::Delete => ("delete", AuditEventAction::D),
            Self::Search => ("search-type", AuditEventAction::E),
            Self::Capabilities => ("capabilities", AuditEventAction::R),
        }
    }
}

impl Audit {
    pub(crate) fn new(store: Store, domain: Arc<Domain>) -> Self {
        Self { store, domain }
    }

    /// The Device of the server itself.
    pub(crate) fn server(&self) -> &str {
        &self.domain.device
    }

    /// Writes an event. It is in the store when this returns.
    pub(crate) fn record(&self, event: Event<'_>) -> Arc<Version> {
        let (code, text) = match event.outcome {
            Outcome::Success => (AuditEventOutcome::Code0, None),
            Outcome::Minor(text) => (AuditEventOutcome::Code4, Some(text)),
            Outcome::Serious(text) => (AuditEventOutcome::Code8, Some(text)),
        };
        let trace = event.trace;
        let identifiers = [
            (TRACE_ID, Some(&trace.trace_id)),
            (REQUEST_ID, Some(&trace.request_id)),
            (CORRELATION_ID, trace.correlation_id.as_ref()),
        ];
        let resource = AuditEvent {
            meta: Some(Meta {
                profile: vec![profile_url("AuditEvent").as_str().into()],
                ..Default::default()
            }),
            extension: identifiers
                .into_iter()
                .filter_map(|(url, value)| Some(id_extension(url, value?)))
                .collect(),
            r#type: Some(event.r#type),
            subtype: event.subtype.into_iter().collect(),
            action: event.action.into(),
            recorded: Moment::now().to_instant().into(),
            outcome: code.into(),
            outcome_desc: text.into(),
            agent: event.agents,
            source: Some(AuditEventSource {
                site: self.domain.site().into(),
                observer: Some(reference_to(&self.domain.device)),
                ..Default::default()
            }),
            entity: event.entities,
            ..Default::default()
        };
        self.store.create(resource.into(), Some(event.device))
    }

    /// Writes the event of a REST interaction of an application.
    pub(crate) fn record_rest(
        &self,
        action: RestAction,
        trace: &Trace,
        device: &str,
        outcome: Outcome,
        entities: Vec<AuditEventEntity>,
    ) {
        let (subtype, action) = action.codes();
        self.record(Event {
            r#type: coding(EVENT_TYPE, "rest", "RESTful Operation"),
            subtype: Some(coding(INTERACTION, subtype, subtype)),
            action,
            outcome,
            trace,
            device,
            agents: vec![source_agent(device)],
            entities,
        });
    }

    /// Writes the event of a notification: `device` changed the resource, and `subscriber` was told at the
    /// Subscription's endpoint.
    pub(crate) fn record_notification(
        &self,
        trace: &Trace,
        device: &str,
        subscriber: &str,
        endpoint: &str,
        outcome: Outcome,
        entities: Vec<AuditEventEntity>,
    ) {
        let mut destination = agent("110152", "Destination Role ID", subscriber, false);
        destination.network = Some(Box::new(AuditEventAgentNetwork {
            address: endpoint.into(),
            r#type: NetworkType::Code5.into(),
            ..Default::default()
        }));
        self.record(Event {
            r#type: coding(LIFECYCLE, "transmit", "Transmit Record Lifecycle Event"),
            subtype: None,
            action: AuditEventAction::E,
            outcome,
            trace,
            device,
            agents: vec![source_agent(device), destination],
            entities,
        });
    }
}

/// A coding with its display.
pub(crate) fn coding(system: &str, code: &str, display: &str) -> Coding {
    Coding { system: system.into(), code: code.into(), display: display.into(), ..Default::default() }
}

/// A Device that takes part, in a role of DICOM.
pub(crate) fn agent(code: &str, display: &str, device: &str, requestor: bool) -> AuditEventAgent {
    AuditEventAgent {
        r#type: Some(Box::new(CodeableConcept {
            coding: vec![coding(DCM, code, display)],
            ..Default::default()
        })),
        who: Some(Box::new(reference_to(device))),
        requestor: requestor.into(),
        ..Default::default()
    }
}

/// The Device from which something comes.
pub(crate) fn source_agent(device: &str) -> AuditEventAgent {
    agent("110153", "Source Role ID", device, true)
}

/// A version of a resource that an event is about.
pub(crate) fn version_entity(version: &Version) -> AuditEventEntity {
    let mut entity = type_entity(version.resource_type());
    let mut what = reference_to(&version.reference());
    what.reference = format!("{}/_history/{}", version.reference(), version.version).into();
    entity.what = Some(Box::new(what));
    entity
}

/// A type of resources that an event is about, without saying which one.
pub(crate) fn type_entity(resource_type: &str) -> AuditEventEntity {
    AuditEventEntity {
        r#type: Some(Box::new(coding(RESOURCE_TYPES, resource_type, resource_type))),
        ..Default::default()
    }
}

/// A search: `/Task?status=ready`.
pub(crate) fn query_entity(resource_type: &str, query: &str) -> AuditEventEntity {
    AuditEventEntity {
        role: Some(Box::new(coding(OBJECT_ROLE, "24", "Query"))),
        query: STANDARD.encode(query).as_str().into(),
        ..type_entity(resource_type)
    }
}

/// A Subscription, with its criteria.
pub(crate) fn subscriber_entity(subscription: &Version, criteria: &str) -> AuditEventEntity {
    AuditEventEntity {
        role: Some(Box::new(coding(OBJECT_ROLE, "9", "Subscriber"))),
        query: STANDARD.encode(criteria).as_str().into(),
        ..version_entity(subscription)
    }
}

fn id_extension(url: &str, id: &str) -> Extension {
    Extension { url: url.to_owned(), value: Some(ExtensionValue::Id(id.into())), ..Default::default() }
}
