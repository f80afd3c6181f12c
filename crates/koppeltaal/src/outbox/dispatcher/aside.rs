//! [`Aside`]: the messages that a dispatcher leaves alone for a while, because the database does not take
//! what became of them.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// How long a message is left alone. Then the database may have been mended.
const TIME: Duration = Duration::from_secs(60 * 60);

/// How many messages are left alone at most. One more, and the one that was left alone first is looked at
/// again.
const MOST: usize = 1000;

/// Places of messages, and until when they are left alone.
#[derive(Debug, Default)]
pub(super) struct Aside {
    until: BTreeMap<i64, Instant>,
}

impl Aside {
    pub(super) fn put(&mut self, place: i64, now: Instant) {
        if self.until.len() >= MOST
            && let Some(oldest) = self.until.iter().min_by_key(|(_, until)| **until).map(|(place, _)| *place)
        {
            self.until.remove(&oldest);
        }
        self.until.insert(place, now + TIME);
    }

    /// The places that are to be left alone now.
    pub(super) fn places(&mut self, now: Instant) -> Vec<i64> {
        self.until.retain(|_, until| *until > now);
        self.until.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_aside_comes_back_and_there_are_never_too_many() {
        let mut aside = Aside::default();
        let now = Instant::now();
        aside.put(7, now);
        aside.put(9, now + TIME / 2);
        assert_eq!(aside.places(now + TIME / 2), [7, 9]);
        assert_eq!(aside.places(now + TIME), [9]);
        for place in 100..3000 {
            aside.put(place, now + TIME);
        }
        assert_eq!(aside.places(now + TIME).len(), MOST);
    }
}
