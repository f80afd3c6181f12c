//! [`ServerHealth`]: whether the server works, judged by the last attempts, and how long all messages wait.

use std::collections::HashSet;
use std::time::Duration;

use koppeltaal_transport::Backoff;
use tokio::time::Instant;

/// When this many different messages fail one after the other and none is sent, the server may fail at
/// everything. Then messages are tried one at a time.
const SUSPICIOUS_FAILURES: usize = 5;

/// Whether the server works, as far as the attempts tell.
#[derive(Debug)]
pub(super) struct ServerHealth {
    backoff: Backoff,
    /// Whether there has been a problem that concerned all messages, or seemed to, since the server last
    /// worked.
    had_problem: bool,
    /// The end of a pause of all messages.
    until: Option<Instant>,
    /// The places of messages that failed since one was sent, at most [`SUSPICIOUS_FAILURES`].
    failed: HashSet<i64>,
}

impl ServerHealth {
    pub(super) fn new(backoff: Backoff) -> Self {
        Self { backoff, had_problem: false, until: None, failed: HashSet::new() }
    }

    /// Until when no message is tried.
    pub(super) fn pause_end(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| *until > now)
    }

    /// The server has accepted a message, or refused its content. Returns whether there was a problem that
    /// concerned all messages.
    pub(super) fn works(&mut self) -> bool {
        self.backoff.reset();
        self.until = None;
        self.failed.clear();
        std::mem::take(&mut self.had_problem)
    }

    /// There is a problem that concerns all messages. They wait, at least this long; returns how long.
    /// Attempts that were under way when the problem began do not lengthen the pause.
    pub(super) fn fail(&mut self, now: Instant, wait: Duration) -> Duration {
        if let Some(until) = self.pause_end(now) {
            return wait.max(until - now);
        }
        self.had_problem = true;
        let pause = self.backoff.next_delay().max(wait);
        self.until = Some(now + pause);
        pause
    }

    /// A message failed for a reason that may concern only this message.
    pub(super) fn fail_at(&mut self, place: i64, now: Instant) {
        if self.failed.len() < SUSPICIOUS_FAILURES {
            self.failed.insert(place);
        }
        if self.failed.len() >= SUSPICIOUS_FAILURES && self.pause_end(now).is_none() {
            self.had_problem = true;
            self.until = Some(now + self.backoff.delay_after(1));
        }
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
        let first = server.fail(now, Duration::ZERO);
        assert!((SECOND..=SECOND * 2).contains(&first), "{first:?}");
        assert_eq!(server.fail(now, Duration::ZERO), first, "the attempt was under way");
        let second = server.fail(now + first, Duration::ZERO);
        assert!((SECOND * 2..=SECOND * 4).contains(&second), "{second:?}");
        assert_eq!(server.fail(now + first + second, SECOND * 90), SECOND * 90, "the server asks for it");
        assert!(server.works());
        assert_eq!(server.pause_end(now), None);
        assert!(!server.works());
    }

    #[test]
    fn a_few_messages_that_fail_again_and_again_delay_no_other() {
        let (mut server, now) = (server(), Instant::now());
        for place in [1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4] {
            server.fail_at(place, now);
        }
        assert_eq!(server.pause_end(now), None);
        assert!(!server.works(), "there was no problem of all messages");
    }

    #[test]
    fn many_messages_that_fail_one_after_the_other_are_tried_one_at_a_time_until_one_is_sent() {
        let (mut server, now) = (server(), Instant::now());
        for place in 0..100 {
            server.fail_at(place, now);
        }
        let mut until = server.pause_end(now).expect("a pause");
        for _ in 0..10 {
            server.fail_at(7, until);
            let next = server.pause_end(until).expect("another pause");
            assert!((SECOND..=SECOND * 2).contains(&(next - until)), "it does not grow");
            until = next;
        }
        assert!(server.works());
        server.fail_at(8, until);
        assert_eq!(server.pause_end(until), None);
    }
}
