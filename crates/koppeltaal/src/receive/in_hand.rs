//! [`InHand`]: the messages that the workers of a connector have in hand, by patient. A worker that is dropped still has
//! messages until they are given back; one that is made in its place gets younger ones of the same patient meanwhile, and must
//! not handle them first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use koppeltaal_messaging::Header;
use tokio::sync::{OwnedMutexGuard, watch};

/// What a worker is called here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WorkerNumber(u64);

/// What the messages have in common that must not overtake each other: the patient; the focal resource, where there is no
/// patient. `None`: the message can overtake every other one.
pub(crate) fn line(header: &Header) -> Option<String> {
    let patient = header.patient().map(str::to_owned);
    patient.or_else(|| header.focal().map(|url| url.versionless().to_owned()))
}

/// The messages that workers have in hand, in the order in which they were claimed.
#[derive(Debug)]
pub(crate) struct InHand {
    lines: Mutex<Lines>,
    /// Told when a message is out of hand.
    changed: watch::Sender<()>,
    /// Told when one was given back.
    given_back: watch::Sender<()>,
    /// One claim at a time, so that the order of places is the server's.
    claims: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct Lines {
    numbers: u64,
    places: HashMap<String, Vec<Place>>,
    /// The lines of what was given back since the claim that is under way began, and by whom. The server may have carried the
    /// claim out before it heard of that.
    given_back: Option<Vec<(String, WorkerNumber)>>,
}

/// The turn to claim.
pub(super) struct Turn<'a> {
    in_hand: &'a Arc<InHand>,
    worker: WorkerNumber,
    _claims: OwnedMutexGuard<()>,
}

#[derive(Debug)]
struct Place {
    number: u64,
    worker: WorkerNumber,
    /// A message before it was given back, so this one has to be, too.
    overtakes: bool,
}

/// The place of a message. It is out of hand when this is dropped: given back, unless it was [answered](Self::answered).
#[derive(Debug)]
pub(crate) struct Ticket {
    in_hand: Arc<InHand>,
    line: String,
    number: u64,
    worker: WorkerNumber,
    is_answered: bool,
}

impl Default for InHand {
    fn default() -> Self {
        Self {
            lines: Mutex::default(),
            changed: watch::Sender::new(()),
            given_back: watch::Sender::new(()),
            claims: Arc::default(),
        }
    }
}

impl InHand {
    pub(crate) fn worker(&self) -> WorkerNumber {
        WorkerNumber(self.lines().number())
    }

    /// Says when a message was given back, by whatever worker: the server tells nobody.
    pub(crate) fn given_back(&self) -> watch::Receiver<()> {
        self.given_back.subscribe()
    }

    /// Waits until no other worker claims.
    pub(super) async fn turn(self: &Arc<Self>, worker: WorkerNumber) -> Turn<'_> {
        Turn { in_hand: self, worker, _claims: Arc::clone(&self.claims).lock_owned().await }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// A claim begins.
    pub(super) fn begin(&self) {
        self.in_hand.lines().given_back = Some(Vec::new());
    }

    /// The place of a message that was claimed.
    pub(super) fn put(&self, line: String) -> Ticket {
        let worker = self.worker;
        let mut lines = self.in_hand.lines();
        let is_behind = |(other, by): &(String, WorkerNumber)| *other == line && *by != worker;
        let overtakes = lines.given_back.iter().flatten().any(is_behind);
        let number = lines.number();
        lines.places.entry(line.clone()).or_default().push(Place { number, worker, overtakes });
        Ticket { in_hand: Arc::clone(self.in_hand), line, number, worker, is_answered: false }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.in_hand.lines().given_back = None;
    }
}

impl Lines {
    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }
}

impl Ticket {
    /// Waits until what other workers claimed earlier in this line is out of their hands. True: some of it was given back, so
    /// this message would overtake it.
    pub(super) async fn would_overtake(&self) -> bool {
        let mut changed = self.in_hand.changed.subscribe();
        loop {
            if let Some(overtakes) = self.verdict() {
                return overtakes;
            }
            // The sender is there as long as we are.
            let _ = changed.changed().await;
        }
    }

    /// None: there are messages before it in other hands.
    fn verdict(&self) -> Option<bool> {
        let lines = self.in_hand.lines();
        let places = lines.places.get(&self.line)?;
        let is_before = |place: &Place| place.number < self.number && place.worker != self.worker;
        if places.iter().any(is_before) {
            return None;
        }
        places.iter().find(|place| place.number == self.number).map(|place| place.overtakes)
    }

    /// The message was answered: it does not come again.
    pub(super) fn answered(mut self) {
        self.is_answered = true;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut lines = self.in_hand.lines();
        if let Some(places) = lines.places.get_mut(&self.line) {
            places.retain(|place| place.number != self.number);
            if !self.is_answered {
                let is_behind =
                    |place: &&mut Place| place.number > self.number && place.worker != self.worker;
                places.iter_mut().filter(is_behind).for_each(|place| place.overtakes = true);
            }
            if places.is_empty() {
                lines.places.remove(&self.line);
            }
        }
        if let (false, Some(given_back)) = (self.is_answered, &mut lines.given_back) {
            given_back.push((std::mem::take(&mut self.line), self.worker));
        }
        drop(lines);
        self.in_hand.changed.send_replace(());
        if !self.is_answered {
            self.in_hand.given_back.send_replace(());
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn what_a_worker_claims_waits_for_what_others_have_in_hand_and_does_not_overtake_it() {
        let in_hand = Arc::new(InHand::default());
        let (old, new) = (in_hand.worker(), in_hand.worker());
        let turn = in_hand.turn(old).await;
        let [first, second] = [(); 2].map(|()| turn.put("a".into()));
        drop(turn);
        let turn = in_hand.turn(new).await;
        let (younger, other) = (turn.put("a".into()), turn.put("b".into()));
        drop(turn);
        assert!(!second.would_overtake().await, "it is in the same hands");
        assert!(!other.would_overtake().await, "it is in another line");
        let mut waits = Box::pin(younger.would_overtake());
        assert_eq!(waits.as_mut().now_or_never(), None);
        first.answered();
        assert_eq!(waits.as_mut().now_or_never(), None);
        drop(second);
        assert!(waits.await, "the second one was given back");
        let last = in_hand.turn(old).await.put("a".into());
        younger.answered();
        assert!(!last.would_overtake().await);
        drop((last, other));
        assert!(in_hand.lines().places.is_empty());
    }

    #[tokio::test]
    async fn what_was_given_back_while_a_claim_was_under_way_may_be_overtaken_by_it() {
        let in_hand = Arc::new(InHand::default());
        let (old, new) = (in_hand.worker(), in_hand.worker());
        let older = in_hand.turn(old).await.put("a".into());
        let answered = in_hand.turn(old).await.put("b".into());
        let turn = in_hand.turn(new).await;
        turn.begin();
        drop(older);
        answered.answered();
        assert!(turn.put("a".into()).would_overtake().await);
        assert!(!turn.put("b".into()).would_overtake().await);
        turn.begin();
        assert!(!turn.put("a".into()).would_overtake().await, "by now the server knows");
    }
}
