//! [`Quarantine`]: the messages that a dispatcher leaves alone for a while, because the database does not
//! accept the result of an attempt to send them.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// How long a message is left alone. After that the database may have been repaired.
const TIME: Duration = Duration::from_secs(60 * 60);

/// How many messages are left alone at most. When there is one more, the one that was added first is tried
/// again.
const MAX_MESSAGES: usize = 1000;

/// Places of messages, and until when they are left alone.
#[derive(Debug, Default)]
pub(super) struct Quarantine {
    until: BTreeMap<i64, Instant>,
}

impl Quarantine {
    pub(super) fn add(&mut self, place: i64, now: Instant) {
        if self.until.len() >= MAX_MESSAGES
            && let Some(oldest) = self.until.iter().min_by_key(|(_, until)| **until).map(|(place, _)| *place)
        {
            self.until.remove(&oldest);
        }
        self.until.insert(place, now + TIME);
    }

    /// The places of the messages that are left alone now.
    pub(super) fn places(&mut self, now: Instant) -> Vec<i64> {
        self.until.retain(|_, until| *until > now);
        self.until.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_leave_the_quarantine_and_there_are_never_too_many_in_it() {
        let mut quarantine = Quarantine::default();
        let now = Instant::now();
        quarantine.add(7, now);
        quarantine.add(9, now + TIME / 2);
        assert_eq!(quarantine.places(now + TIME / 2), [7, 9]);
        assert_eq!(quarantine.places(now + TIME), [9]);
        for place in 100..3000 {
            quarantine.add(place, now + TIME);
        }
        assert_eq!(quarantine.places(now + TIME).len(), MAX_MESSAGES);
    }
}
