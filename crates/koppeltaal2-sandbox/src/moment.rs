//! [`Moment`]: a point in time in microseconds, as versions of resources have it.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use koppeltaal_r4::primitives::Instant;

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Moment(i64);

impl Moment {
    pub(crate) const MIN: Self = Self(i64::MIN);
    pub(crate) const MAX: Self = Self(i64::MAX);

    /// Now, by the machine's clock.
    pub(crate) fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    pub(crate) const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The next one, a microsecond later.
    pub(crate) const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The time of the machine, for headers of HTTP.
    pub(crate) fn to_system_time(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_micros(u64::try_from(self.0).unwrap_or_default())
    }

    /// As the value of `meta.lastUpdated`.
    pub(crate) fn to_instant(self) -> Instant {
        self.to_string().parse().unwrap_or_else(|_| Instant::now())
    }
}

impl fmt::Display for Moment {
    /// In UTC with six digits of a second: `2026-03-30T10:00:00.000001Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(timestamp) => write!(f, "{timestamp:.6}"),
            Err(_) => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_with_microseconds_in_utc() {
        let moment = Moment::from_micros(1_774_864_800_000_001);
        assert_eq!(moment.to_string(), "2026-03-30T10:00:00.000001Z");
        assert_eq!(moment.to_instant().to_string(), moment.to_string());
        assert!(moment < moment.next());
    }
}
