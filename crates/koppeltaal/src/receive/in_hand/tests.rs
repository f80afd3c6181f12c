//! Places in line.

use futures_util::FutureExt as _;

use super::Precedence::{GiveBack, Handle, HoldBack, Wait};
use super::*;

fn turn(in_hand: &Arc<InHand>, worker: WorkerNumber) -> ClaimTurn<'_> {
    let turn = in_hand.turn(worker).now_or_never().expect("nobody else claims");
    turn.begin();
    turn
}

fn claim(in_hand: &Arc<InHand>, worker: WorkerNumber, line: &str, name: &str) -> Ticket {
    turn(in_hand, worker).add(line.to_owned(), Some(name))
}

/// Nothing is in hand, and nothing is remembered.
fn assert_empty(in_hand: &InHand) {
    assert!(in_hand.lines().by_key.is_empty(), "{in_hand:?}");
}

#[tokio::test]
async fn what_a_worker_claims_waits_for_what_others_have_in_hand_and_does_not_overtake_it() {
    let in_hand = Arc::new(InHand::default());
    let (old, new) = (in_hand.worker(), in_hand.worker());
    let [first, second] = ["1", "2"].map(|name| claim(&in_hand, old, "a", name));
    let (younger, other) = (claim(&in_hand, new, "a", "3"), claim(&in_hand, new, "b", "4"));
    assert_eq!(second.precedence().await, Handle, "it is in the same hands");
    assert_eq!(other.precedence().await, Handle, "it is in another line");
    let mut waits = Box::pin(younger.precedence());
    assert_eq!(waits.as_mut().now_or_never(), None);
    first.answer();
    assert_eq!(waits.as_mut().now_or_never(), None);
    drop(second);
    assert_eq!(waits.await, GiveBack, "the second one was given back");
    let last = claim(&in_hand, old, "a", "5");
    younger.answer();
    assert_eq!(last.precedence().await, Handle);
    drop((last, other));
    assert_empty(&in_hand);
}

#[tokio::test]
async fn what_was_given_back_while_a_claim_was_under_way_may_be_overtaken_by_it() {
    let in_hand = Arc::new(InHand::default());
    let (old, new) = (in_hand.worker(), in_hand.worker());
    let (older, answered) = (claim(&in_hand, old, "a", "1"), claim(&in_hand, old, "b", "2"));
    let turn = turn(&in_hand, new);
    drop(older);
    answered.answer();
    assert_eq!(turn.add("a".into(), Some("3")).precedence().await, GiveBack);
    assert_eq!(turn.add("b".into(), Some("4")).precedence().await, Handle);
    turn.begin();
    assert_eq!(turn.add("a".into(), Some("3")).precedence().await, Handle, "by now the server knows");
    drop(turn);
    assert_empty(&in_hand);
}

#[tokio::test]
async fn what_is_behind_a_message_that_is_held_back_does_not_wait_in_a_slot() {
    let in_hand = Arc::new(InHand::default());
    let (one, two) = (in_hand.worker(), in_hand.worker());
    let (older, younger) = (claim(&in_hand, one, "a", "1"), claim(&in_hand, two, "a", "2"));
    let mut waits = Box::pin(younger.precedence());
    assert_eq!(waits.as_mut().now_or_never(), None);
    older.hold_back();
    assert_eq!(waits.await, HoldBack);
    assert_eq!(claim(&in_hand, two, "a", "3").precedence_now(), HoldBack);
    drop(older);
    assert_eq!(younger.precedence_now(), GiveBack);
}

#[tokio::test]
async fn a_message_that_comes_again_stands_where_it_stood() {
    let in_hand = Arc::new(InHand::default());
    let (one, two) = (in_hand.worker(), in_hand.worker());
    let (older, younger) = (claim(&in_hand, one, "a", "1"), claim(&in_hand, two, "a", "2"));
    drop(older);
    let again = claim(&in_hand, one, "a", "1");
    assert_eq!(again.precedence_now(), Handle, "not behind the younger one, which waited for it");
    assert_eq!(younger.precedence_now(), GiveBack);
    drop(younger);
    assert_eq!(claim(&in_hand, two, "a", "2").precedence_now(), Wait);
    again.answer();
    assert_empty(&in_hand);
}

#[tokio::test]
async fn a_message_may_come_again_before_its_worker_hears_that_it_is_back() {
    let in_hand = Arc::new(InHand::default());
    let (one, two) = (in_hand.worker(), in_hand.worker());
    let older = claim(&in_hand, one, "a", "1");
    older.hold_back();
    let again = claim(&in_hand, two, "a", "1");
    assert_eq!(again.precedence_now(), Handle);
    drop(older);
    assert_eq!(again.precedence_now(), Handle);
    let third = claim(&in_hand, one, "a", "1");
    assert_eq!(third.precedence_now(), Wait, "the time of the claim is over, and its handler goes on");
    drop((again, third));
    assert_empty(&in_hand);
}

#[tokio::test]
async fn a_worker_does_not_overtake_what_it_has_dropped_itself() {
    let in_hand = Arc::new(InHand::default());
    let worker = in_hand.worker();
    let (lost, next) = (claim(&in_hand, worker, "a", "1"), claim(&in_hand, worker, "a", "2"));
    lost.disown();
    lost.hold_back();
    assert_eq!(next.precedence_now(), HoldBack);
    drop(lost);
    assert_eq!(next.precedence_now(), GiveBack);
}

#[tokio::test]
async fn a_worker_that_gets_an_older_message_later_gives_the_younger_one_back() {
    let in_hand = Arc::new(InHand::default());
    let (one, two) = (in_hand.worker(), in_hand.worker());
    let (older, younger) = (claim(&in_hand, one, "a", "1"), claim(&in_hand, two, "a", "2"));
    drop(older);
    let third = claim(&in_hand, one, "a", "3");
    let again = claim(&in_hand, one, "a", "1");
    assert_eq!(third.precedence_now(), GiveBack, "it is in front of the older one in its lane");
    assert_eq!(younger.precedence_now(), GiveBack);
    assert_eq!(again.precedence_now(), Handle);
}

/// Workers that claim from one queue, as the run loop does, with every step of every request on its own.
mod schedules {
    use std::collections::{BTreeSet, VecDeque};

    use proptest::prelude::*;

    use super::*;

    const PATIENTS: usize = 2;

    /// A message that a worker has, and how far it is.
    struct Delivery {
        message: usize,
        ticket: Ticket,
        stage: Stage,
    }

    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Stage {
        /// It takes a slot: it waits for its turn.
        Slot,
        /// It takes a slot: a handler has it.
        Handler,
        /// It takes no slot.
        HeldBack,
    }

    struct Worker {
        number: WorkerNumber,
        hand: Vec<Delivery>,
        /// What it is giving back, one after the other, before it claims again.
        returns: VecDeque<Delivery>,
        /// The server has the first of them, and the worker does not know that.
        is_back: bool,
    }

    /// Messages are numbers in the order of the server; a message is about the patient of its number's
    /// remainder.
    struct World {
        in_hand: Arc<InHand>,
        queue: BTreeSet<usize>,
        workers: Vec<Worker>,
        /// How often each message is still to fail.
        failures: Vec<u32>,
        handled: Vec<usize>,
    }

    fn line(message: usize) -> String {
        (message % PATIENTS).to_string()
    }

    impl World {
        fn new(workers: usize, failures: Vec<u32>) -> Self {
            let in_hand = Arc::new(InHand::default());
            let worker =
                |number| Worker { number, hand: Vec::new(), returns: VecDeque::new(), is_back: false };
            let workers = (0..workers).map(|_| worker(in_hand.worker())).collect();
            let queue = (0..failures.len()).collect();
            Self { in_hand, queue, workers, failures, handled: Vec::new() }
        }

        /// A worker of one slot claims, while the first step of giving back may be done by another.
        fn claim(&mut self, worker: usize, meanwhile: Option<usize>) -> bool {
            let is_busy = |delivery: &Delivery| delivery.stage != Stage::HeldBack;
            if self.workers[worker].hand.iter().any(is_busy) || !self.workers[worker].returns.is_empty() {
                return false;
            }
            let in_hand = Arc::clone(&self.in_hand);
            let turn = turn(&in_hand, self.workers[worker].number);
            let Some(message) = self.queue.pop_first() else { return false };
            if let Some(other) = meanwhile.filter(|other| *other != worker) {
                self.give_back(other);
            }
            let ticket = turn.add(line(message), Some(&message.to_string()));
            let mut held =
                self.workers[worker].hand.iter().filter(|delivery| line(delivery.message) == line(message));
            let stage = if held.next().is_some() { Stage::HeldBack } else { Stage::Slot };
            if stage == Stage::HeldBack {
                ticket.hold_back();
            }
            self.workers[worker].hand.push(Delivery { message, ticket, stage });
            true
        }

        /// The message in the slot gets on.
        fn handle(&mut self, worker: usize) -> bool {
            let hand = &mut self.workers[worker].hand;
            let is_active = |delivery: &Delivery| matches!(delivery.stage, Stage::Slot | Stage::Handler);
            let Some(index) = hand.iter().position(is_active) else { return false };
            let delivery = &mut hand[index];
            match (delivery.stage, delivery.ticket.precedence_now()) {
                (Stage::Slot, Wait) => return false,
                (Stage::Slot, Handle) => {
                    let is_older = |other: usize| {
                        other < delivery.message && other % PATIENTS == delivery.message % PATIENTS
                    };
                    let older = (0..self.failures.len()).filter(|other| is_older(*other));
                    assert!(older.into_iter().all(|other| self.handled.contains(&other)), "out of order");
                    delivery.stage = Stage::Handler;
                }
                (Stage::Handler, _) if self.failures[delivery.message] == 0 => {
                    let delivery = hand.remove(index);
                    self.handled.push(delivery.message);
                    delivery.ticket.answer();
                }
                (stage, _) => {
                    if stage == Stage::Handler {
                        self.failures[delivery.message] -= 1;
                    }
                    delivery.ticket.hold_back();
                    delivery.stage = Stage::HeldBack;
                }
            }
            true
        }

        /// The first lane that is due gets on with being given back. Pauses are over whenever the schedule
        /// says so.
        fn give_back(&mut self, worker: usize) -> bool {
            let worker = &mut self.workers[worker];
            if let Some(delivery) = worker.returns.front() {
                if worker.is_back {
                    worker.returns.pop_front();
                } else {
                    self.queue.insert(delivery.message);
                }
                worker.is_back = !worker.is_back;
                return true;
            }
            let is_due = |patient: &usize| {
                let mut lane = worker.hand.iter().filter(|delivery| delivery.message % PATIENTS == *patient);
                lane.next().is_some_and(|first| {
                    first.stage == Stage::HeldBack && first.ticket.precedence_now() != HoldBack
                })
            };
            let Some(patient) = (0..PATIENTS).find(is_due) else { return false };
            let (mut lane, rest) = std::mem::take(&mut worker.hand)
                .into_iter()
                .partition::<Vec<_>, _>(|delivery| delivery.message % PATIENTS == patient);
            lane.sort_by_key(|delivery| delivery.ticket.order());
            (worker.returns, worker.hand) = (lane.into(), rest);
            true
        }
    }

    proptest! {
        /// Whatever comes first: no message is handled before an older one of its patient, and workers that
        /// go on in turns come to an end soon.
        #[test]
        fn no_schedule_breaks_the_order_of_a_patient_or_stops_the_workers(
            workers in 2..4_usize,
            failures in proptest::collection::vec(0..3_u32, 1..10),
            steps in proptest::collection::vec((0..3_u8, 0..3_usize, 0..6_usize), 0..200),
        ) {
            let messages = failures.len();
            let mut world = World::new(workers, failures);
            for (step, worker, meanwhile) in steps {
                let worker = worker % workers;
                match step {
                    0 => world.claim(worker, Some(meanwhile).filter(|other| *other < workers)),
                    1 => world.handle(worker),
                    _ => world.give_back(worker),
                };
            }
            let mut rounds = 0;
            while world.handled.len() < messages {
                rounds += 1;
                prop_assert!(rounds < 100 * messages, "no end");
                let mut goes_on = false;
                for worker in 0..workers {
                    goes_on |= world.claim(worker, None);
                    goes_on |= world.handle(worker);
                    goes_on |= world.give_back(worker);
                }
                prop_assert!(goes_on, "all wait for each other");
            }
            world.workers.clear();
            assert_empty(&world.in_hand);
        }
    }
}
