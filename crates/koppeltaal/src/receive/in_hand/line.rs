//! [`Line`]: the messages of one patient that workers have in hand, in the order of the server. The rules by which a message
//! waits for older ones, without tasks or locks.

/// More messages that were given back are not remembered in a line. Those that come again later stand behind
/// the others.
const MAX_RETURNS: usize = 1000;

/// What a worker is called among the workers of its connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WorkerNumber(pub(super) u64);

/// What a worker must do with a message because of older ones in the same line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precedence {
    /// No older message is in other hands: it may be handled.
    Handle,
    /// Other workers are handling older messages, or are about to.
    Wait,
    /// Another worker holds an older message back, and will give it back. This one has to be held back until
    /// then, too.
    HoldBack,
    /// Another worker has given an older message back. This one has to be given back now, so that both come
    /// again in order.
    GiveBack,
}

/// The messages of one patient.
#[derive(Debug, Default)]
pub(super) struct Line {
    places: Vec<Place>,
    returns: Vec<Return>,
}

/// A message in hand.
#[derive(Debug)]
struct Place {
    /// What the message is called for the time that it is in hand.
    number: u64,
    /// Where it stands: the number that it got when it was claimed for the first time.
    order: u64,
    /// What it is recognised by when it comes again.
    name: Option<String>,
    worker: WorkerNumber,
    /// Its worker will give it back before it handles it, or again.
    is_held_back: bool,
    /// An older message was given back.
    would_overtake: bool,
}

/// A message that was given back while younger ones were in hand, or might have been claimed. When it comes
/// again, it stands where it stood: behind the younger ones it would wait for them, and they for it, without
/// end.
#[derive(Debug)]
struct Return {
    order: u64,
    name: Option<String>,
    worker: WorkerNumber,
    /// The claim that was under way. The server may have carried it out before the message was back.
    claim: Option<u64>,
}

impl Line {
    /// A worker has claimed a message. Says where it stands.
    pub(super) fn add(
        &mut self,
        number: u64,
        name: Option<&str>,
        worker: WorkerNumber,
        claim: Option<u64>,
    ) -> u64 {
        let is_same = |other: &Option<String>| name.is_some() && other.as_deref() == name;
        let returned = self.returns.iter().position(|returned| is_same(&returned.name));
        let order = match returned.map(|index| self.returns.swap_remove(index)) {
            Some(returned) => returned.order,
            // The server may give it to the next one before the worker that gives it back hears of that.
            None => self.places.iter().find(|place| is_same(&place.name)).map_or(number, |place| place.order),
        };
        let is_overtaken = |returned: &Return| {
            returned.order < order && returned.worker != worker && claim.is_some() && returned.claim == claim
        };
        let would_overtake = self.returns.iter().any(is_overtaken);
        // The worker has younger messages already, and would come to this one after those.
        let is_in_the_way = |other: &&mut Place| other.order > order && other.worker == worker;
        self.places.iter_mut().filter(is_in_the_way).for_each(|other| other.would_overtake = true);
        let name = name.map(str::to_owned);
        self.places.push(Place { number, order, name, worker, is_held_back: false, would_overtake });
        order
    }

    /// What to do with a message.
    pub(super) fn precedence(&self, number: u64) -> Precedence {
        let Some(place) = self.places.iter().find(|place| place.number == number) else {
            return Precedence::Handle;
        };
        if place.would_overtake {
            return Precedence::GiveBack;
        }
        let mut older = self.places.iter().filter(|other| other.is_before(place)).peekable();
        if older.peek().is_none() {
            Precedence::Handle
        } else if older.any(|other| other.is_held_back) {
            Precedence::HoldBack
        } else {
            Precedence::Wait
        }
    }

    pub(super) fn hold_back(&mut self, number: u64) {
        self.places
            .iter_mut()
            .filter(|place| place.number == number)
            .for_each(|place| place.is_held_back = true);
    }

    pub(super) fn disown(&mut self, number: u64, nobody: WorkerNumber) {
        self.places.iter_mut().filter(|place| place.number == number).for_each(|place| place.worker = nobody);
    }

    /// The message does not come again.
    pub(super) fn answer(&mut self, number: u64) {
        self.places.retain(|place| place.number != number);
    }

    /// The message comes again.
    pub(super) fn give_back(&mut self, number: u64, claim: Option<u64>) {
        let Some(index) = self.places.iter().position(|place| place.number == number) else { return };
        let place = self.places.remove(index);
        for other in self.places.iter_mut().filter(|other| place.is_before(other)) {
            other.would_overtake = true;
        }
        if !self.places.iter().any(|other| other.is_same_message(&place)) {
            let Place { order, name, worker, .. } = place;
            if self.returns.len() >= MAX_RETURNS {
                self.returns.remove(0);
            }
            self.returns.push(Return { order, name, worker, claim });
        }
    }

    /// Forgets messages that were given back, once no younger one is in hand, and none that a claim under way
    /// might have overtaken. True: nothing is left.
    pub(super) fn tidy(&mut self, claim: Option<u64>) -> bool {
        let in_hand = self.places.iter().map(|place| place.order);
        let returns = self.returns.iter().filter(|returned| claim.is_some() && returned.claim == claim);
        let youngest = in_hand.chain(returns.map(|returned| returned.order)).max();
        self.returns.retain(|returned| Some(returned.order) <= youngest);
        self.places.is_empty() && self.returns.is_empty()
    }
}

impl Place {
    /// Whether the other one has to come after this one, and is in other hands.
    fn is_before(&self, other: &Self) -> bool {
        let is_back_already = self.is_held_back && self.is_same_message(other);
        (self.order, self.number) < (other.order, other.number)
            && self.worker != other.worker
            && !is_back_already
    }

    fn is_same_message(&self, other: &Self) -> bool {
        self.name.is_some() && self.name == other.name
    }
}
