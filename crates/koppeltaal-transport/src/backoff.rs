//! How long to wait between tries. It decides nothing else: who waits, and whether to try again, is the caller's.

use std::time::Duration;

/// Waiting times that double, from `shortest` to `longest`.
///
/// Each is chosen at random between a base and twice that, so that many clients do not come back at one moment. The base is
/// `shortest` after the first failure and doubles with each further one. No waiting time is below `shortest` or above
/// `longest`. Where the two are equal, so are all waiting times; where `shortest` is zero, all are zero.
///
/// ```
/// use std::time::Duration;
/// use koppeltaal_transport::Backoff;
///
/// let seconds = Duration::from_secs;
/// let mut backoff = Backoff::new(seconds(1), seconds(60));
/// assert!((seconds(1)..=seconds(2)).contains(&backoff.next_delay()));
/// assert!((seconds(2)..=seconds(4)).contains(&backoff.next_delay()));
/// // It worked: the next failure is a first one again.
/// backoff.reset();
/// assert!((seconds(1)..=seconds(2)).contains(&backoff.next_delay()));
///
/// // For a count of failures that is kept elsewhere, such as in a database:
/// assert!((seconds(30)..=seconds(60)).contains(&backoff.delay_after(100)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    shortest: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// Waits `shortest` at least and `longest` at most; a `shortest` above `longest` counts as `longest`.
    pub fn new(shortest: Duration, longest: Duration) -> Self {
        Self { shortest: shortest.min(longest), longest, failures: 0 }
    }

    /// Counts a failure, and says how long to wait before the next try.
    pub fn next_delay(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.delay_after(self.failures)
    }

    /// How long to wait after this many failures in a row. None is treated as one.
    pub fn delay_after(&self, failures: u32) -> Duration {
        // With 31 doublings, a millisecond becomes 24 days.
        let doublings = failures.saturating_sub(1).min(31);
        let largest_base = self.shortest.max(self.longest / 2);
        let base = self.shortest.saturating_mul(1 << doublings).min(largest_base);
        let stretched = base.saturating_mul(2).min(self.longest);
        base.saturating_add((stretched - base).mul_f64(fastrand::f64())).min(stretched)
    }

    /// Starts from `shortest` again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn duration() -> impl Strategy<Value = Duration> {
        let any =
            (any::<u64>(), 0..1_000_000_000_u32).prop_map(|(seconds, nanos)| Duration::new(seconds, nanos));
        prop_oneof![
            any,
            (0..100_000_u64).prop_map(Duration::from_millis),
            Just(Duration::ZERO),
            Just(Duration::MAX)
        ]
    }

    proptest! {
        #[test]
        fn no_delay_is_below_the_shortest_or_above_the_longest(
            shortest in duration(),
            longest in duration(),
            failures in prop_oneof![any::<u32>(), 0..40_u32],
        ) {
            let delay = Backoff::new(shortest, longest).delay_after(failures);
            prop_assert!((shortest.min(longest)..=longest).contains(&delay), "{delay:?}");
        }

        #[test]
        fn delays_double_within_a_random_stretch_until_the_longest_is_reached(
            shortest in 1..1_000_u64,
            longest in 1..1_000_000_u64,
            failures in 1..30_u32,
        ) {
            let (shortest, longest) = (Duration::from_millis(shortest), Duration::from_millis(longest));
            let mut backoff = Backoff::new(shortest, longest);
            let delay = (0..failures).map(|_| backoff.next_delay()).last().expect("a delay");
            let base = shortest * (1 << (failures - 1));
            prop_assert!(delay <= base * 2, "{delay:?}");
            prop_assert!(delay >= base.min(longest / 2), "{delay:?}");
        }

        #[test]
        fn a_reset_begins_with_the_shortest_again(failures in 0..40_u32) {
            let shortest = Duration::from_millis(100);
            let mut backoff = Backoff::new(shortest, Duration::from_secs(60));
            for _ in 0..failures {
                backoff.next_delay();
            }
            backoff.reset();
            prop_assert!((shortest..=shortest * 2).contains(&backoff.next_delay()));
        }
    }

    #[test]
    fn delays_are_spread() {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
        let delays: std::collections::BTreeSet<_> = (0..100).map(|_| backoff.delay_after(3)).collect();
        assert!(delays.len() > 90, "{delays:?}");
    }

    #[test]
    fn equal_limits_give_equal_delays() {
        let delay = Duration::from_secs(3);
        let mut backoff = Backoff::new(delay, delay);
        assert!((0..10).all(|_| backoff.next_delay() == delay));
    }
}
