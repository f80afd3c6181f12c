//! Metrics of operations and tokens, for the `metrics` facade. Without that feature, the functions do
//! nothing.
//!
//! | metric | kind | labels |
//! |---|---|---|
//! | `koppeltaal_operations_total` | counter | `operation`, `result` (`ok` or [`Error::kind`]) |
//! | `koppeltaal_operation_duration_seconds` | histogram, retries and waiting included | `operation` |
//! | `koppeltaal_retries_total` | counter | `operation` |
//! | `koppeltaal_token_refreshes_total` | counter | `result` (`ok` or [`Error::kind`]) |

use std::time::Duration;

use crate::error::Error;

/// Records that an operation has ended.
#[cfg(feature = "metrics")]
pub(crate) fn ended(operation: &'static str, error: Option<&Error>, duration: Duration) {
    let result = error.map_or("ok", Error::kind);
    ::metrics::counter!("koppeltaal_operations_total", "operation" => operation, "result" => result)
        .increment(1);
    ::metrics::histogram!("koppeltaal_operation_duration_seconds", "operation" => operation)
        .record(duration.as_secs_f64());
}

/// Counts a retry of an operation.
#[cfg(feature = "metrics")]
pub(crate) fn retried(operation: &'static str) {
    ::metrics::counter!("koppeltaal_retries_total", "operation" => operation).increment(1);
}

/// Counts an attempt to get new tokens for a session.
#[cfg(feature = "metrics")]
pub(crate) fn refreshed(error: Option<&Error>) {
    let result = error.map_or("ok", Error::kind);
    ::metrics::counter!("koppeltaal_token_refreshes_total", "result" => result).increment(1);
}

/// Does nothing.
#[cfg(not(feature = "metrics"))]
pub(crate) fn ended(_: &'static str, _: Option<&Error>, _: Duration) {}

/// Does nothing.
#[cfg(not(feature = "metrics"))]
pub(crate) fn retried(_: &'static str) {}

/// Does nothing.
#[cfg(not(feature = "metrics"))]
pub(crate) fn refreshed(_: Option<&Error>) {}
