//! [`Server`]: what the last messages say about the server, and so how long all messages wait.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use tokio::time::Instant;

/// So many different messages that fail one after the other, without one that is sent, may mean that the
/// server fails at everything. Then they are tried one at a time.
const SUSPICIOUS_FAILURES: usize = 5;

/// Whether the server works, as far as the messages that were tried can tell.
#[derive(Debug)]
pub(super) struct Server {
    pauses: RangeInclusive<Duration>,
    /// How many times in a row there was trouble that concerns all messages.
    times: u32,
    /// Until when nothing is sent.
    until: Option<Instant>,
    /// The places of messages that failed since one was sent; no more than are suspicious.
    failed: HashSet<i64>,
}

impl Server {
    pub(super) fn new(pauses: RangeInclusive<Duration>) -> Self {
        Self { pauses, times: 0, until: None, failed: HashSet::new() }
    }

    /// Until when nothing is to be sent.
    pub(super) fn pause_end(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| *until > now)
    }

    /// A message was taken, or refused for what is in it. Returns whether there was trouble.
    pub(super) fn works(&mut self) -> bool {
        let had_trouble = self.times > 0 || !self.failed.is_empty();
        self.times = 0;
        self.until = None;
        self.failed.clear();
        had_trouble
    }

    /// There was trouble that concerns all messages: has them wait, at least this long, and returns how long.
    /// Messages that were under way when the trouble began do not make it worse.
    pub(super) fn fail(&mut self, now: Instant, wait: Duration) -> Duration {
        if let Some(until) = self.pause_end(now) {
            return wait.max(until - now);
        }
        self.times = self.times.saturating_add(1);
        let pause = pause(&self.pauses, self.times).max(wait);
        self.until = Some(now + pause);
        pause
    }

    /// A message failed, and it may be its own trouble.
    pub(super) fn fail_at(&mut self, place: i64, now: Instant) {
        if self.failed.len() < SUSPICIOUS_FAILURES {
            self.failed.insert(place);
        }
        if self.failed.len() >= SUSPICIOUS_FAILURES && self.pause_end(now).is_none() {
            self.until = Some(now + *self.pauses.start());
        }
    }
}

/// The pause after this many failures: each time twice as long as before.
pub(super) fn pause(pauses: &RangeInclusive<Duration>, failures: u32) -> Duration {
    pauses.start().saturating_mul(1 << failures.saturating_sub(1).min(30)).min(*pauses.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn server() -> Server {
        Server::new(SECOND..=SECOND * 60)
    }

    #[test]
    fn trouble_of_all_messages_has_them_wait_twice_as_long_each_time() {
        let (mut server, now) = (server(), Instant::now());
        assert_eq!(server.fail(now, Duration::ZERO), SECOND);
        assert_eq!(server.fail(now, Duration::ZERO), SECOND, "it was under way");
        assert_eq!(server.fail(now + SECOND, Duration::ZERO), SECOND * 2);
        assert_eq!(server.fail(now + SECOND * 3, SECOND * 90), SECOND * 90, "the server asks for it");
        assert!(server.works());
        assert_eq!(server.pause_end(now), None);
        assert!(!server.works());
    }

    #[test]
    fn a_few_messages_that_fail_again_and_again_have_nobody_wait() {
        let (mut server, now) = (server(), Instant::now());
        for place in [1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4] {
            server.fail_at(place, now);
        }
        assert_eq!(server.pause_end(now), None);
    }

    #[test]
    fn many_messages_that_fail_one_after_the_other_are_tried_one_at_a_time_until_one_is_sent() {
        let (mut server, now) = (server(), Instant::now());
        for place in 0..100 {
            server.fail_at(place, now);
        }
        assert_eq!(server.pause_end(now), Some(now + SECOND));
        server.fail_at(7, now + SECOND);
        assert_eq!(server.pause_end(now + SECOND), Some(now + SECOND * 2), "it does not grow");
        assert!(server.works());
        server.fail_at(8, now + SECOND * 2);
        assert_eq!(server.pause_end(now + SECOND * 2), None);
    }
}
