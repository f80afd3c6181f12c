//! [`ServerHealth`]: whether the server works, judged by the last attempts, and how long all messages wait.

use std::collections::HashSet;
use std::time::Duration;

use koppeltaal_transport::Backoff;
use tokio::time::Instant;

/// When this many different messages fail one after the other and none is sent, the server may fail at
/// everything. Then there is a pause before each attempt.
const SUSPICIOUS_FAILURES: usize = 5;

/// Whether the server works, as far as the attempts tell.
#[derive(Debug)]
pub(super) struct ServerHealth {
    backoff: Backoff,
    /// Whether there has been a problem that concerned all messages, or seemed to, since the server last
    /// worked.
    had_problem: bool,
    /// The end of the pause of all messages after a problem that concerned them all.
    paused_until: Option<Instant>,
    /// When the next message may be tried while the server may fail at everything.
    next_attempt: Option<Instant>,
    /// The places of messages that failed since one was sent, at most [`SUSPICIOUS_FAILURES`].
    failed_places: HashSet<i64>,
}

impl ServerHealth {
    pub(super) fn new(backoff: Backoff) -> Self {
        Self {
            backoff,
            had_problem: false,
            paused_until: None,
            next_attempt: None,
            failed_places: HashSet::new(),
        }
    }

    /// Until when no message is tried.
    pub(super) fn pause_end(&self, now: Instant) -> Option<Instant> {
        self.paused_until.max(self.next_attempt).filter(|until| *until > now)
    }

    /// An attempt begins. While the server may fail at everything, the next one has to wait.
    pub(super) fn begin(&mut self, now: Instant) {
        if self.may_fail_at_everything() {
            self.next_attempt = Some(now + self.backoff.delay_after(1));
        }
    }

    /// The server has accepted a message, or refused its content. Returns whether there was a problem that
    /// concerned all messages.
    pub(super) fn record_success(&mut self) -> bool {
        self.backoff.reset();
        self.paused_until = None;
        self.next_attempt = None;
        self.failed_places.clear();
        std::mem::take(&mut self.had_problem)
    }

    /// There is a problem that concerns all messages. They wait, at least this long; returns how long.
    /// Attempts that were under way when the problem began do not make the pauses grow.
    pub(super) fn record_outage(&mut self, now: Instant, wait: Duration) -> Duration {
        let pause = match self.paused_until {
            Some(until) if until > now => wait.max(until - now),
            _ => self.backoff.next_delay().max(wait),
        };
        self.had_problem = true;
        self.paused_until = Some(now + pause);
        pause
    }

    /// A message failed for a reason that may concern only this message.
    pub(super) fn record_failure(&mut self, place: i64, now: Instant) {
        if !self.may_fail_at_everything() {
            self.failed_places.insert(place);
        }
        if self.may_fail_at_everything() && self.pause_end(now).is_none() {
            self.had_problem = true;
            self.next_attempt = Some(now + self.backoff.delay_after(1));
        }
    }

    fn may_fail_at_everything(&self) -> bool {
        self.failed_places.len() >= SUSPICIOUS_FAILURES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn server() -> ServerHealth {
        ServerHealth::new(Backoff::new(SECOND, SECOND * 60))
    }

    #[test]
    fn a_problem_of_all_messages_makes_them_wait_longer_each_time() {
        let (mut server, now) = (server(), Instant::now());
        let first = server.record_outage(now, Duration::ZERO);
        assert!((SECOND..=SECOND * 2).contains(&first), "{first:?}");
        assert_eq!(server.record_outage(now, Duration::ZERO), first, "the attempt was under way");
        let second = server.record_outage(now + first, Duration::ZERO);
        assert!((SECOND * 2..=SECOND * 4).contains(&second), "{second:?}");
        let third = now + first + second;
        assert_eq!(server.record_outage(third, SECOND * 30), SECOND * 30, "the server asks for it");
        assert_eq!(server.record_outage(third, SECOND * 90), SECOND * 90, "it asks for more");
        assert_eq!(server.pause_end(third), Some(third + SECOND * 90), "all messages wait");
        assert_eq!(server.record_outage(third, SECOND), SECOND * 90, "a shorter wait ends no longer one");
        assert_eq!(server.pause_end(third), Some(third + SECOND * 90));
        assert!(server.record_success());
        assert_eq!(server.pause_end(now), None);
        assert!(!server.record_success());
    }

    #[test]
    fn a_few_messages_that_fail_again_and_again_delay_no_other() {
        let (mut server, now) = (server(), Instant::now());
        for place in [1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4] {
            server.record_failure(place, now);
        }
        server.begin(now);
        assert_eq!(server.pause_end(now), None);
        assert!(!server.record_success(), "there was no problem of all messages");
    }

    #[test]
    fn after_many_messages_that_failed_one_after_the_other_each_attempt_waits_until_one_is_sent() {
        let (mut server, now) = (server(), Instant::now());
        for place in 0..100 {
            server.record_failure(place, now);
        }
        let mut until = server.pause_end(now).expect("a pause");
        for _ in 0..10 {
            assert_eq!(server.pause_end(until), None, "one is tried");
            server.begin(until);
            let next = server.pause_end(until).expect("the next one has to wait");
            assert!((SECOND..=SECOND * 2).contains(&(next - until)), "it does not grow");
            server.record_failure(7, until);
            assert_eq!(server.pause_end(until), Some(next));
            until = next;
        }
        assert!(server.record_success());
        server.begin(until);
        server.record_failure(8, until);
        assert_eq!(server.pause_end(until), None);
    }

    #[test]
    fn the_pauses_of_an_outage_grow_also_when_the_server_failed_at_everything_before() {
        let (mut server, mut now) = (server(), Instant::now());
        for place in 0..100 {
            server.record_failure(place, now);
        }
        for expected in [SECOND, SECOND * 2, SECOND * 4] {
            now = server.pause_end(now).expect("a pause");
            server.begin(now);
            let pause = server.record_outage(now, Duration::ZERO);
            assert!((expected..=expected * 2).contains(&pause), "{pause:?}");
        }
    }
}
