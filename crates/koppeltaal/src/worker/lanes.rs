//! [`Lanes`]: the messages that one worker has, a lane per patient. Messages of one patient are handled one
//! after the other in the order of arrival, those of different patients at the same time. Lanes know neither
//! tasks nor sockets.

use std::collections::{HashMap, VecDeque};

use tokio::time::Instant;

use crate::receive::{ReceivedMessage, line_key};

/// The key of a lane: its messages must not overtake each other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// The patient, or the focal resource if there is no patient.
    Of(String),
    /// A lane of one message, with this number.
    Alone(u64),
}

/// The messages of a worker, of type `T`.
#[derive(Debug)]
pub(super) struct Lanes<T> {
    lanes: HashMap<Key, Lane<T>>,
    /// How many messages are being handled, are being given back, or wait for their turn.
    active: usize,
    /// How many messages are held back.
    held: usize,
    numbers: u64,
}

#[derive(Debug)]
enum Lane<T> {
    /// A message is being handled, or messages are being given back. The messages here wait for that.
    Busy(VecDeque<T>),
    /// The first message cannot be handled now. It and those behind it are held back, and then given back.
    HeldBack(VecDeque<T>, Until),
}

/// How long the messages of a lane are held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    Time(Instant),
    /// Until another worker has given back older messages of the same patient.
    OlderReturn,
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self { lanes: HashMap::new(), active: 0, held: 0, numbers: 0 }
    }
}

impl<T> Lanes<T> {
    /// How many messages are being handled, are being given back, or wait for their turn.
    pub(super) fn active(&self) -> usize {
        self.active
    }

    /// How many messages are held back.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// The lane that a message belongs to.
    pub(super) fn key(&mut self, received: &ReceivedMessage) -> Key {
        match line_key(received.header()) {
            Some(line) => Key::Of(line),
            None => {
                self.numbers += 1;
                Key::Alone(self.numbers)
            }
        }
    }

    /// Adds a message. Returns it if it can be handled at once.
    pub(super) fn arrive(&mut self, key: &Key, message: T) -> Option<T> {
        match self.lanes.get_mut(key) {
            Some(Lane::Busy(waiting)) => {
                waiting.push_back(message);
                self.active += 1;
                None
            }
            Some(Lane::HeldBack(messages, _)) => {
                messages.push_back(message);
                self.held += 1;
                None
            }
            None => {
                self.lanes.insert(key.clone(), Lane::Busy(VecDeque::new()));
                self.active += 1;
                Some(message)
            }
        }
    }

    /// The lane is no longer busy. Returns the next message to handle.
    pub(super) fn done(&mut self, key: &Key) -> Option<T> {
        let Some(Lane::Busy(waiting)) = self.lanes.get_mut(key) else { return None };
        self.active -= 1;
        let next = waiting.pop_front();
        if next.is_none() {
            self.lanes.remove(key);
        }
        next
    }

    /// The message that the lane was busy with cannot be handled now. It and those behind it are held back
    /// until then.
    pub(super) fn hold_back(&mut self, key: &Key, message: T, until: Until) {
        let Some(Lane::Busy(mut messages)) = self.lanes.remove(key) else { return };
        self.active -= 1 + messages.len();
        messages.push_front(message);
        self.held += messages.len();
        self.lanes.insert(key.clone(), Lane::HeldBack(messages, until));
    }

    /// The messages of a lane that are held back or wait.
    pub(super) fn waiting_mut(&mut self, key: &Key) -> impl Iterator<Item = &mut T> {
        let lane = self.lanes.get_mut(key);
        lane.into_iter().flat_map(|(Lane::Busy(messages) | Lane::HeldBack(messages, _))| messages)
    }

    /// Whether the messages of a lane are held back.
    pub(super) fn is_held_back(&self, key: &Key) -> bool {
        matches!(self.lanes.get(key), Some(Lane::HeldBack(..)))
    }

    /// Another worker has given messages back. Lanes that waited for that become due if `is_due` holds for
    /// their first message.
    pub(super) fn older_returned(&mut self, now: Instant, is_due: impl Fn(&T) -> bool) {
        for lane in self.lanes.values_mut() {
            if let Lane::HeldBack(messages, until @ Until::OlderReturn) = lane
                && messages.front().is_none_or(&is_due)
            {
                *until = Until::Time(now);
            }
        }
    }

    /// When the next lane has to be given back.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.lanes.values().filter_map(Lane::due).min()
    }

    /// The messages of the lane that was due first, in their order. The lane is then busy giving them back.
    pub(super) fn due(&mut self, now: Instant) -> Option<(Key, VecDeque<T>)> {
        let due = self.lanes.iter().filter_map(|(key, lane)| Some((lane.due()?, key)));
        let (_, key) = due.filter(|(due, _)| *due <= now).min_by_key(|(due, _)| *due)?;
        let key = key.clone();
        let lane = self.lanes.insert(key.clone(), Lane::Busy(VecDeque::new()));
        let Some(Lane::HeldBack(messages, _)) = lane else { return None };
        self.held -= messages.len();
        self.active += 1;
        Some((key, messages))
    }

    /// Takes out all messages that are not being handled, those of each lane in their order.
    pub(super) fn drain(&mut self) -> Vec<T> {
        let mut rest = Vec::new();
        for lane in self.lanes.values_mut() {
            let (Lane::Busy(messages) | Lane::HeldBack(messages, _)) = lane;
            rest.extend(messages.drain(..));
        }
        self.lanes.retain(|_, lane| matches!(lane, Lane::Busy(_)));
        (self.active, self.held) = (self.lanes.len(), 0);
        rest
    }
}

impl<T> Lane<T> {
    /// When the messages are to be given back.
    fn due(&self) -> Option<Instant> {
        match self {
            Self::HeldBack(_, Until::Time(due)) => Some(*due),
            Self::HeldBack(_, Until::OlderReturn) | Self::Busy(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn key(name: &str) -> Key {
        Key::Of(name.to_owned())
    }

    #[test]
    fn messages_of_one_patient_wait_for_each_other_and_those_of_others_do_not() {
        let mut lanes = Lanes::default();
        assert_eq!(lanes.arrive(&key("a"), 1), Some(1));
        assert_eq!(lanes.arrive(&key("a"), 2), None);
        assert_eq!(lanes.arrive(&key("b"), 3), Some(3));
        assert_eq!(lanes.arrive(&key("a"), 4), None);
        assert_eq!(lanes.active(), 4);
        assert_eq!(lanes.done(&key("a")), Some(2));
        assert_eq!(lanes.done(&key("b")), None);
        assert_eq!(lanes.done(&key("a")), Some(4));
        assert_eq!(lanes.done(&key("a")), None);
        assert_eq!(lanes.active(), 0);
        assert_eq!(lanes.arrive(&key("a"), 5), Some(5));
    }

    #[test]
    fn a_message_that_cannot_be_handled_holds_back_those_behind_it() {
        let mut lanes = Lanes::default();
        let now = Instant::now();
        assert_eq!(lanes.arrive(&key("a"), 1), Some(1));
        assert_eq!(lanes.arrive(&key("a"), 2), None);
        lanes.hold_back(&key("a"), 1, Until::Time(now + Duration::from_secs(1)));
        assert_eq!(lanes.arrive(&key("a"), 3), None);
        assert_eq!(lanes.arrive(&key("b"), 4), Some(4), "another patient's");
        assert_eq!((lanes.active(), lanes.held()), (1, 3));
        assert_eq!(lanes.next_due(), Some(now + Duration::from_secs(1)));
        assert_eq!(lanes.due(now), None);
        assert_eq!(lanes.due(now + Duration::from_secs(1)), Some((key("a"), VecDeque::from([1, 2, 3]))));
        assert_eq!((lanes.active(), lanes.held()), (2, 0));
        // They come again while they are being given back: their turn is after that.
        assert_eq!(lanes.arrive(&key("a"), 1), None);
        assert_eq!(lanes.done(&key("a")), Some(1));
    }

    #[test]
    fn a_lane_that_another_worker_holds_up_is_due_when_that_worker_gives_back() {
        let mut lanes = Lanes::default();
        let now = Instant::now();
        for (name, message) in [("a", 1), ("b", 2)] {
            assert_eq!(lanes.arrive(&key(name), message), Some(message));
            lanes.hold_back(&key(name), message, Until::OlderReturn);
        }
        assert_eq!((lanes.active(), lanes.held(), lanes.next_due()), (0, 2, None));
        lanes.older_returned(now, |message| *message == 2);
        assert_eq!(lanes.due(now), Some((key("b"), VecDeque::from([2]))));
        assert_eq!(lanes.due(now), None);
    }

    /// What can happen to lanes; the number chooses among several.
    #[derive(Debug, Clone, Copy)]
    enum Step {
        Arrive(u8),
        Done(usize),
        Hold(usize),
        GiveBack,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..3_u8).prop_map(Step::Arrive),
            3 => (0..8_usize).prop_map(Step::Done),
            1 => (0..8_usize).prop_map(Step::Hold),
            1 => Just(Step::GiveBack),
        ]
    }

    proptest! {
        /// Whatever happens: messages of one patient are begun one at a time and in their order, what is
        /// given back is all that was behind, and nothing gets lost.
        #[test]
        fn no_schedule_breaks_the_order_of_a_patient(steps in proptest::collection::vec(step(), 0..60)) {
            let mut lanes = Lanes::default();
            let now = Instant::now();
            let mut handled: Vec<(Key, u32)> = Vec::new();
            let mut last: HashMap<Key, u32> = HashMap::new();
            let (mut arrived, mut ended) = (0, 0);
            for step in steps {
                let begun = match step {
                    Step::Arrive(patient) => {
                        arrived += 1;
                        let key = key(&patient.to_string());
                        lanes.arrive(&key, arrived).map(|message| (key, message))
                    }
                    Step::Done(which) if !handled.is_empty() => {
                        let (key, _) = handled.swap_remove(which % handled.len());
                        ended += 1;
                        lanes.done(&key).map(|message| (key, message))
                    }
                    Step::Hold(which) if !handled.is_empty() => {
                        let (key, message) = handled.swap_remove(which % handled.len());
                        lanes.hold_back(&key, message, Until::Time(now));
                        None
                    }
                    Step::GiveBack => match lanes.due(now) {
                        Some((key, messages)) => {
                            prop_assert!(messages.iter().is_sorted());
                            prop_assert!(messages.iter().all(|message| last.get(&key) <= Some(message)));
                            ended += messages.len();
                            prop_assert_eq!(lanes.done(&key), None, "nothing arrived in between");
                            None
                        }
                        None => None,
                    },
                    Step::Done(_) | Step::Hold(_) => None,
                };
                if let Some((key, message)) = begun {
                    prop_assert!(handled.iter().all(|(other, _)| *other != key), "two at a time");
                    prop_assert!(last.insert(key.clone(), message) < Some(message));
                    handled.push((key, message));
                }
                let in_hand = lanes.active() + lanes.held();
                prop_assert_eq!(in_hand + ended, usize::try_from(arrived).expect("a small number"));
            }
        }
    }

    #[test]
    fn draining_takes_out_in_order_all_messages_that_are_not_being_handled() {
        let mut lanes = Lanes::default();
        let now = Instant::now();
        for message in 1..=3 {
            lanes.arrive(&key("a"), message);
        }
        lanes.arrive(&key("b"), 4);
        lanes.hold_back(&key("b"), 4, Until::Time(now));
        lanes.arrive(&key("b"), 5);
        let mut rest = lanes.drain();
        let of_b = rest.iter().position(|message| *message == 4).expect("it is there");
        assert_eq!(rest[of_b + 1], 5);
        rest.sort_unstable();
        assert_eq!(rest, [2, 3, 4, 5]);
        assert_eq!((lanes.active(), lanes.held(), lanes.next_due()), (1, 0, None));
        assert_eq!(lanes.done(&key("a")), None);
    }
}
