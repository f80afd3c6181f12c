//! What conversions of dates and times to and from the types of other crates have in common: the error, and
//! the implementations, made by a macro of what a crate's types can do.
//!
//! A value of those crates is exact, one of FHIR need not be: a year is no day, and a time without offset is
//! no point in time. Such values give an error that says what is missing; nothing is made up.

use std::fmt;

/// A value that the target type cannot hold. `Display` and `Debug` say what was expected. They leave the
/// value out, because it may be a birth date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateConversionError {
    pub(super) expected: &'static str,
}

impl fmt::Display for DateConversionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.expected)
    }
}

impl std::error::Error for DateConversionError {}

pub(super) const DAY: &str = "a day (YYYY-MM-DD)";
pub(super) const POINT_IN_TIME: &str = "a time with an offset from UTC";
pub(super) const YEAR: &str = "a year from 1 to 9999";

pub(super) fn error(expected: &'static str) -> DateConversionError {
    DateConversionError { expected }
}

/// The conversions of a crate's type for a day:
///
/// - `from`: the day of a year, month and day; `None` if there is none;
/// - `to`: its year, month and day.
macro_rules! days {
    ($day:ty, from: $from:expr, to: $to:expr) => {
        days!(@read $day, $from, Date, "The day.");
        days!(@read $day, $from, DateTime, "The day as it is written, whatever the offset says.");

        impl TryFrom<$day> for Date {
            type Error = DateConversionError;

            /// # Errors
            ///
            /// A year before 1, which XML Schema does not write with four digits.
            fn try_from(day: $day) -> Result<Self, DateConversionError> {
                let (year, month, day) = $to(day);
                format!("{year:04}-{month:02}-{day:02}").parse().map_err(|_| error(YEAR))
            }
        }

        impl TryFrom<$day> for DateTime {
            type Error = DateConversionError;

            /// # Errors
            ///
            /// A year before 1.
            fn try_from(day: $day) -> Result<Self, DateConversionError> {
                Date::try_from(day).map(Self::from)
            }
        }
    };
    (@read $day:ty, $from:expr, $own:ident, $doc:literal) => {
        impl TryFrom<&$own> for $day {
            type Error = DateConversionError;

            #[doc = $doc]
            ///
            /// # Errors
            ///
            /// A year or a month, which is no day.
            fn try_from(value: &$own) -> Result<Self, DateConversionError> {
                let parts = value.month().zip(value.day());
                let day = parts.and_then(|(month, day)| $from(value.year(), month, day));
                day.ok_or_else(|| error(DAY))
            }
        }
    };
}

/// The conversions of a crate's type for a point in time. `from` makes it of seconds since 1970 and
/// nanoseconds; `None` if the type does not reach that far.
macro_rules! read_points_in_time {
    ($point:ty, from: $from:expr) => {
        read_points_in_time!(@read $point, $from, DateTime Instant);
    };
    (@read $point:ty, $from:expr, $($own:ident)*) => {$(
        impl TryFrom<&$own> for $point {
            type Error = DateConversionError;

            /// The point in time, to the nanosecond, in UTC.
            ///
            /// # Errors
            ///
            /// A time without offset, or a date without time.
            fn try_from(value: &$own) -> Result<Self, DateConversionError> {
                let seconds = value.unix_seconds().ok_or_else(|| error(POINT_IN_TIME))?;
                $from(seconds, value.nanosecond()).ok_or_else(|| error(POINT_IN_TIME))
            }
        }
    )*};
}

/// The conversions of a crate's type for a point in time into FHIR. `to` writes it as XML Schema does.
macro_rules! write_points_in_time {
    ($point:ty, $doc:literal, to: $to:expr) => {
        write_points_in_time!(@write $point, $doc, $to, DateTime Instant);
    };
    (@write $point:ty, $doc:literal, $to:expr, $($own:ident)*) => {$(
        impl TryFrom<$point> for $own {
            type Error = DateConversionError;

            #[doc = $doc]
            ///
            /// # Errors
            ///
            /// A year before 1.
            fn try_from(point: $point) -> Result<Self, DateConversionError> {
                $to(point).parse().map_err(|_| error(YEAR))
            }
        }
    )*};
}

pub(super) use {days, read_points_in_time, write_points_in_time};
