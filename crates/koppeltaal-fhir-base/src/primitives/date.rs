//! `date`, `dateTime` and `instant`: partial or exact, kept as written, with typed parts on demand.
//!
//! The schema's rules (proleptic Gregorian calendar, offset up to 14:00, `24:00:00` as the end of a day)
//! decide what parses. An offset may be missing, as in real messages.

use std::borrow::Cow;

use super::scalar::{Reading, Scalar, ScalarKind};
use super::{is_xml_space, lexical};

/// How much of a date is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// `YYYY`
    Year,
    /// `YYYY-MM`
    Month,
    /// `YYYY-MM-DD`
    Day,
    /// With a time of day; fractions of a second as written.
    Time,
}

/// What the text of a date says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fields {
    precision: Precision,
    year: i16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    nanosecond: u32,
    /// Minutes east of UTC; `None` when the text does not say.
    offset: Option<i16>,
}

macro_rules! date_type {
    ($(#[$doc:meta])* $name:ident, $least:ident ..= $most:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub struct $name(String);

        lexical!($name);

        impl Scalar for $name {
            const KIND: ScalarKind = ScalarKind::$name;

            fn read(text: &str) -> Reading<Self> {
                let trimmed = text.trim_matches(is_xml_space);
                match fields(trimmed) {
                    Some(fields) if (Precision::$least..=Precision::$most).contains(&fields.precision) => {
                        // The prose of the standard: an offset behind a time, and only there.
                        let has_time = fields.precision == Precision::Time;
                        let read = if fields.offset.is_some() == has_time { Reading::Valid } else { Reading::Lax };
                        read(Self(trimmed.to_owned()))
                    }
                    _ => Reading::Unreadable,
                }
            }

            fn to_text(&self) -> Cow<'_, str> {
                Cow::Borrowed(&self.0)
            }

            fn is_text(&self, text: &str) -> bool {
                self.0.len() == text.len()
            }
        }

        impl $name {
            /// How much of the date is given.
            pub fn precision(&self) -> Precision {
                self.fields().precision
            }

            /// The year.
            pub fn year(&self) -> i16 {
                self.fields().year
            }

            /// The month, 1 to 12, if given.
            pub fn month(&self) -> Option<u8> {
                let fields = self.fields();
                (fields.precision >= Precision::Month).then_some(fields.month)
            }

            /// The day of the month, from 1, if given.
            pub fn day(&self) -> Option<u8> {
                let fields = self.fields();
                (fields.precision >= Precision::Day).then_some(fields.day)
            }

            fn fields(&self) -> Fields {
                // Only parsed text gets into the type, so the other arm is never taken.
                fields(&self.0).unwrap_or(Fields {
                    precision: Precision::Year, year: 0, month: 1, day: 1, hour: 0, minute: 0, second: 0, nanosecond: 0, offset: None,
                })
            }
        }
    };
}

macro_rules! time_parts {
    ($name:ident) => {
        impl $name {
            /// Hour (0 to 23, or 24 for midnight at the day's end), minute and second, if a time is given.
            pub fn time(&self) -> Option<(u8, u8, u8)> {
                let fields = self.fields();
                (fields.precision == Precision::Time).then_some((fields.hour, fields.minute, fields.second))
            }

            /// Nanoseconds of the second; digits beyond the ninth are in the text only.
            pub fn nanosecond(&self) -> u32 {
                self.fields().nanosecond
            }

            /// The offset from UTC in minutes, east positive. `None` when the text does not say, which real
            /// messages do.
            pub fn offset_minutes(&self) -> Option<i16> {
                self.fields().offset
            }

            /// Seconds since 1970-01-01T00:00:00Z, when date, time and offset are all given.
            pub fn unix_seconds(&self) -> Option<i64> {
                let fields = self.fields();
                if fields.precision != Precision::Time {
                    return None;
                }
                let day =
                    days_since_1970(i64::from(fields.year), i64::from(fields.month), i64::from(fields.day));
                let clock =
                    i64::from(fields.hour) * 3600 + i64::from(fields.minute) * 60 + i64::from(fields.second);
                Some(day * 86_400 + clock - i64::from(fields.offset?) * 60)
            }
        }
    };
}

date_type! {
    /// A `date`: a year, a month or a day.
    Date, Year..=Day
}
date_type! {
    /// A `dateTime`: a year, a month, a day, or a time to the second, normally with an offset.
    DateTime, Year..=Time
}
date_type! {
    /// An `instant`: a time to the second or finer, normally with an offset.
    Instant, Time..=Time
}
time_parts!(DateTime);
time_parts!(Instant);

impl From<Instant> for DateTime {
    fn from(instant: Instant) -> Self {
        Self(instant.0)
    }
}

impl From<Date> for DateTime {
    fn from(date: Date) -> Self {
        Self(date.0)
    }
}

impl Instant {
    /// The instant that lies this long after 1970-01-01T00:00:00Z, written in UTC with milliseconds.
    pub fn from_unix(since: std::time::Duration) -> Self {
        let seconds = since.as_secs() as i64;
        let (year, month, day) = date_of(seconds.div_euclid(86_400));
        let clock = seconds.rem_euclid(86_400);
        let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
        Self(format!(
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z",
            since.subsec_millis()
        ))
    }

    /// Now, by the machine's clock, written in UTC with milliseconds.
    pub fn now() -> Self {
        Self::from_unix(
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default(),
        )
    }
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar, counted in 400-year eras that start in
/// March.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days_since_1970`].
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

fn days_in_month(year: i16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Takes `count` digits off the front.
fn digits(text: &mut &[u8], count: usize) -> Option<u16> {
    let (front, rest) = text.split_at_checked(count)?;
    *text = rest;
    front
        .iter()
        .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u16::from(byte - b'0')))
}

/// Takes `byte` off the front if it is there.
fn take(text: &mut &[u8], byte: u8) -> bool {
    match text.strip_prefix(&[byte]) {
        Some(rest) => {
            *text = rest;
            true
        }
        None => false,
    }
}

fn fields(text: &str) -> Option<Fields> {
    let mut rest = text.as_bytes();
    let year = digits(&mut rest, 4)? as i16;
    let mut fields = Fields {
        precision: Precision::Year,
        year,
        month: 1,
        day: 1,
        hour: 0,
        minute: 0,
        second: 0,
        nanosecond: 0,
        offset: None,
    };
    // XSD 1.0 has no year zero.
    if year == 0 {
        return None;
    }
    // `2014-01` is a month, `2014-01:00` a year with an offset: the colon tells.
    if rest.first() == Some(&b'-') && rest.get(3) != Some(&b':') {
        rest = &rest[1..];
        fields.month = digits(&mut rest, 2)? as u8;
        fields.precision = Precision::Month;
        if !(1..=12).contains(&fields.month) {
            return None;
        }
        if rest.first() == Some(&b'-') && rest.get(3) != Some(&b':') {
            rest = &rest[1..];
            fields.day = digits(&mut rest, 2)? as u8;
            fields.precision = Precision::Day;
            if !(1..=days_in_month(year, fields.month)).contains(&fields.day) {
                return None;
            }
            if take(&mut rest, b'T') {
                time(&mut rest, &mut fields)?;
            }
        }
    }
    fields.offset = offset(&mut rest)?;
    rest.is_empty().then_some(fields)
}

fn time(rest: &mut &[u8], fields: &mut Fields) -> Option<()> {
    fields.precision = Precision::Time;
    fields.hour = digits(rest, 2)? as u8;
    if !take(rest, b':') {
        return None;
    }
    fields.minute = digits(rest, 2)? as u8;
    if !take(rest, b':') {
        return None;
    }
    fields.second = digits(rest, 2)? as u8;
    if take(rest, b'.') {
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return None;
        }
        let (fraction, after) = rest.split_at(count);
        *rest = after;
        let padded = fraction.iter().copied().chain(std::iter::repeat(b'0')).take(9);
        fields.nanosecond = padded.fold(0, |number, byte| number * 10 + u32::from(byte - b'0'));
    }
    let end_of_day = fields.hour == 24 && fields.minute == 0 && fields.second == 0 && fields.nanosecond == 0;
    (end_of_day || fields.hour < 24 && fields.minute < 60 && fields.second < 60).then_some(())
}

/// `Some(None)` when there is no offset, `None` when it is malformed.
fn offset(rest: &mut &[u8]) -> Option<Option<i16>> {
    let sign = match rest.first() {
        None => return Some(None),
        Some(b'Z') => {
            *rest = &rest[1..];
            return Some(Some(0));
        }
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) => return None,
    };
    *rest = &rest[1..];
    let hours = digits(rest, 2)? as i16;
    if !take(rest, b':') {
        return None;
    }
    let minutes = digits(rest, 2)? as i16;
    (minutes < 60 && hours * 60 + minutes <= 14 * 60).then_some(Some(sign * (hours * 60 + minutes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_schema_allows_parses_and_stays_as_written() {
        for text in [
            "1970",
            "1970-03",
            "1970-03-30",
            "2016-07-15T14:32:49.4946374+02:00",
            "1983-02-18T00:00:00",
            "2014-01:00",
            "2014-02-28T24:00:00Z",
            "2014-01-01T00:00:00.000-00:00",
            "2012-02-29",
            "2014-01+14:00",
        ] {
            assert_eq!(text.parse::<DateTime>().map(String::from).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_the_schema_refuses_does_not_parse() {
        for text in [
            "",
            "70",
            "2014-13",
            "2014-02-30",
            "2013-02-29",
            "2014-01-01T10",
            "2014-01-01T10:15",
            "2014/10/23 00:00:00",
            "2014-01-01T25:00:00Z",
            "2014-01-01T10:15:60Z",
            "2014-01-01T10:15:00.",
            "2014-01-01T10:15:00+15:00",
            "0000",
            "2014-01-01T24:00:01Z",
            "2014-1-1",
            "2014-01-01 ",
            "Hl7.Fhir.Model.FhirDateTime",
        ] {
            let trailing_blank_is_trimmed = text.ends_with(' ');
            assert_eq!(text.parse::<DateTime>().is_ok(), trailing_blank_is_trimmed, "{text:?}");
        }
        assert!("2014-01-01T10:15:00Z".parse::<Date>().is_err());
        assert!("2014-01-01".parse::<Instant>().is_err());
    }

    #[test]
    fn parts_and_points_in_time_are_given_on_demand() {
        let instant: Instant = "2016-07-15T14:32:49.4946374+02:00".parse().expect("an instant");
        assert_eq!(instant.time(), Some((14, 32, 49)));
        assert_eq!(instant.nanosecond(), 494_637_400);
        assert_eq!(instant.offset_minutes(), Some(120));
        assert_eq!(instant.unix_seconds(), Some(1_468_585_969));
        let month: DateTime = "1970-03".parse().expect("a month");
        assert_eq!((month.year(), month.month(), month.day()), (1970, Some(3), None));
        assert_eq!(month.unix_seconds(), None);
    }

    #[test]
    fn an_instant_made_from_a_clock_reads_back_as_the_same_second() {
        for seconds in [0, 951_782_400, 1_468_585_969, 4_102_444_799] {
            let instant = Instant::from_unix(std::time::Duration::from_secs(seconds));
            assert_eq!(instant.unix_seconds(), Some(seconds as i64), "{instant}");
            assert_eq!(instant.to_string().parse::<Instant>().as_ref(), Ok(&instant));
        }
    }
}
