//! To and from the types of the date-time crate chrono (feature `chrono`).

use ::chrono::{DateTime as Moment, Datelike as _, FixedOffset, NaiveDate, SecondsFormat, Utc};

use super::date_conversion::{
    DAY, DateConversionError, POINT_IN_TIME, YEAR, days, error, read_points_in_time, write_points_in_time,
};
use super::{Date, DateTime, Instant};

days! {
    NaiveDate,
    from: |year: i16, month: u8, day: u8| NaiveDate::from_ymd_opt(year.into(), month.into(), day.into()),
    to: |day: NaiveDate| (day.year(), day.month(), day.day())
}
read_points_in_time! { Moment<Utc>, from: Moment::from_timestamp }
write_points_in_time! {
    Moment<Utc>,
    "The point in time, written in UTC.",
    to: |point: Moment<Utc>| point.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
write_points_in_time! {
    Moment<FixedOffset>,
    "The point in time, written with its offset, to the minute.",
    to: |point: Moment<FixedOffset>| point.to_rfc3339_opts(SecondsFormat::AutoSi, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_exact_goes_both_ways() {
        let date: Date = "1970-03-30".parse().expect("a date");
        let day = NaiveDate::try_from(&date).expect("a day");
        assert_eq!(Some(day), NaiveDate::from_ymd_opt(1970, 3, 30));
        assert_eq!(Date::try_from(day), Ok(date));
        let instant: Instant = "2016-07-15T14:32:49.494637400+02:00".parse().expect("an instant");
        let moment = Moment::<Utc>::try_from(&instant).expect("it has an offset");
        assert_eq!(
            Instant::try_from(moment).map(String::from).as_deref(),
            Ok("2016-07-15T12:32:49.494637400Z")
        );
        let offset = FixedOffset::east_opt(2 * 60 * 60).expect("an offset");
        assert_eq!(Instant::try_from(moment.with_timezone(&offset)), Ok(instant));
    }

    #[test]
    fn what_is_not_exact_is_refused() {
        let month: DateTime = "1970-03".parse().expect("a month");
        let error = NaiveDate::try_from(&month).expect_err("no day");
        assert_eq!(error.to_string(), "expected a day (YYYY-MM-DD)");
        let local: Instant = "1983-02-18T00:00:00".parse().expect("an instant without offset");
        let error = Moment::<Utc>::try_from(&local).expect_err("no offset");
        assert_eq!(error.to_string(), "expected a time with an offset from UTC");
        assert!(Date::try_from(NaiveDate::MIN).is_err() && Date::try_from(NaiveDate::MAX).is_err());
        assert!(Instant::try_from(Moment::<Utc>::MIN_UTC).is_err());
        assert!(DateTime::try_from(Moment::<Utc>::MAX_UTC).is_err());
    }
}
