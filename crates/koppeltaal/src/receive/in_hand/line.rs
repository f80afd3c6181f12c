//! [`Line`]: the messages of one patient that workers have in hand, in the server's order, and the rules by
//! which a message waits for older ones. It knows neither tasks nor locks.

/// How many returned messages a line remembers. When a forgotten one comes again, it stands behind the
/// others.
const MAX_RETURNS: usize = 1000;

/// The number of a worker among the workers of its connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WorkerNumber(pub(super) u64);

/// How a worker must treat a message because of older ones in the same line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precedence {
    /// No other worker has an older message: this one may be handled.
    Handle,
    /// Other workers are handling older messages, or are about to.
    Wait,
    /// Another worker holds an older message back, and will give it back. Until then, this one has to be held
    /// back, too.
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
    /// The number of the message while it is in hand.
    number: u64,
    /// Its position: the number that it got when it was claimed for the first time.
    order: u64,
    /// The name by which it is recognised when it comes again.
    name: Option<String>,
    worker: WorkerNumber,
    /// Its worker will give it back without handling it any more.
    is_held_back: bool,
    /// An older message was given back.
    would_overtake: bool,
}

/// A message that was given back while younger ones were in hand, or might have been claimed. When it comes
/// again, it gets its old position. Behind the younger ones it would wait for them, and they for it, forever.
#[derive(Debug)]
struct Return {
    order: u64,
    name: Option<String>,
    worker: WorkerNumber,
    /// The claim that was under way. The server may have answered it before the message was back.
    claim: Option<u64>,
}

impl Line {
    /// Adds a message that a worker has claimed, and returns its position.
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
            // Another worker may claim it before the one that gives it back gets the server's answer.
            None => self.places.iter().find(|place| is_same(&place.name)).map_or(number, |place| place.order),
        };
        let is_overtaken = |returned: &Return| {
            returned.order < order && returned.worker != worker && claim.is_some() && returned.claim == claim
        };
        let would_overtake = self.returns.iter().any(is_overtaken);
        // The worker already has younger messages, and would handle this one after them.
        let is_contention = |other: &&mut Place| other.order > order && other.worker == worker;
        self.places.iter_mut().filter(is_contention).for_each(|other| other.would_overtake = true);
        let name = name.map(str::to_owned);
        self.places.push(Place { number, order, name, worker, is_held_back: false, would_overtake });
        order
    }

    /// How its worker must treat a message.
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
        if let Some(place) = self.place_mut(number) {
            place.is_held_back = true;
        }
    }

    pub(super) fn disown(&mut self, number: u64, nobody: WorkerNumber) {
        if let Some(place) = self.place_mut(number) {
            place.worker = nobody;
        }
    }

    fn place_mut(&mut self, number: u64) -> Option<&mut Place> {
        self.places.iter_mut().find(|place| place.number == number)
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

    /// Forgets returned messages when no younger one is in hand, and no claim under way may have overtaken
    /// them. True: the line is empty.
    pub(super) fn tidy(&mut self, claim: Option<u64>) -> bool {
        let in_hand = self.places.iter().map(|place| place.order);
        let returns = self.returns.iter().filter(|returned| claim.is_some() && returned.claim == claim);
        let youngest = in_hand.chain(returns.map(|returned| returned.order)).max();
        self.returns.retain(|returned| Some(returned.order) <= youngest);
        self.places.is_empty() && self.returns.is_empty()
    }
}

impl Place {
    /// Whether another worker's message has to come after this one.
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
