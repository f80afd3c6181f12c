//! Errors of the network, sorted by how far the request got: never sent, or sent without a complete answer.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, UnreachableReason};

/// The error of an operation, from the error of reqwest.
pub(crate) fn network_error(error: reqwest::Error, limit: Duration) -> Error {
    // The URL may hold that of a patient.
    let error = error.without_url();
    if error.is_connect() || error.is_builder() {
        return Error::Unreachable { reason: unreachable_reason(&error), source: Arc::new(error) };
    }
    if error.is_timeout() {
        return Error::Timeout { limit };
    }
    Error::Interrupted { source: Arc::new(error) }
}

fn unreachable_reason(error: &reqwest::Error) -> UnreachableReason {
    if error.is_dns() {
        return UnreachableReason::Dns;
    }
    if error.is_timeout() {
        return UnreachableReason::Timeout;
    }
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        let io = cause.downcast_ref::<std::io::Error>();
        if cause.is::<rustls::Error>() {
            return UnreachableReason::Tls;
        }
        if io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused) {
            return UnreachableReason::Refused;
        }
        // `source` of an I/O error skips the error that it wraps; `get_ref` gives it.
        let inner =
            io.and_then(std::io::Error::get_ref).map(|inner| -> &(dyn std::error::Error + 'static) { inner });
        next = inner.or_else(|| cause.source());
    }
    UnreachableReason::Other
}
