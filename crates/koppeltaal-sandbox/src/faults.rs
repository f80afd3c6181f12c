//! [`Faults`]: the faults that are set now. Each part of the sandbox asks for the faults of its own [`Phase`].

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use koppeltaal_messaging::Event;

use crate::config::{Fault, FaultKind};

/// When a fault strikes. Every [`FaultKind`] has one phase, and every phase one place that acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Before a request is carried out: `http/faults.rs`.
    Request(RequestFault),
    /// After a request was carried out: `http/faults.rs`.
    Response(ResponseFault),
    /// When a message is claimed: the claim runs out as soon as it is made.
    Claim,
    /// When a bearer token is presented: it counts as expired.
    Token,
    /// When hub and webhooks are told of a message: `app.rs`.
    Push(PushFault),
}

/// What a request meets before it is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestFault {
    Latency(Duration),
    Refuse,
    Status { status: u16, html: bool, retry_after: Option<Duration> },
}

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponseFault {
    Cut,
    HalfBody,
    SlowBody(Duration),
}

/// What becomes of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PushFault {
    Lost,
    Duplicate,
}

impl Fault {
    /// When it strikes.
    fn phase(&self) -> Phase {
        match self.kind {
            FaultKind::Latency { pause } => Phase::Request(RequestFault::Latency(pause)),
            FaultKind::Refuse => Phase::Request(RequestFault::Refuse),
            FaultKind::Status { status, html } => {
                Phase::Request(RequestFault::Status { status, html, retry_after: self.retry_after })
            }
            FaultKind::Cut => Phase::Response(ResponseFault::Cut),
            FaultKind::HalfBody => Phase::Response(ResponseFault::HalfBody),
            FaultKind::SlowBody { pause } => Phase::Response(ResponseFault::SlowBody(pause)),
            FaultKind::ClaimExpires => Phase::Claim,
            FaultKind::TokenExpires => Phase::Token,
            FaultKind::LostPush => Phase::Push(PushFault::Lost),
            FaultKind::DuplicatePush => Phase::Push(PushFault::Duplicate),
        }
    }
}

impl FaultKind {
    /// Whether a request, claim, token or push that meets it cannot meet another fault of the same phase.
    fn is_final(self) -> bool {
        !matches!(self, Self::Latency { .. } | Self::HalfBody | Self::SlowBody { .. })
    }
}

/// What a fault may depend on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occasion<'a> {
    pub(crate) path: &'a str,
    /// The username of the instance.
    pub(crate) instance: Option<&'a str>,
    /// The event of the message.
    pub(crate) event: Option<Event>,
}

impl Occasion<'_> {
    fn is_of(&self, fault: &Fault) -> bool {
        fault.path.as_ref().is_none_or(|part| self.path.contains(part.as_str()))
            && fault.instance.as_ref().is_none_or(|instance| self.instance == Some(instance))
            && fault.event.is_none_or(|event| self.event == Some(event))
    }
}

/// The faults, in the order in which they were set.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub(crate) fn new(faults: Vec<Fault>) -> Self {
        Self(Mutex::new(faults))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, faults: Vec<Fault>) {
        *self.lock() = faults;
    }

    pub(crate) fn get(&self) -> Vec<Fault> {
        self.lock().clone()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Whether it matters which event a request is about.
    pub(crate) fn ask_for_the_event(&self) -> bool {
        self.lock().iter().any(|fault| fault.event.is_some())
    }

    /// What a request meets before it is carried out.
    pub(crate) fn meet_request(&self, occasion: Occasion<'_>) -> Vec<RequestFault> {
        self.meet(occasion, |phase| if let Phase::Request(fault) = phase { Some(fault) } else { None })
    }

    /// What the answer to a request meets.
    pub(crate) fn meet_response(&self, occasion: Occasion<'_>) -> Vec<ResponseFault> {
        self.meet(occasion, |phase| if let Phase::Response(fault) = phase { Some(fault) } else { None })
    }

    /// What a push meets.
    pub(crate) fn meet_push(&self, instance: &str, event: Event) -> Vec<PushFault> {
        let occasion = Occasion { path: "", instance: Some(instance), event: Some(event) };
        self.meet(occasion, |phase| if let Phase::Push(fault) = phase { Some(fault) } else { None })
    }

    /// Whether a claim runs out at once.
    pub(crate) fn claim_expires(&self, occasion: Occasion<'_>) -> bool {
        !self.meet(occasion, |phase| (phase == Phase::Claim).then_some(())).is_empty()
    }

    /// Whether the bearer token of an instance counts as expired.
    pub(crate) fn token_expires(&self, path: &str, instance: &str) -> bool {
        let occasion = Occasion { path, instance: Some(instance), event: None };
        !self.meet(occasion, |phase| (phase == Phase::Token).then_some(())).is_empty()
    }

    /// The faults of one phase that strike now, up to the first that leaves nothing to do for further ones.
    /// For each of them, one of its times is used up.
    fn meet<T>(&self, occasion: Occasion<'_>, of_phase: impl Fn(Phase) -> Option<T>) -> Vec<T> {
        let mut faults = self.lock();
        let mut met = Vec::new();
        for fault in faults.iter_mut() {
            if !occasion.is_of(fault) || fault.times == Some(0) {
                continue;
            }
            let Some(effect) = of_phase(fault.phase()) else { continue };
            fault.times = fault.times.map(|times| times - 1);
            met.push(effect);
            if fault.kind.is_final() {
                break;
            }
        }
        faults.retain(|fault| fault.times != Some(0));
        met
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_only_at_its_path_and_only_so_many_times() {
        let faults = Faults::new(vec![
            Fault::new(FaultKind::Cut).path("Mailbox").times(2),
            Fault::new(FaultKind::LostPush),
        ]);
        let meet = |path: &str| faults.meet_response(Occasion { path, instance: None, event: None }).len();
        assert_eq!([meet("/x"), meet("/Mailbox"), meet("/Mailbox"), meet("/Mailbox")], [0, 1, 1, 0]);
        assert_eq!(faults.get(), [Fault::new(FaultKind::LostPush)]);
    }

    #[test]
    fn a_fault_that_another_one_prevents_keeps_its_times() {
        let status = |status| FaultKind::Status { status, html: false };
        let faults = Faults::new(vec![
            Fault::new(FaultKind::Latency { pause: Duration::ZERO }).times(1),
            Fault::new(status(500)).times(1),
            Fault::new(status(503)).times(1),
            Fault::new(FaultKind::DuplicatePush).times(1),
            Fault::new(FaultKind::LostPush).times(1),
        ]);
        let occasion = Occasion { path: "/Mailbox", instance: None, event: None };
        let meet = || faults.meet_request(occasion);
        let fault = |status| RequestFault::Status { status, html: false, retry_after: None };
        assert_eq!(meet(), [RequestFault::Latency(Duration::ZERO), fault(500)]);
        assert_eq!(meet(), [fault(503)]);
        assert_eq!(meet(), []);
        let push = || faults.meet_push("game", Event::CreateOrUpdateCarePlan);
        assert_eq!([push(), push()], [[PushFault::Duplicate], [PushFault::Lost]]);
    }

    #[test]
    fn a_fault_is_met_by_its_instance_and_for_its_event() {
        let fault = Fault::new(FaultKind::Cut).instance("game").event(Event::CreateOrUpdateCarePlan);
        let faults = Faults::new(vec![fault]);
        let meet = |instance: Option<&str>, event: Option<Event>| {
            faults.meet_response(Occasion { path: "/Mailbox", instance, event }).len()
        };
        assert_eq!(meet(Some("game"), Some(Event::CreateOrUpdateCarePlan)), 1);
        assert_eq!(meet(Some("portal"), Some(Event::CreateOrUpdateCarePlan)), 0);
        assert_eq!(meet(Some("game"), Some(Event::CreateOrUpdatePatient)), 0);
        assert_eq!([meet(Some("game"), None), meet(None, Some(Event::CreateOrUpdateCarePlan))], [0, 0]);
    }
}
