//! [`Faults`]: the faults that are set now. Each part of the sandbox asks for the faults of its own [`Phase`].

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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
    Status { status: u16, html: bool },
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

impl FaultKind {
    /// When it strikes.
    pub(crate) fn phase(self) -> Phase {
        match self {
            Self::Latency { pause } => Phase::Request(RequestFault::Latency(pause)),
            Self::Refuse => Phase::Request(RequestFault::Refuse),
            Self::Status { status, html } => Phase::Request(RequestFault::Status { status, html }),
            Self::Cut => Phase::Response(ResponseFault::Cut),
            Self::HalfBody => Phase::Response(ResponseFault::HalfBody),
            Self::SlowBody { pause } => Phase::Response(ResponseFault::SlowBody(pause)),
            Self::ClaimExpires => Phase::Claim,
            Self::TokenExpires => Phase::Token,
            Self::LostPush => Phase::Push(PushFault::Lost),
            Self::DuplicatePush => Phase::Push(PushFault::Duplicate),
        }
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

    /// What a request at this path meets before it is carried out.
    pub(crate) fn meet_request(&self, path: &str) -> Vec<RequestFault> {
        self.meet(path, |phase| if let Phase::Request(fault) = phase { Some(fault) } else { None })
    }

    /// What the answer to a request at this path meets.
    pub(crate) fn meet_response(&self, path: &str) -> Vec<ResponseFault> {
        self.meet(path, |phase| if let Phase::Response(fault) = phase { Some(fault) } else { None })
    }

    /// What a push meets.
    pub(crate) fn meet_push(&self) -> Vec<PushFault> {
        self.meet("", |phase| if let Phase::Push(fault) = phase { Some(fault) } else { None })
    }

    /// Whether a claim at this path runs out at once.
    pub(crate) fn claim_expires(&self, path: &str) -> bool {
        !self.meet(path, |phase| (phase == Phase::Claim).then_some(())).is_empty()
    }

    /// Whether a bearer token counts as expired.
    pub(crate) fn token_expires(&self) -> bool {
        !self.meet("", |phase| (phase == Phase::Token).then_some(())).is_empty()
    }

    /// The faults of one phase that strike at this path. Each of them counts as having struck once.
    fn meet<T>(&self, path: &str, of_phase: impl Fn(Phase) -> Option<T>) -> Vec<T> {
        let mut faults = self.lock();
        let mut met = Vec::new();
        for fault in faults.iter_mut() {
            let is_at_path = fault.path.as_ref().is_none_or(|part| path.contains(part.as_str()));
            if !is_at_path || fault.times == Some(0) {
                continue;
            }
            let Some(effect) = of_phase(fault.kind.phase()) else { continue };
            fault.times = fault.times.map(|times| times - 1);
            met.push(effect);
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
        let meet = |path: &str| faults.meet_response(path).len();
        assert_eq!([meet("/x"), meet("/Mailbox"), meet("/Mailbox"), meet("/Mailbox")], [0, 1, 1, 0]);
        assert_eq!(faults.get(), [Fault::new(FaultKind::LostPush)]);
    }
}
