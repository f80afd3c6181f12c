//! [`Trace`]: the identifiers of a request, by which its consequences are found again (Koppeltaal 2.0, topic
//! 11).

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::store::new_id;

/// One request.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The request that caused this one.
pub(crate) const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
/// All requests of a chain.
pub(crate) const TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");

/// The identifiers of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trace {
    pub(crate) request_id: String,
    /// The request that directly caused this one.
    pub(crate) correlation_id: Option<String>,
    pub(crate) trace_id: String,
    /// The client's own request id, if it could not be used.
    refused_id: Option<HeaderValue>,
}

impl Trace {
    /// The identifiers of a request. What is absent or no id is made.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        let request_id = identifier(headers, &REQUEST_ID);
        let refused_id = if request_id.is_none() { headers.get(&REQUEST_ID).cloned() } else { None };
        Self {
            request_id: request_id.unwrap_or_else(new_id),
            correlation_id: identifier(headers, &CORRELATION_ID),
            trace_id: identifier(headers, &TRACE_ID).unwrap_or_else(new_id),
            refused_id,
        }
    }

    /// A request that this one causes.
    pub(crate) fn caused(&self) -> Self {
        Self {
            request_id: new_id(),
            correlation_id: Some(self.request_id.clone()),
            trace_id: self.trace_id.clone(),
            refused_id: None,
        }
    }

    /// Writes the identifiers into the headers of a request or of its answer.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let known = [(REQUEST_ID, Some(&self.request_id)), (TRACE_ID, Some(&self.trace_id))];
        for (name, value) in known.into_iter().chain([(CORRELATION_ID, self.correlation_id.as_ref())]) {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        }
        if let Some(value) = &self.refused_id {
            headers.insert(CORRELATION_ID, value.clone());
        }
    }
}

/// The value of a header, if it can be an `id` of FHIR, which AuditEvents want.
fn identifier(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    let is_id = (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    is_id.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn identifiers_are_taken_over_and_made_when_absent() {
        let trace = Trace::from_headers(&headers(&[(REQUEST_ID, "r-1"), (TRACE_ID, "t-1")]));
        assert_eq!((&*trace.request_id, &*trace.trace_id, &trace.correlation_id), ("r-1", "t-1", &None));
        let made = Trace::from_headers(&HeaderMap::new());
        assert_eq!((made.request_id.len(), made.trace_id.len()), (36, 36));
        let caused = trace.caused();
        assert_eq!((caused.correlation_id.as_deref(), &*caused.trace_id), (Some("r-1"), "t-1"));
        assert_ne!(caused.request_id, "r-1");
    }

    #[test]
    fn a_request_id_that_is_no_id_comes_back_as_correlation_id() {
        let trace = Trace::from_headers(&headers(&[(REQUEST_ID, "not an id"), (CORRELATION_ID, "c-1")]));
        assert_ne!(trace.request_id, "not an id");
        let mut answer = HeaderMap::new();
        trace.write(&mut answer);
        assert_eq!(answer[CORRELATION_ID], "not an id");
        assert_eq!(answer[REQUEST_ID], *trace.request_id);
        assert_eq!(trace.correlation_id.as_deref(), Some("c-1"));
    }
}
