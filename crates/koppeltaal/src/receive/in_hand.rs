//! [`InHand`]: the messages that the workers of a connector have claimed and not yet answered, by patient. It
//! decides whether a worker may handle a message, or would overtake an older one that another worker has. The
//! rules are in [`line`].

mod line;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use koppeltaal_messaging::{Header, ResourceUrl};
use tokio::sync::{OwnedMutexGuard, watch};

use line::Line;
pub(crate) use line::{Precedence, WorkerNumber};

/// The key of the messages that must not overtake each other: the patient, or the focal resource if there is
/// no patient. `None`: the message may overtake all others.
pub(crate) fn line_key(header: &Header) -> Option<String> {
    let patient = header.patient().map(str::to_owned);
    patient.or_else(|| header.focal().map(|url| url.versionless().to_owned()))
}

/// The name by which a message is recognised when it comes again: its identifier, or its address at the
/// server if it has none.
pub(crate) fn message_name(header: &Header) -> Option<&str> {
    header.identifier().or_else(|| header.url().map(ResourceUrl::versionless))
}

/// The messages that the workers of a connector have claimed and not yet answered.
#[derive(Debug)]
pub(crate) struct InHand {
    lines: Mutex<Lines>,
    /// Changes when a message is answered, given back or held back.
    changes: watch::Sender<()>,
    /// Changes when a message is given back.
    returns: watch::Sender<()>,
    /// One claim at a time, so that messages get their places in the server's order.
    claims: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct Lines {
    by_key: HashMap<String, Line>,
    /// The last number that a worker, a message or a claim got.
    last_number: u64,
    claim: Option<PendingClaim>,
}

/// A claim that the server has not answered yet.
#[derive(Debug)]
struct PendingClaim {
    number: u64,
    /// The lines in which a message was given back during the claim.
    lines: Vec<String>,
}

/// The right to claim, which one worker has at a time.
pub(super) struct ClaimTurn<'a> {
    in_hand: &'a Arc<InHand>,
    worker: WorkerNumber,
    _claims: OwnedMutexGuard<()>,
}

/// The place of a message in its line. When it is dropped, the message counts as given back, unless it was
/// [answered](Self::answer).
#[derive(Debug)]
pub(crate) struct Ticket {
    in_hand: Arc<InHand>,
    line: String,
    number: u64,
    order: u64,
    is_answered: bool,
}

impl Default for InHand {
    fn default() -> Self {
        Self {
            lines: Mutex::default(),
            changes: watch::Sender::new(()),
            returns: watch::Sender::new(()),
            claims: Arc::default(),
        }
    }
}

impl InHand {
    pub(crate) fn worker(&self) -> WorkerNumber {
        WorkerNumber(self.lines().next_number())
    }

    /// Changes when any worker gives a message back. The server does not push that.
    pub(crate) fn returns(&self) -> watch::Receiver<()> {
        self.returns.subscribe()
    }

    /// Waits until no other worker claims.
    pub(super) async fn turn(self: &Arc<Self>, worker: WorkerNumber) -> ClaimTurn<'_> {
        ClaimTurn { in_hand: self, worker, _claims: Arc::clone(&self.claims).lock_owned().await }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClaimTurn<'_> {
    /// Notes that a claim begins, and that the previous one has ended.
    pub(super) fn begin(&self) {
        let mut lines = self.in_hand.lines();
        lines.end_claim();
        let number = lines.next_number();
        lines.claim = Some(PendingClaim { number, lines: Vec::new() });
    }

    /// Gives a message that was claimed its place.
    pub(super) fn add(&self, line: String, name: Option<&str>) -> Ticket {
        let mut lines = self.in_hand.lines();
        let number = lines.next_number();
        let claim = lines.claim_number();
        let order = lines.by_key.entry(line.clone()).or_default().add(number, name, self.worker, claim);
        drop(lines);
        self.in_hand.changes.send_replace(());
        Ticket { in_hand: Arc::clone(self.in_hand), line, number, order, is_answered: false }
    }
}

impl Drop for ClaimTurn<'_> {
    fn drop(&mut self) {
        self.in_hand.lines().end_claim();
    }
}

impl Lines {
    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    fn claim_number(&self) -> Option<u64> {
        self.claim.as_ref().map(|claim| claim.number)
    }

    fn end_claim(&mut self) {
        for line in self.claim.take().map(|claim| claim.lines).into_iter().flatten() {
            self.tidy(&line);
        }
    }

    /// Removes a line that affects neither a message in hand nor one that is being claimed.
    fn tidy(&mut self, name: &str) {
        let claim = self.claim_number();
        if self.by_key.get_mut(name).is_some_and(|line| line.tidy(claim)) {
            self.by_key.remove(name);
        }
    }
}

impl Ticket {
    /// Waits for older messages of the line that other workers are handling. Returns what to do with this
    /// one.
    pub(super) async fn precedence(&self) -> Precedence {
        let mut changes = self.in_hand.changes.subscribe();
        loop {
            match self.precedence_now() {
                // The sender lives as long as the ticket.
                Precedence::Wait => _ = changes.changed().await,
                precedence => return precedence,
            }
        }
    }

    /// What to do with this message at present.
    pub(super) fn precedence_now(&self) -> Precedence {
        let lines = self.in_hand.lines();
        lines.by_key.get(&self.line).map_or(Precedence::Handle, |line| line.precedence(self.number))
    }

    /// The position of the message in its line. Messages that are given back in this order come again in the
    /// same order.
    pub(super) fn order(&self) -> u64 {
        self.order
    }

    /// Notes that the message will be given back unhandled.
    pub(super) fn hold_back(&self) {
        if let Some(line) = self.in_hand.lines().by_key.get_mut(&self.line) {
            line.hold_back(self.number);
        }
        self.in_hand.changes.send_replace(());
    }

    /// The worker has dropped the message without answering it. What it claims from now on must not overtake
    /// the message.
    pub(super) fn disown(&self) {
        let mut lines = self.in_hand.lines();
        let nobody = WorkerNumber(lines.next_number());
        if let Some(line) = lines.by_key.get_mut(&self.line) {
            line.disown(self.number, nobody);
        }
    }

    /// The message was answered and does not come again.
    pub(super) fn answer(mut self) {
        self.is_answered = true;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut lines = self.in_hand.lines();
        let claim = lines.claim_number();
        if let Some(line) = lines.by_key.get_mut(&self.line) {
            if self.is_answered {
                line.answer(self.number);
            } else {
                line.give_back(self.number, claim);
            }
        }
        lines.tidy(&self.line);
        if let (false, Some(claim)) = (self.is_answered, &mut lines.claim) {
            claim.lines.push(std::mem::take(&mut self.line));
        }
        drop(lines);
        self.in_hand.changes.send_replace(());
        if !self.is_answered {
            self.in_hand.returns.send_replace(());
        }
    }
}

#[cfg(test)]
mod tests;
