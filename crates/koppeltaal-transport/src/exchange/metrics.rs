//! Metrics of operations, for the `metrics` facade. Without that feature, the functions do nothing.
//!
//! | metric | kind | labels |
//! |---|---|---|
//! | `koppeltaal_operations_total` | counter | `operation`, `result` (`ok` or [`Error::kind`]) |
//! | `koppeltaal_operation_duration_seconds` | histogram, retries and waiting included | `operation` |
//! | `koppeltaal_retries_total` | counter | `operation` |

use std::time::Duration;

use crate::error::Error;
use crate::exchange::request::Operation;

/// Records that an operation has ended.
#[cfg(feature = "metrics")]
pub(crate) fn ended(operation: &'static Operation, error: Option<&Error>, duration: Duration) {
    let result = error.map_or("ok", Error::kind);
    ::metrics::counter!("koppeltaal_operations_total", "operation" => operation.name, "result" => result)
        .increment(1);
    ::metrics::histogram!("koppeltaal_operation_duration_seconds", "operation" => operation.name)
        .record(duration.as_secs_f64());
}

/// Counts a retry of an operation.
#[cfg(feature = "metrics")]
pub(crate) fn retried(operation: &'static Operation) {
    ::metrics::counter!("koppeltaal_retries_total", "operation" => operation.name).increment(1);
}

/// Does nothing.
#[cfg(not(feature = "metrics"))]
pub(crate) fn ended(_: &'static Operation, _: Option<&Error>, _: Duration) {}

/// Does nothing.
#[cfg(not(feature = "metrics"))]
pub(crate) fn retried(_: &'static Operation) {}
