//! [`Search`]: which stored items are asked for, and in what order. The public text of Koppeltaal lists the
//! criteria, but not the names of their parameters: those are in `http/storage.rs`.

use std::cmp::Ordering;

use koppeltaal_fhir::primitives::{DateTime, Instant, Precision};

use super::Item;

/// The criteria of a search. An item has to meet all of them.
#[derive(Debug, Default)]
pub(crate) struct Search {
    pub(crate) number: Option<u64>,
    /// URL without version.
    pub(crate) patient: Option<String>,
    pub(crate) object_type: Option<String>,
    pub(crate) object_keys: Vec<(KeyMatch, String)>,
    pub(crate) modified: Vec<(Comparison, Time)>,
    pub(crate) order: Order,
}

/// How a key is compared with the text that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyMatch {
    Exact,
    Start,
    Contains,
}

/// How the time of the last change is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    After,
    NotBefore,
    Before,
    NotAfter,
}

/// The order of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Order {
    /// As they were created.
    #[default]
    Created,
    /// By last change, oldest first.
    Modified,
    /// By last change, newest first.
    ModifiedDescending,
}

impl Search {
    pub(crate) fn takes(&self, item: &Item) -> bool {
        let key_matches = |(how, text): &(KeyMatch, String)| match how {
            KeyMatch::Exact => item.object_key == *text,
            KeyMatch::Start => item.object_key.starts_with(text),
            KeyMatch::Contains => item.object_key.contains(text),
        };
        let modified = item.modified.instant();
        self.number.is_none_or(|number| number == item.number)
            && self.patient.as_ref().is_none_or(|patient| *patient == item.patient)
            && self.object_type.as_ref().is_none_or(|of_type| *of_type == item.object_type)
            && self.object_keys.iter().all(key_matches)
            && self.modified.iter().all(|(how, time)| how.holds(time.compare(&modified)))
    }

    pub(crate) fn sort(&self, items: &mut [&Item]) {
        match self.order {
            Order::Created => items.sort_by_key(|item| item.number),
            Order::Modified => items.sort_by_key(|item| (item.modified, item.number)),
            Order::ModifiedDescending => {
                items.sort_by_key(|item| std::cmp::Reverse((item.modified, item.number)));
            }
        }
    }
}

impl Comparison {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::After => ordering.is_gt(),
            Self::NotBefore => ordering.is_ge(),
            Self::Before => ordering.is_lt(),
            Self::NotAfter => ordering.is_le(),
        }
    }
}

/// A time with the precision that it was given with: a year, a second, a millisecond. It is the first part of
/// an instant in UTC, so it compares as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Time(String);

/// Length of `2020-08-15T07:33:55`.
const SECOND: usize = 19;

impl Time {
    /// From FHIR's text for a date, a partial date, or a time; without an offset UTC is meant.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let time: DateTime = text.parse().ok()?;
        if time.precision() != Precision::Time {
            return Some(Self(time.as_str().to_owned()));
        }
        let time = if time.offset_minutes().is_some() { time } else { format!("{text}Z").parse().ok()? };
        let seconds = u64::try_from(time.unix_seconds()?).unwrap_or_default();
        let instant = Instant::from_unix(std::time::Duration::new(seconds, time.nanosecond()));
        let length = if text.contains('.') { instant.as_str().len() } else { SECOND };
        Some(Self(instant.as_str()[..length].to_owned()))
    }

    /// Whether an instant in UTC with milliseconds lies before, in or after this time.
    fn compare(&self, instant: &Instant) -> Ordering {
        let text = instant.as_str();
        text.get(..self.0.len()).unwrap_or(text).cmp(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_compared_as_exactly_as_it_was_given() {
        let instant: Instant = "2020-08-15T07:33:55.708Z".parse().expect("an instant");
        for (text, expected) in [
            ("2020", Ordering::Equal),
            ("2020-08", Ordering::Equal),
            ("2020-08-15", Ordering::Equal),
            ("2020-08-14", Ordering::Greater),
            ("2021", Ordering::Less),
            ("2020-08-15T07:33:55Z", Ordering::Equal),
            ("2020-08-15T09:33:55+02:00", Ordering::Equal),
            ("2020-08-15T07:33:55", Ordering::Equal),
            ("2020-08-15T07:33:55.708Z", Ordering::Equal),
            ("2020-08-15T07:33:55.7081234Z", Ordering::Equal),
            ("2020-08-15T07:33:55.709Z", Ordering::Less),
            ("1969-01-01T00:00:00Z", Ordering::Greater),
        ] {
            assert_eq!(Time::read(text).expect(text).compare(&instant), expected, "{text}");
        }
        assert_eq!(Time::read("yesterday"), None);
    }
}
