//! [`Timestamp`]: a point in time. Steps get theirs from outside, so tests decide what time it is.

use std::cell::RefCell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use koppeltaal_fhir::primitives::Instant;
use serde::{Deserialize, Serialize};

/// A tick is 100 nanoseconds: the resolution of the original server's clock, which shows in its versions.
const TICK_NANOS: u128 = 100;
const TICKS_PER_MILLISECOND: u64 = 10_000;

/// A point in time, counted in ticks of 100 nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Timestamp(u64);

impl Timestamp {
    /// The time of the machine's clock.
    pub(crate) fn now() -> Self {
        Self::from_unix(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    /// The time this long after 1970-01-01T00:00:00Z.
    pub(crate) fn from_unix(since: Duration) -> Self {
        Self(u64::try_from(since.as_nanos() / TICK_NANOS).unwrap_or(u64::MAX))
    }

    /// The time `later` after this one.
    pub(crate) fn after(self, later: Duration) -> Self {
        Self(self.0.saturating_add(Self::from_unix(later).0))
    }

    /// The next tick.
    pub(crate) fn next_tick(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The time as FHIR writes it, in UTC with milliseconds.
    pub(crate) fn instant(self) -> Instant {
        thread_local! {
            /// The last one: most of what a request writes, versions included, falls into one millisecond.
            static LAST: RefCell<Option<(u64, Instant)>> = const { RefCell::new(None) };
        }
        let millisecond = self.0 / TICKS_PER_MILLISECOND;
        LAST.with_borrow_mut(|last| match last {
            Some((of, instant)) if *of == millisecond => instant.clone(),
            _ => {
                let near = last.as_ref().filter(|(of, _)| of / 1000 == millisecond / 1000);
                let instant = near
                    .and_then(|(_, near)| at_millisecond(near, millisecond % 1000))
                    .unwrap_or_else(|| Instant::from_unix(Duration::from_millis(millisecond)));
                *last = Some((millisecond, instant.clone()));
                instant
            }
        })
    }

    /// The ticks within the millisecond, 0 to 9999.
    pub(crate) fn ticks_of_millisecond(self) -> u64 {
        self.0 % TICKS_PER_MILLISECOND
    }
}

/// The same second, at this millisecond. The calendar is not computed again for each request.
fn at_millisecond(instant: &Instant, millisecond: u64) -> Option<Instant> {
    let (second, _) = instant.as_str().split_once('.')?;
    let mut text = String::with_capacity(instant.as_str().len());
    text.extend([second, "."]);
    text.extend([100, 10, 1].map(|unit| char::from(b'0' + (millisecond / unit % 10) as u8)));
    text.push('Z');
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_one_second_are_written_like_those_of_another() {
        for milliseconds in [1_597_476_835_708, 1_597_476_835_709, 1_597_476_835_004, 1_597_476_836_000, 0, 7]
        {
            let since = Duration::from_millis(milliseconds);
            assert_eq!(Timestamp::from_unix(since).instant(), Instant::from_unix(since));
        }
    }
}
