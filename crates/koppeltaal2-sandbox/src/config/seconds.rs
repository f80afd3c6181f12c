//! Durations in a configuration file: a number of seconds, whole or not.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

pub(super) fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    match Number::deserialize(from)? {
        Number::Whole(seconds) => Ok(Duration::from_secs(seconds)),
        Number::Fraction(seconds) => Duration::try_from_secs_f64(seconds).map_err(D::Error::custom),
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number of seconds")]
enum Number {
    Whole(u64),
    Fraction(f64),
}
