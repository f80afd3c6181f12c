//! Times as operators compare them with their logs.

use std::time::{SystemTime, UNIX_EPOCH};

use koppeltaal_fhir::primitives::Instant;

/// A time in UTC, to the second.
pub(super) fn format_time(time: SystemTime) -> String {
    let instant = Instant::from_unix(time.duration_since(UNIX_EPOCH).unwrap_or_default());
    let seconds = instant.as_str().split('.').next().unwrap_or_default();
    format!("{seconds}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_are_in_utc_to_the_second() {
        for (milliseconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (951_868_800_000, "2000-03-01T00:00:00Z"),
            (1_735_689_599_999, "2024-12-31T23:59:59Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(format_time(UNIX_EPOCH + Duration::from_millis(milliseconds)), text);
        }
    }
}
