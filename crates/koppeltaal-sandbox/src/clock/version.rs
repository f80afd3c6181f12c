//! [`Version`]: the opaque text that names one state of a resource. A [`VersionClock`] gives versions out, to
//! one [`Step`] of the sandbox's state at a time.

use std::fmt;
use std::sync::Arc;

use koppeltaal_fhir::primitives::Instant;
use serde::{Deserialize, Serialize};

use super::timestamp::Timestamp;

/// A version as Koppeltaal servers write it: `2020-08-15T07:33:55:708.2583`.
///
/// It is a UTC time with unusual separators: a colon before the milliseconds, then a point and the ticks of
/// 100 nanoseconds within the millisecond, padded to four digits. All parts have a fixed width, so a later
/// version is greater as text. Deployed clients rely on that.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Version(Arc<str>);

impl Version {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The time when the version was given out, as FHIR writes it, in UTC with milliseconds; `None` for a
    /// version that somebody else gave out in another form.
    pub(crate) fn instant(&self) -> Option<Instant> {
        let (time, _ticks) = self.0.rsplit_once('.')?;
        let (second, milliseconds) = time.rsplit_once(':')?;
        [second, ".", milliseconds, "Z"].concat().parse().ok()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Version {
    /// A version as a message gives it. It is not checked.
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<Timestamp> for Version {
    fn from(moment: Timestamp) -> Self {
        let instant = moment.instant();
        // `2020-08-15T07:33:55.708Z`
        let (second, milliseconds) = instant.as_str().split_once('.').unwrap_or_default();
        let milliseconds = milliseconds.strip_suffix('Z').unwrap_or(milliseconds);
        let ticks = moment.ticks_of_millisecond();
        let mut text = String::with_capacity("2020-08-15T07:33:55:708.2583".len());
        text.extend([second, ":", milliseconds, "."]);
        // Digit by digit: versions are given out by the thousand, and `format!` is slow.
        text.extend([1000, 100, 10, 1].map(|unit| char::from(b'0' + (ticks / unit % 10) as u8)));
        Self(text.into())
    }
}

/// Remembers the last version, so that the next one is greater, even when the machine's clock stands still or
/// goes back.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct VersionClock {
    last: Option<Timestamp>,
}

impl VersionClock {
    /// The time of the last version.
    pub(crate) fn last(&self) -> Option<Timestamp> {
        self.last
    }

    /// A step that happens now.
    pub(crate) fn step(&mut self, now: Timestamp) -> Step<'_> {
        Step { clock: self, now }
    }

    /// Makes all further versions later than this.
    pub(crate) fn raise(&mut self, moment: Timestamp) {
        self.last = self.last.max(Some(moment));
    }
}

/// One step of the state: when it happens, and where it gets its versions from.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    clock: &'a mut VersionClock,
    now: Timestamp,
}

impl Step<'_> {
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// The same step, for something that was due at an earlier moment: the end of a claim.
    pub(crate) fn at(&mut self, moment: Timestamp) -> Step<'_> {
        Step { clock: self.clock, now: moment }
    }

    /// The next version.
    pub(crate) fn version(&mut self) -> Version {
        let moment = self.clock.last.map_or(self.now, |last| self.now.max(last.next_tick()));
        self.clock.last = Some(moment);
        moment.into()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_version_looks_like_those_of_the_original_server() {
        let moment = Timestamp::from_unix(Duration::new(1_597_476_835, 708_258_300));
        assert_eq!(Version::from(moment).as_str(), "2020-08-15T07:33:55:708.2583");
    }

    #[test]
    fn a_version_tells_when_it_was_given_out() {
        let moment = Timestamp::from_unix(Duration::new(1_597_476_835, 8_258_300));
        assert_eq!(Version::from(moment).instant(), Some(moment.instant()));
        assert_eq!(Version::from("7").instant(), None);
    }

    #[test]
    fn the_ticks_are_padded() {
        let moment = Timestamp::from_unix(Duration::new(1_597_476_835, 8_000_700));
        assert_eq!(Version::from(moment).as_str(), "2020-08-15T07:33:55:008.0007");
    }

    #[test]
    fn versions_grow_as_text_while_the_clock_stands_still() {
        let mut clock = VersionClock::default();
        let now = Timestamp::from_unix(Duration::new(1_597_476_835, 999_999_800));
        let versions: Vec<Version> = (0..20_000).map(|_| clock.step(now).version()).collect();
        assert!(versions.windows(2).all(|pair| pair[0].as_str() < pair[1].as_str()));
        assert_eq!(versions[2].as_str(), "2020-08-15T07:33:56:000.0000");
    }

    #[test]
    fn versions_grow_as_text_when_the_clock_goes_back() {
        let mut clock = VersionClock::default();
        let first = clock.step(Timestamp::from_unix(Duration::from_secs(1_600_000_000))).version();
        let second = clock.step(Timestamp::from_unix(Duration::from_secs(1_500_000_000))).version();
        assert!(first.as_str() < second.as_str());
    }
}
