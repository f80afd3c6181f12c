//! [`HubEvents`]: the events of a hub, from the connection's task to any number of receivers.
//!
//! Like a broadcast channel: every receiver gets every event, an event is dropped when all have taken it, and
//! a receiver that is too slow loses the oldest and learns how many. Unlike `tokio::sync::broadcast`, the
//! bound is in bytes of memory: one event may be as large as a frame.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::protocol::hub::HubEvent;

/// Why there is no next event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventsError {
    /// The receiver was too slow: this many events were dropped. The next call goes on after them.
    #[error("{0} events were missed")]
    Missed(u64),
    /// The connection was stopped.
    #[error("the connection was stopped")]
    Stopped,
}

/// How many places an empty queue keeps.
const USUAL_CAPACITY: usize = 64;

/// The events that some receiver has not taken yet.
struct Queue {
    /// In bytes of memory.
    limit: usize,
    /// Each with the bytes of memory that it takes.
    events: VecDeque<(HubEvent, usize)>,
    /// What all of them take.
    size: usize,
    /// The number of the first event in the queue, among all that ever were.
    first: u64,
    /// The number of the event that each receiver takes next.
    receivers: BTreeMap<u64, u64>,
    next_receiver: u64,
}

impl Queue {
    /// The number that the next event gets.
    fn end(&self) -> u64 {
        self.first + self.events.len() as u64
    }

    fn push(&mut self, event: HubEvent) {
        let size = event.memory();
        self.size += size;
        self.events.push_back((event, size));
        while self.size > self.limit {
            self.drop_first();
        }
        self.drop_taken();
    }

    fn drop_first(&mut self) {
        if let Some((_, size)) = self.events.pop_front() {
            self.size -= size;
            self.first += 1;
        }
    }

    /// Drops the events that no receiver will take any more.
    fn drop_taken(&mut self) {
        let next = self.receivers.values().copied().min().unwrap_or_else(|| self.end());
        while self.first < next {
            self.drop_first();
        }
        if self.events.is_empty() {
            self.events.shrink_to(USUAL_CAPACITY);
        }
    }

    fn add_receiver(&mut self) -> u64 {
        let (receiver, end) = (self.next_receiver, self.end());
        self.next_receiver += 1;
        self.receivers.insert(receiver, end);
        receiver
    }

    /// The next event of a receiver, if there is one.
    fn take(&mut self, receiver: u64) -> Option<Result<HubEvent, EventsError>> {
        let (first, end) = (self.first, self.end());
        let next = self.receivers.get_mut(&receiver)?;
        if *next < first {
            let missed = first - *next;
            *next = first;
            return Some(Err(EventsError::Missed(missed)));
        }
        if *next == end {
            return None;
        }
        let place = usize::try_from(*next - first).ok()?;
        let (event, _) = self.events.get(place)?.clone();
        *next += 1;
        self.drop_taken();
        Some(Ok(event))
    }
}

type Shared = Arc<Mutex<Queue>>;

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The sending side. When it is dropped, receivers get what is left, and then [`EventsError::Stopped`].
pub(crate) struct EventSender {
    queue: Shared,
    /// Changes with every event.
    changed: watch::Sender<()>,
}

/// Makes receivers. Does not keep the connection alive.
pub(crate) struct EventSource {
    queue: Shared,
    changed: watch::Receiver<()>,
}

/// The events of a hub, which are the server's calls to the client; from
/// [`HubConnection::events`](super::HubConnection::events).
pub struct HubEvents {
    queue: Shared,
    changed: watch::Receiver<()>,
    receiver: u64,
}

/// A queue that holds up to `limit` bytes.
pub(crate) fn channel(limit: usize) -> (EventSender, EventSource) {
    let queue = Arc::new(Mutex::new(Queue {
        limit,
        events: VecDeque::new(),
        size: 0,
        first: 0,
        receivers: BTreeMap::new(),
        next_receiver: 0,
    }));
    let (sender, changed) = watch::channel(());
    (EventSender { queue: Arc::clone(&queue), changed: sender }, EventSource { queue, changed })
}

impl EventSender {
    /// Adds an event for every receiver. Never waits.
    pub(crate) fn send(&self, event: HubEvent) {
        lock(&self.queue).push(event);
        self.changed.send_replace(());
    }
}

impl EventSource {
    /// A receiver of the events from now on.
    pub(crate) fn receiver(&self) -> HubEvents {
        let receiver = lock(&self.queue).add_receiver();
        HubEvents { queue: Arc::clone(&self.queue), changed: self.changed.clone(), receiver }
    }
}

impl HubEvents {
    /// Waits for the next event. Cancel safe.
    ///
    /// # Errors
    ///
    /// [`EventsError`]
    pub async fn receive(&mut self) -> Result<HubEvent, EventsError> {
        loop {
            // This comes before the look at the queue, so that an event that comes after the look is noticed.
            let stopped = self.changed.has_changed().is_err();
            self.changed.mark_unchanged();
            if let Some(event) = lock(&self.queue).take(self.receiver) {
                return event;
            }
            if stopped {
                return Err(EventsError::Stopped);
            }
            // An error means that the sender is gone. The queue is looked at once more all the same.
            let _ = self.changed.changed().await;
        }
    }
}

impl Drop for HubEvents {
    fn drop(&mut self) {
        let mut queue = lock(&self.queue);
        queue.receivers.remove(&self.receiver);
        queue.drop_taken();
    }
}

impl fmt::Debug for HubEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubEvents").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(number: u32) -> HubEvent {
        HubEvent { hub: "h".into(), method: "m".into(), arguments: vec![json!(number)], state: None }
    }

    async fn number(events: &mut HubEvents) -> Result<u64, EventsError> {
        events.receive().await.map(|event| event.arguments[0].as_u64().expect("a number"))
    }

    /// A limit for this many events.
    fn limit(count: usize) -> usize {
        event(0).memory() * count
    }

    #[tokio::test]
    async fn a_slow_receiver_loses_the_oldest_and_a_fast_one_nothing() {
        let (sender, source) = channel(limit(2));
        let (mut slow, mut fast) = (source.receiver(), source.receiver());
        for sent in 0..5 {
            sender.send(event(sent));
            assert_eq!(number(&mut fast).await, Ok(sent.into()));
        }
        assert_eq!(number(&mut slow).await, Err(EventsError::Missed(3)));
        assert_eq!((number(&mut slow).await, number(&mut slow).await), (Ok(3), Ok(4)));
    }

    #[tokio::test]
    async fn an_event_larger_than_the_limit_is_counted_as_missed() {
        let (sender, source) = channel(limit(1) - 1);
        let mut events = source.receiver();
        sender.send(event(1));
        assert_eq!(number(&mut events).await, Err(EventsError::Missed(1)));
    }

    #[tokio::test]
    async fn what_all_receivers_have_taken_or_will_never_take_is_dropped() {
        let (sender, source) = channel(limit(100));
        sender.send(event(0));
        assert_eq!(lock(&source.queue).size, 0, "nobody listens");
        let (mut taken, untaken) = (source.receiver(), source.receiver());
        for sent in 0..10 {
            sender.send(event(sent));
            assert_eq!(number(&mut taken).await, Ok(sent.into()));
        }
        assert_eq!(lock(&source.queue).size, limit(10));
        drop(untaken);
        assert_eq!(lock(&source.queue).size, 0);
    }

    #[tokio::test]
    async fn after_the_sender_is_gone_receivers_get_what_is_left_and_then_the_end() {
        let (sender, source) = channel(limit(2));
        let mut events = source.receiver();
        sender.send(event(1));
        sender.send(event(2));
        drop(sender);
        assert_eq!((number(&mut events).await, number(&mut events).await), (Ok(1), Ok(2)));
        assert_eq!(number(&mut events).await, Err(EventsError::Stopped));
        assert_eq!(number(&mut source.receiver()).await, Err(EventsError::Stopped));
    }

    #[tokio::test]
    async fn a_receiver_that_waits_is_woken_by_events_and_by_the_end() {
        let (sender, source) = channel(limit(2));
        let mut events = source.receiver();
        let waiting = tokio::spawn(async move { (number(&mut events).await, number(&mut events).await) });
        tokio::task::yield_now().await;
        sender.send(event(1));
        tokio::task::yield_now().await;
        drop(sender);
        assert_eq!(waiting.await.expect("no panic"), (Ok(1), Err(EventsError::Stopped)));
    }
}
