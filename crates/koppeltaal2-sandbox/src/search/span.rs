//! [`Span`]: the time that a date means, from its start to its end, and how two of them compare.

use jiff::civil;
use koppeltaal_r4::primitives::{DateTime, Precision};

use crate::moment::Moment;

/// A stretch of time. A day is 24 hours long, a time with milliseconds one millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: Moment,
    /// The first moment after it.
    pub(crate) end: Moment,
}

/// How a date of a resource has to lie, by the prefixes of FHIR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prefix {
    Eq,
    Ne,
    Gt,
    Lt,
    Ge,
    Le,
    Sa,
    Eb,
    Ap,
}

const PREFIXES: [(&str, Prefix); 9] = [
    ("eq", Prefix::Eq),
    ("ne", Prefix::Ne),
    ("gt", Prefix::Gt),
    ("lt", Prefix::Lt),
    ("ge", Prefix::Ge),
    ("le", Prefix::Le),
    ("sa", Prefix::Sa),
    ("eb", Prefix::Eb),
    ("ap", Prefix::Ap),
];

impl Prefix {
    /// Takes the prefix off a value of a search.
    pub(crate) fn split(value: &str) -> (Self, &str) {
        let known = PREFIXES.iter().find_map(|(text, prefix)| Some((*prefix, value.strip_prefix(text)?)));
        known.unwrap_or((Self::Eq, value))
    }

    /// Whether the time of a resource lies so against the `wanted` one (FHIR R4, section 3.1.1.5.6).
    pub(crate) fn holds(self, own: Span, wanted: Span) -> bool {
        let is_inside = wanted.start <= own.start && own.end <= wanted.end;
        match self {
            Self::Eq => is_inside,
            Self::Ne => !is_inside,
            Self::Gt => own.end > wanted.end,
            Self::Lt => own.start < wanted.start,
            Self::Ge => own.end > wanted.end || is_inside,
            Self::Le => own.start < wanted.start || is_inside,
            Self::Sa => own.start >= wanted.end,
            Self::Eb => own.end <= wanted.start,
            Self::Ap => own.start < wanted.end && wanted.start < own.end,
        }
    }
}

impl Span {
    /// From one date to another; an absent one means that there is no bound.
    pub(crate) fn between(start: Option<Self>, end: Option<Self>) -> Self {
        Self {
            start: start.map_or(Moment::MIN, |span| span.start),
            end: end.map_or(Moment::MAX, |span| span.end),
        }
    }

    /// The time that a date, dateTime or instant means. Without an offset it is taken to be in UTC. Searches
    /// may leave out the seconds.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let date: DateTime = text.parse().or_else(|_| with_seconds(text).parse()).ok()?;
        let (year, month, day) = (date.year(), date.month().unwrap_or(1), date.day().unwrap_or(1));
        let first = civil::Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
        let next = match date.precision() {
            Precision::Year => first.checked_add(jiff::Span::new().years(1)),
            Precision::Month => first.checked_add(jiff::Span::new().months(1)),
            Precision::Day => first.tomorrow(),
            Precision::Time => return Self::time(first, &date),
        };
        // The last day of the calendar has no next one.
        let end = next.map_or(Moment::MAX, |next| Moment::from_micros(midnight(next)));
        Some(Self { start: Moment::from_micros(midnight(first)), end })
    }

    fn time(day: civil::Date, date: &DateTime) -> Option<Self> {
        let (hour, minute, second) = date.time()?;
        let clock = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second)
            - i64::from(date.offset_minutes().unwrap_or_default()) * 60;
        let start = midnight(day) + clock * 1_000_000 + i64::from(date.nanosecond() / 1000);
        let text = date.to_string();
        let digits =
            text.split_once('.').map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
        let length = 10_i64.pow(6 - u32::try_from(digits.min(6)).unwrap_or(6));
        Some(Self { start: Moment::from_micros(start), end: Moment::from_micros(start + length) })
    }
}

/// A time of day without seconds, with them.
fn with_seconds(text: &str) -> String {
    let Some((date, time)) = text.split_once('T') else { return text.to_owned() };
    let (clock, offset) = time.split_at(time.find(['Z', '+', '-']).unwrap_or(time.len()));
    format!("{date}T{clock}:00{offset}")
}

/// When a day begins in UTC, in microseconds since 1970.
fn midnight(day: civil::Date) -> i64 {
    day.duration_since(civil::date(1970, 1, 1)).as_secs() * 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(text: &str) -> Span {
        Span::parse(text).unwrap_or_else(|| panic!("{text} is a date"))
    }

    #[test]
    fn a_date_means_all_of_its_time() {
        for (text, start, end) in [
            ("2026", "2026-01-01T00:00:00.000000Z", "2027-01-01T00:00:00.000000Z"),
            ("2024-02", "2024-02-01T00:00:00.000000Z", "2024-03-01T00:00:00.000000Z"),
            ("2026-12-31", "2026-12-31T00:00:00.000000Z", "2027-01-01T00:00:00.000000Z"),
            ("2026-03-30T10:00+02:00", "2026-03-30T08:00:00.000000Z", "2026-03-30T08:00:01.000000Z"),
            ("2026-03-30T10:00:00.25Z", "2026-03-30T10:00:00.250000Z", "2026-03-30T10:00:00.260000Z"),
            ("2026-03-30T10:00:00.0000019Z", "2026-03-30T10:00:00.000001Z", "2026-03-30T10:00:00.000002Z"),
        ] {
            assert_eq!(
                (span(text).start.to_string(), span(text).end.to_string()),
                (start.into(), end.into()),
                "{text}"
            );
        }
        for text in ["", "yesterday", "2026-13", "2026-02-30", "2026-03-30T25:00:00Z"] {
            assert_eq!(Span::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_end_of_the_calendar_is_a_date_too() {
        let last = span("9999-12-31");
        assert_eq!(last.end, Moment::MAX);
        assert!(last.start > span("9999-12-30").start && span("9999").end == Moment::MAX);
        assert!(span("9999-12-31T23:59:59Z").start > last.start);
        assert!(span("0001-01-01").start < span("0001-01-02").start);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_date_or_none(
            text in "\\PC*",
            date in "[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9:.]{0,12}[-+Z]?.{0,6})?)?)?",
        ) {
            for text in [text, date] {
                if let Some(span) = Span::parse(&text) {
                    proptest::prop_assert!(span.start < span.end, "{}", text);
                }
            }
        }
    }

    #[test]
    fn prefixes_compare_a_time_with_the_wanted_day() {
        let day = span("2026-03-30");
        let holds = |prefix: &str, own: &str| Prefix::split(prefix).0.holds(span(own), day);
        for (prefix, before, inside, after) in [
            ("eq", false, true, false),
            ("ne", true, false, true),
            ("gt", false, false, true),
            ("lt", true, false, false),
            ("ge", false, true, true),
            ("le", true, true, false),
            ("sa", false, false, true),
            ("eb", true, false, false),
            ("ap", false, true, false),
        ] {
            let found = ["2026-03-29T23:59:59Z", "2026-03-30T12:00:00Z", "2026-03-31T00:00:00Z"];
            assert_eq!(found.map(|own| holds(prefix, own)), [before, inside, after], "{prefix}");
        }
        assert_eq!(Prefix::split("2026"), (Prefix::Eq, "2026"));
    }
}
