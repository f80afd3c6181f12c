//! [`Answer`]: what the server answered, read within limits and sorted into results and errors.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use http::header::{ETAG, HeaderName, LOCATION, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use koppeltaal_r4::resources::OperationOutcome;
use koppeltaal_r4::{Limits, ReadOptions, Resource, ResourceType};

use crate::connector::error::Error;
use crate::connector::refusal::Refusal;
use crate::connector::request_info::RequestInfo;
use crate::connector::{retry, version};

/// An answer with all of its body.
pub(crate) struct Answer {
    pub(crate) request: RequestInfo,
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    limit: usize,
}

/// The error of a refusal.
type Meaning = fn(Refusal) -> Error;

/// What the status of a refusal means. What is not in the list is [`Error::Refused`].
const MEANINGS: [(StatusCode, Meaning); 10] = [
    (StatusCode::UNAUTHORIZED, Error::Unauthenticated),
    (StatusCode::FORBIDDEN, Error::Denied),
    (StatusCode::NOT_FOUND, Error::NotFound),
    // What some servers say to a PUT of an id that they do not know.
    (StatusCode::METHOD_NOT_ALLOWED, Error::NotFound),
    (StatusCode::GONE, Error::Gone),
    (StatusCode::BAD_REQUEST, Error::Invalid),
    (StatusCode::UNPROCESSABLE_ENTITY, Error::Invalid),
    (StatusCode::CONFLICT, Error::Conflict),
    (StatusCode::PRECONDITION_FAILED, Error::Conflict),
    (StatusCode::PRECONDITION_REQUIRED, Error::Invalid),
];

/// The statuses that say "later".
const LATER: [StatusCode; 5] = [
    StatusCode::REQUEST_TIMEOUT,
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::BAD_GATEWAY,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
];

impl Answer {
    /// Reads the whole body, up to the limit.
    pub(crate) async fn receive(
        mut response: reqwest::Response,
        request: RequestInfo,
        limit: usize,
    ) -> Result<Self, Error> {
        let headers = std::mem::take(response.headers_mut());
        let mut answer = Self { request, status: response.status(), headers, body: Bytes::new(), limit };
        let mut body = BytesMut::new();
        while let Some(piece) = response.chunk().await.map_err(|error| network(error, &answer.request))? {
            if body.len() + piece.len() > limit {
                return Err(answer.problem("the body is larger than the limit"));
            }
            if body.is_empty() && response.content_length() == Some(piece.len() as u64) {
                answer.body = piece;
                return Ok(answer);
            }
            body.extend_from_slice(&piece);
        }
        answer.body = body.freeze();
        Ok(answer)
    }

    /// The answer, if its status is a success; else the error.
    pub(crate) fn check(self) -> Result<Self, Error> {
        if self.status.is_success() {
            return Ok(self);
        }
        if self.status.is_redirection() {
            return Err(self.problem("a redirect, which is not followed"));
        }
        if LATER.contains(&self.status) {
            let retry_after = self.header(&RETRY_AFTER);
            let retry_after = retry_after.and_then(|text| retry::retry_after(text, SystemTime::now()));
            return Err(Error::Unavailable { request: self.request, status: self.status, retry_after });
        }
        let outcome = self.read::<OperationOutcome>().ok();
        let refusal = Refusal::new(self.request, self.status, outcome.as_ref());
        let meaning = MEANINGS.iter().find(|(status, _)| *status == refusal.status);
        let meaning: Meaning = meaning.map_or(Error::Refused, |(_, meaning)| *meaning);
        Err(meaning(refusal))
    }

    /// The body as a resource of this type.
    pub(crate) fn read<T: ResourceType>(&self) -> Result<T, Error> {
        let limits = Limits { bytes: self.limit, ..Limits::default() };
        let read = ReadOptions::tolerant().limits(limits).json(&self.body);
        let resource: Resource = match read {
            Ok(read) => read.document,
            Err(error) => {
                let mut problem = self.problem("the body is not FHIR in JSON");
                if let Error::Answer { source, .. } = &mut problem {
                    *source = Some(Box::new(error));
                }
                return Err(problem);
            }
        };
        resource.take().map_err(|_| self.problem("a resource of another type"))
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The version in `ETag`.
    pub(crate) fn version(&self) -> Option<&str> {
        version::from_etag(self.header(&ETAG)?)
    }

    /// The id in `Location`.
    pub(crate) fn location_id(&self, resource_type: &str) -> Option<&str> {
        version::id_from_location(self.header(&LOCATION)?, resource_type)
    }

    fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The error for an answer that is no FHIR.
    pub(crate) fn problem(&self, problem: &'static str) -> Error {
        Error::Answer { request: self.request.clone(), status: self.status, problem, source: None }
    }
}

/// The error of the network: never sent, or sent without a complete answer.
pub(crate) fn network(error: reqwest::Error, request: &RequestInfo) -> Error {
    // The URL may hold an identifier of a person.
    let error = error.without_url();
    let request = request.clone();
    if error.is_connect() || error.is_builder() {
        Error::Unreachable { request, source: Arc::new(error) }
    } else {
        Error::Interrupted { request, source: Arc::new(error) }
    }
}

/// Whether the server surely did not do what was asked, so that a write may be repeated.
pub(crate) fn is_undone(error: &Error) -> bool {
    match error {
        Error::Unreachable { .. } => true,
        Error::Unavailable { status, retry_after, .. } => match *status {
            StatusCode::TOO_MANY_REQUESTS => true,
            StatusCode::SERVICE_UNAVAILABLE => retry_after.is_some(),
            _ => false,
        },
        Error::Token { source, .. } => source.is_transient(),
        _ => false,
    }
}

/// What an error means for a write: nothing was done, or nobody knows.
pub(crate) fn settle_write(error: Error) -> Error {
    let open = match &error {
        Error::Interrupted { .. } | Error::Answer { .. } => true,
        Error::Unavailable { status, .. } => {
            !matches!(*status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
        }
        Error::Refused(refusal) => refusal.status.is_server_error(),
        _ => false,
    };
    match error.request().cloned() {
        Some(request) if open => Error::Unknown { request, reason: Box::new(error) },
        _ => error,
    }
}

/// The longest that a wait may be, however long the server asks for, within the time that is left.
pub(crate) fn wait(delay: Duration, error: &Error) -> Duration {
    delay.max(error.retry_after().unwrap_or_default())
}
