//! To and from the types of the date-time crate jiff (feature `jiff`).
//!
//! A value of jiff is exact, one of FHIR need not be: a year is no day, and a time without offset is no
//! point in time. Such values give an error that says what is missing; nothing is made up.

use std::fmt;

use ::jiff::civil;
use ::jiff::{Timestamp, ZonedDateTime};

use super::{Date, DateTime, Instant};

/// A value that the target type cannot hold. `Display` and `Debug` say what was expected. They leave the
/// value out, because it may be a birth date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateConversionError {
    expected: &'static str,
}

impl fmt::Display for DateConversionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.expected)
    }
}

impl std::error::Error for DateConversionError {}

const DAY: &str = "a day (YYYY-MM-DD)";
const POINT_IN_TIME: &str = "a time with an offset from UTC";
const YEAR: &str = "a year from 1 to 9999";

fn error(expected: &'static str) -> DateConversionError {
    DateConversionError { expected }
}

/// The day, if the text gives one.
fn day(year: i16, month: Option<u8>, day: Option<u8>) -> Option<civil::Date> {
    civil::Date::new(year, i8::try_from(month?).ok()?, i8::try_from(day?).ok()?).ok()
}

impl TryFrom<&Date> for civil::Date {
    type Error = DateConversionError;

    /// # Errors
    ///
    /// A year or a month, which is no day.
    fn try_from(date: &Date) -> Result<Self, DateConversionError> {
        day(date.year(), date.month(), date.day()).ok_or_else(|| error(DAY))
    }
}

impl TryFrom<&DateTime> for civil::Date {
    type Error = DateConversionError;

    /// The day as it is written, whatever the offset says.
    ///
    /// # Errors
    ///
    /// A year or a month, which is no day.
    fn try_from(date: &DateTime) -> Result<Self, DateConversionError> {
        day(date.year(), date.month(), date.day()).ok_or_else(|| error(DAY))
    }
}

impl TryFrom<civil::Date> for Date {
    type Error = DateConversionError;

    /// # Errors
    ///
    /// A year before 1, which XML Schema does not write with four digits.
    fn try_from(date: civil::Date) -> Result<Self, DateConversionError> {
        let text = format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day());
        text.parse().map_err(|_| error(YEAR))
    }
}

impl TryFrom<civil::Date> for DateTime {
    type Error = DateConversionError;

    /// # Errors
    ///
    /// A year before 1.
    fn try_from(date: civil::Date) -> Result<Self, DateConversionError> {
        Date::try_from(date).map(Self::from)
    }
}

/// The types that hold a point in time.
macro_rules! points_in_time {
    ($($name:ident)*) => {$(
        impl TryFrom<&$name> for Timestamp {
            type Error = DateConversionError;

            /// The point in time, to the nanosecond.
            ///
            /// # Errors
            ///
            /// A time without offset, or a date without time.
            fn try_from(value: &$name) -> Result<Self, DateConversionError> {
                let seconds = value.unix_seconds().ok_or_else(|| error(POINT_IN_TIME))?;
                let nanosecond = i32::try_from(value.nanosecond()).unwrap_or_default();
                Timestamp::new(seconds, nanosecond).map_err(|_| error(POINT_IN_TIME))
            }
        }

        impl TryFrom<Timestamp> for $name {
            type Error = DateConversionError;

            /// The point in time, written in UTC.
            ///
            /// # Errors
            ///
            /// A year before 1.
            fn try_from(timestamp: Timestamp) -> Result<Self, DateConversionError> {
                timestamp.to_string().parse().map_err(|_| error(YEAR))
            }
        }

        impl TryFrom<&ZonedDateTime> for $name {
            type Error = DateConversionError;

            /// The point in time, written with the zone's offset at that time, to the minute.
            ///
            /// # Errors
            ///
            /// A year before 1.
            fn try_from(zoned: &ZonedDateTime) -> Result<Self, DateConversionError> {
                let text = zoned.strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string();
                text.parse().map_err(|_| error(YEAR))
            }
        }
    )*};
}

points_in_time! { DateTime Instant }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_exact_goes_both_ways() {
        let date: Date = "1970-03-30".parse().expect("a date");
        let day = civil::Date::try_from(&date).expect("a day");
        assert_eq!(day, civil::date(1970, 3, 30));
        assert_eq!(Date::try_from(day), Ok(date));
        let instant: Instant = "2016-07-15T14:32:49.4946374+02:00".parse().expect("an instant");
        let timestamp = Timestamp::try_from(&instant).expect("it has an offset");
        assert_eq!(timestamp.to_string(), "2016-07-15T12:32:49.4946374Z");
        assert_eq!(
            Instant::try_from(timestamp).map(String::from).as_deref(),
            Ok("2016-07-15T12:32:49.4946374Z")
        );
        let zone = ::jiff::tz::TimeZone::fixed(::jiff::tz::offset(2));
        assert_eq!(Instant::try_from(&timestamp.to_zoned_datetime(zone)), Ok(instant));
    }

    #[test]
    fn what_is_not_exact_is_refused() {
        let month: DateTime = "1970-03".parse().expect("a month");
        let error = civil::Date::try_from(&month).expect_err("no day");
        assert_eq!(error.to_string(), "expected a day (YYYY-MM-DD)");
        let local: Instant = "1983-02-18T00:00:00".parse().expect("an instant without offset");
        let error = Timestamp::try_from(&local).expect_err("no offset");
        assert_eq!(error.to_string(), "expected a time with an offset from UTC");
        assert!(!format!("{error:?}").contains("1983"), "it may be a birth date");
        assert!(Date::try_from(civil::Date::MIN).is_err());
        assert!(Instant::try_from(Timestamp::MIN).is_err());
    }
}
