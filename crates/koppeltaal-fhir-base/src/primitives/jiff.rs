//! To and from the types of the date-time crate jiff (feature `jiff`).

use ::jiff::civil;
use ::jiff::{Timestamp, ZonedDateTime};

use super::date_conversion::{
    DAY, DateConversionError, POINT_IN_TIME, YEAR, days, error, read_points_in_time, write_points_in_time,
};
use super::{Date, DateTime, Instant};

days! {
    civil::Date,
    from: |year, month, day| {
        civil::Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    },
    to: |day: civil::Date| (day.year(), day.month(), day.day())
}
read_points_in_time! {
    Timestamp,
    from: |seconds, nanosecond: u32| Timestamp::new(seconds, i32::try_from(nanosecond).ok()?).ok()
}
write_points_in_time! {
    Timestamp,
    "The point in time, written in UTC.",
    to: |point: Timestamp| point.to_string()
}
write_points_in_time! {
    &ZonedDateTime,
    "The point in time, written with the zone's offset at that time, to the minute.",
    to: |point: &ZonedDateTime| point.strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string()
}

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
