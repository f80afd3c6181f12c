//! [`Trace`]: the headers that tie the requests of a chain together (topic 6).

use http::{HeaderMap, HeaderName};
use uuid::Uuid;

/// The `X-Request-Id` of a request: new for each.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The `X-Correlation-Id`: the request that caused this one.
pub(crate) const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
/// The `X-Trace-Id`: the same through a chain.
pub(crate) const TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");

/// What ties the requests of a chain together: one trace id for all of them, and which request caused them.
///
/// A connector without a trace sends neither; the server then makes a trace id for each request. In a launch
/// the trace id is the `jti` of its token.
///
/// ```
/// use koppeltaal2::Trace;
///
/// let chain = Trace::new();
/// assert!(chain.trace_id().is_some());
/// let answer = chain.clone().caused_by("0ea9d9ae-6b5c-4bc6-a0d6-3fe0d2f1ae51");
/// assert_eq!(answer.trace_id(), chain.trace_id());
/// assert_eq!(Trace::with_id("not an id\r\n").trace_id(), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[must_use]
pub struct Trace {
    trace_id: Option<String>,
    correlation_id: Option<String>,
}

impl Trace {
    /// A new chain, with a trace id of its own.
    #[allow(clippy::new_without_default, reason = "each one is another")]
    pub fn new() -> Self {
        Self { trace_id: Some(Uuid::new_v4().to_string()), correlation_id: None }
    }

    /// No chain: the server makes a trace id for each request.
    pub fn none() -> Self {
        Self { trace_id: None, correlation_id: None }
    }

    /// The chain with this trace id. What is no `id` of FHIR (letters, digits, `-` and `.`, at most 64) is
    /// dropped, since an AuditEvent could not hold it.
    pub fn with_id(trace_id: &str) -> Self {
        Self { trace_id: usable(trace_id), correlation_id: None }
    }

    /// The chain that a received request belongs to, a notification for instance: its `X-Trace-Id` is taken
    /// over, and its `X-Request-Id` is what caused the requests to come.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let text =
            |name: &HeaderName| headers.get(name).and_then(|value| usable(value.to_str().ok()?.trim()));
        Self { trace_id: text(&TRACE_ID), correlation_id: text(&REQUEST_ID) }
    }

    /// The headers of a received request as they are, and its `X-Request-Id`: for the AuditEvent about it.
    pub(crate) fn of_request(headers: &HeaderMap) -> (Self, Option<String>) {
        let received = Self::from_headers(headers);
        let correlation_id =
            headers.get(&CORRELATION_ID).and_then(|value| usable(value.to_str().ok()?.trim()));
        (Self { trace_id: received.trace_id, correlation_id }, received.correlation_id)
    }

    /// The same chain, for the requests that this one causes.
    pub fn caused_by(self, request_id: &str) -> Self {
        Self { correlation_id: usable(request_id), ..self }
    }

    /// `X-Trace-Id`.
    pub fn trace_id(&self) -> Option<&str> {
        self.trace_id.as_deref()
    }

    /// `X-Correlation-Id`: the `X-Request-Id` of the request that directly caused these.
    pub fn correlation_id(&self) -> Option<&str> {
        self.correlation_id.as_deref()
    }
}

/// The text, if it is an `id` of FHIR.
fn usable(text: &str) -> Option<String> {
    is_id(text).then(|| text.to_owned())
}

/// Whether this is a logical id, a version or an id of a request: what the type `id` of FHIR allows.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_that_came_is_the_cause_of_those_that_follow() {
        let headers: HeaderMap = [
            (REQUEST_ID, "4d3c2b1a".parse().expect("a value")),
            (CORRELATION_ID, "caused-the-cause".parse().expect("a value")),
            (TRACE_ID, " 80f198ee56343ba8 ".parse().expect("a value")),
        ]
        .into_iter()
        .collect();
        let trace = Trace::from_headers(&headers);
        assert_eq!((trace.trace_id(), trace.correlation_id()), (Some("80f198ee56343ba8"), Some("4d3c2b1a")));
        assert_eq!(Trace::from_headers(&HeaderMap::new()), Trace::none());
    }
}
