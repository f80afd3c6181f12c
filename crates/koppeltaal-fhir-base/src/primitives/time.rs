//! To and from the types of the date-time crate time (feature `time`).

use ::time::{Date as Day, Month, OffsetDateTime};

use super::date_conversion::{
    DAY, DateConversionError, POINT_IN_TIME, YEAR, days, error, read_points_in_time, write_points_in_time,
};
use super::{Date, DateTime, Instant};

days! {
    Day,
    from: |year: i16, month: u8, day: u8| {
        Day::from_calendar_date(year.into(), Month::try_from(month).ok()?, day).ok()
    },
    to: |day: Day| (day.year(), u8::from(day.month()), day.day())
}
read_points_in_time! {
    OffsetDateTime,
    from: |seconds, nanosecond| {
        OffsetDateTime::from_unix_timestamp(seconds).ok()?.replace_nanosecond(nanosecond).ok()
    }
}
write_points_in_time! {
    OffsetDateTime,
    "The point in time, written with its offset, to the minute.",
    to: text
}

/// As XML Schema writes it.
fn text(point: OffsetDateTime) -> String {
    let (year, month, day) = (point.year(), u8::from(point.month()), point.day());
    let (hour, minute, second, nanosecond) = point.to_hms_nano();
    let fraction = if nanosecond == 0 { String::new() } else { format!(".{nanosecond:09}") };
    let (hours, minutes, _) = point.offset().as_hms();
    let offset = match (hours, minutes) {
        (0, 0) => "Z".to_owned(),
        _ => {
            let sign = if hours < 0 || minutes < 0 { '-' } else { '+' };
            format!("{sign}{:02}:{:02}", hours.unsigned_abs(), minutes.unsigned_abs())
        }
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{offset}")
}

#[cfg(test)]
mod tests {
    use ::time::UtcOffset;

    use super::*;

    #[test]
    fn what_is_exact_goes_both_ways() {
        let date: Date = "1970-03-30".parse().expect("a date");
        let day = Day::try_from(&date).expect("a day");
        assert_eq!(Day::from_calendar_date(1970, Month::March, 30), Ok(day));
        assert_eq!(Date::try_from(day), Ok(date));
        let instant: Instant = "2016-07-15T14:32:49.494637400+02:00".parse().expect("an instant");
        let moment = OffsetDateTime::try_from(&instant).expect("it has an offset");
        assert_eq!(
            Instant::try_from(moment).map(String::from).as_deref(),
            Ok("2016-07-15T12:32:49.494637400Z")
        );
        let offset = UtcOffset::from_hms(2, 0, 0).expect("an offset");
        assert_eq!(Instant::try_from(moment.to_offset(offset)), Ok(instant));
        let west = UtcOffset::from_hms(0, -30, 0).expect("an offset");
        assert_eq!(
            DateTime::try_from(OffsetDateTime::UNIX_EPOCH.to_offset(west)).map(String::from).as_deref(),
            Ok("1969-12-31T23:30:00-00:30")
        );
    }

    #[test]
    fn what_is_not_exact_is_refused() {
        let month: DateTime = "1970-03".parse().expect("a month");
        let error = Day::try_from(&month).expect_err("no day");
        assert_eq!(error.to_string(), "expected a day (YYYY-MM-DD)");
        let local: Instant = "1983-02-18T00:00:00".parse().expect("an instant without offset");
        let error = OffsetDateTime::try_from(&local).expect_err("no offset");
        assert_eq!(error.to_string(), "expected a time with an offset from UTC");
        assert!(Date::try_from(Day::MIN).is_err());
        assert!(Instant::try_from(Day::MIN.midnight().assume_utc()).is_err());
    }
}
