//! Answers: from a response of the server to a document or an error.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, StatusCode};
use koppeltaal_fhir::resources::{OperationOutcome, ResponseType};
use koppeltaal_fhir::{Bundle, Document, Finding, Format, Limits, ReadDocument, ReadOptions, ResourceType};
use koppeltaal_messaging::{ReplyError, ResourceUrl};
use reqwest::Url;

use crate::error::protocol::{Excerpt, ProtocolError, ProtocolProblem};
use crate::error::{Error, Result};
use crate::exchange::body::{Incoming, TooLarge};
use crate::exchange::challenge;
use crate::exchange::coding;
use crate::exchange::media;
use crate::exchange::network::network_error;
use crate::exchange::request::Expected;
use crate::exchange::retry::retry_after;
use crate::oauth::error::{OAuthError, OAuthErrorCode};
use crate::oauth::members::{self, Members};
use crate::outcome::cause::FailureCause;
use crate::outcome::{self, Outcome};

/// An answer with all of its body.
pub(crate) struct Answer {
    /// The URL of the request.
    url: Url,
    status: StatusCode,
    headers: HeaderMap,
    /// The body without its content codings; as it came, if they cannot be undone.
    body: Bytes,
    /// Why the content codings cannot be undone. An operation that does not need the body ignores it.
    coding_problem: Option<ProtocolProblem>,
    limits: Limits,
    expected: Expected,
}

/// A bundle, and what the reader found odd in its text.
pub(crate) struct ReadBundle {
    pub(crate) bundle: Bundle,
    pub(crate) findings: Vec<Finding>,
    pub(crate) suppressed: usize,
}

/// What a refusal means, unless it means that the content is wrong.
#[derive(Clone, Copy)]
enum Refusal {
    Authentication,
    Forbidden,
    NotFound,
    Conflict,
    RateLimited,
    Unavailable,
}

/// Statuses that tell what a refusal means, whatever the issues say.
const BY_STATUS: [(StatusCode, Refusal); 10] = [
    (StatusCode::UNAUTHORIZED, Refusal::Authentication),
    (StatusCode::FORBIDDEN, Refusal::Forbidden),
    (StatusCode::NOT_FOUND, Refusal::NotFound),
    (StatusCode::GONE, Refusal::NotFound),
    (StatusCode::CONFLICT, Refusal::Conflict),
    (StatusCode::REQUEST_TIMEOUT, Refusal::Unavailable),
    (StatusCode::TOO_MANY_REQUESTS, Refusal::RateLimited),
    (StatusCode::BAD_GATEWAY, Refusal::Unavailable),
    (StatusCode::SERVICE_UNAVAILABLE, Refusal::Unavailable),
    (StatusCode::GATEWAY_TIMEOUT, Refusal::Unavailable),
];

impl Answer {
    /// Reads the whole body, up to the limit.
    pub(crate) async fn receive(
        mut response: reqwest::Response,
        expected: Expected,
        limits: Limits,
        time: Duration,
    ) -> Result<Self> {
        let is_secret = expected == Expected::OAuth;
        let limit = if is_secret { limits.bytes.min(members::BYTES) } else { limits.bytes };
        let mut answer = Self {
            url: response.url().clone(),
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body: Bytes::new(),
            coding_problem: None,
            limits,
            expected,
        };
        let too_large = |TooLarge| ProtocolProblem::TooLarge { limit };
        let announced = response.content_length().unwrap_or_default();
        let mut body = Incoming::new(announced, limit, is_secret)
            .map_err(|error| answer.not_koppeltaal(too_large(error)))?;
        let end = loop {
            let pushed = match response.chunk().await {
                Ok(Some(piece)) => body.push(piece).map_err(too_large),
                Ok(None) => break Ok(()),
                Err(error) => return Err(network_error(error, time)),
            };
            if pushed.is_err() {
                break pushed;
            }
        };
        answer.body = body.into_bytes();
        end.map_err(|problem| answer.not_koppeltaal(problem))?;
        match coding::decode(&answer.headers, &answer.body, limit, is_secret) {
            Ok(body) => answer.body = body,
            Err(problem) => answer.coding_problem = Some(problem),
        }
        Ok(answer)
    }

    /// The answer, if its status is a success or an expected redirect; else the error.
    pub(crate) fn check(self) -> Result<Self> {
        let expected = self.expected;
        let speaks_oauth = matches!(expected, Expected::OAuth | Expected::Redirect);
        if self.status.is_success() {
            Ok(self)
        } else if self.status.is_redirection() {
            let to = self.location();
            // Authorize also refuses by redirects.
            if let Some(error) = to.as_ref().filter(|_| speaks_oauth).and_then(OAuthError::from_redirect) {
                return Err(Error::OAuth { status: self.status, error });
            }
            if expected == Expected::Redirect {
                return Ok(self);
            }
            let to = to.map(|url| url.origin().ascii_serialization());
            Err(self.not_koppeltaal(ProtocolProblem::Redirect { to }))
        } else if self.wants_new_token() {
            let outcome = self.read().ok().and_then(|read| read.document.get().cloned()).map(Outcome::new);
            Err(Error::Authentication { expired: true, outcome })
        } else {
            let busy = matches!(self.by_status(), Some(Refusal::RateLimited | Refusal::Unavailable));
            let error = if speaks_oauth && !busy { OAuthError::read(&self.body) } else { None };
            match error {
                Some(error) => Err(Error::OAuth { status: self.status, error }),
                None => Err(self.refusal()),
            }
        }
    }

    /// Whether the server says, as in RFC 6750, that the token is invalid: in the challenge, or only in the
    /// body. (`refused_by` deals with an `OperationOutcome` that says `expired`.)
    fn wants_new_token(&self) -> bool {
        let in_body =
            || OAuthError::read(&self.body).is_some_and(|error| error.code == OAuthErrorCode::InvalidToken);
        self.status == StatusCode::UNAUTHORIZED && (challenge::wants_new_token(&self.headers) || in_body())
    }

    /// The URL of the request.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Where a redirect leads. A relative address is relative to the URL of the request (RFC 9110 section
    /// 10.2.2).
    pub(crate) fn location(&self) -> Option<Url> {
        self.address(&header::LOCATION).filter(|_| self.status.is_redirection())
    }

    /// The address in a header, absolute or relative, also one with characters that should be escaped.
    fn address(&self, name: &HeaderName) -> Option<Url> {
        let address = std::str::from_utf8(self.headers.get(name)?.as_bytes()).ok()?;
        self.url.join(address.trim()).ok()
    }

    /// The body as it is, with its media type.
    pub(crate) fn content(&self) -> Result<(String, Vec<u8>)> {
        self.decoded().map_err(|problem| self.not_koppeltaal(problem))?;
        let content_type = self.header(&header::CONTENT_TYPE).unwrap_or("application/octet-stream");
        Ok((content_type.to_owned(), self.body.to_vec()))
    }

    /// Fails if the content codings of the body cannot be undone.
    fn decoded(&self) -> std::result::Result<(), ProtocolProblem> {
        self.coding_problem.clone().map_or(Ok(()), Err)
    }

    /// Reads the body as a JSON object that is not FHIR's, and passes its members to `read`. `missing` is the
    /// error if the body is no object.
    ///
    /// # Errors
    ///
    /// OAuth's refusal, which some servers give with status 200; else what `read` says.
    pub(crate) fn members<T>(
        &self,
        missing: &'static str,
        read: impl FnOnce(&Members) -> std::result::Result<T, &'static str>,
    ) -> Result<T> {
        self.decoded().map_err(|problem| self.not_koppeltaal(problem))?;
        let members = Members::read(&self.body).ok_or_else(|| self.unexpected(missing))?;
        read(&members).map_err(|problem| match OAuthError::from_members(&members) {
            Some(error) => Error::OAuth { status: self.status, error },
            None => self.unexpected(problem),
        })
    }

    fn refusal(self) -> Error {
        let problem = match self.read().map(|read| read.document) {
            Ok(document) => match document.get::<OperationOutcome>() {
                Some(outcome) => return self.refused(Outcome::new(outcome.clone())),
                None => ProtocolProblem::Unexpected("an error status without an OperationOutcome"),
            },
            Err(problem) => problem,
        };
        match self.by_status() {
            Some(refusal) => self.error(refusal, None),
            None => self.not_koppeltaal(problem),
        }
    }

    /// The error for this outcome. Where the status is not in [`BY_STATUS`], the issue types decide: the
    /// original server answers 500 to many refusals.
    pub(crate) fn refused(&self, outcome: Outcome) -> Error {
        self.refused_by(outcome, self.status.is_client_error())
    }

    /// `blames_request`: whether the status or the code of the reply says that the request is wrong.
    fn refused_by(&self, outcome: Outcome, blames_request: bool) -> Error {
        let refusal = match outcome.cause() {
            // Servers say with various statuses that a token has expired.
            FailureCause::Expired => Some(Refusal::Authentication),
            cause => self.by_status().or_else(|| self.by_cause(cause, blames_request)),
        };
        match refusal {
            Some(refusal) => self.error(refusal, Some(outcome)),
            None => Error::Rejected { status: self.status, outcome: Some(outcome) },
        }
    }

    /// What a refusal for this cause means; `None`: the content is wrong.
    fn by_cause(&self, cause: FailureCause, blames_request: bool) -> Option<Refusal> {
        match cause {
            FailureCause::Expired | FailureCause::Credentials => Some(Refusal::Authentication),
            FailureCause::Forbidden => Some(Refusal::Forbidden),
            FailureCause::Conflict => Some(Refusal::Conflict),
            FailureCause::InvalidContent => None,
            FailureCause::Throttled => Some(Refusal::RateLimited),
            FailureCause::Transient => Some(Refusal::Unavailable),
            FailureCause::Internal => (!blames_request).then_some(Refusal::Unavailable),
            FailureCause::Unknown => {
                (self.status.is_server_error() && !blames_request).then_some(Refusal::Unavailable)
            }
        }
    }

    /// The error for a reply that does not accept the message.
    pub(crate) fn not_accepted(&self, error: ReplyError) -> Error {
        let ReplyError::NotOk { code, outcome } = error else {
            return self.not_koppeltaal(ProtocolProblem::Reply(error));
        };
        let outcome = outcome.map(|outcome| Outcome::new(*outcome));
        if code.as_deref() == Some(ResponseType::TransientError.as_str()) {
            return self.error(Refusal::Unavailable, outcome);
        }
        let is_final = code.as_deref() == Some(ResponseType::FatalError.as_str());
        match outcome {
            Some(outcome) => self.refused_by(outcome, is_final || self.status.is_client_error()),
            None => Error::Rejected { status: self.status, outcome: None },
        }
    }

    fn by_status(&self) -> Option<Refusal> {
        BY_STATUS.iter().find(|(status, _)| *status == self.status).map(|row| row.1)
    }

    fn error(&self, refusal: Refusal, outcome: Option<Outcome>) -> Error {
        let retry_after =
            self.header(&header::RETRY_AFTER).and_then(|value| retry_after(value, SystemTime::now()));
        match refusal {
            Refusal::Authentication => {
                let expired =
                    outcome.as_ref().is_some_and(|outcome| outcome.cause() == FailureCause::Expired);
                Error::Authentication { expired, outcome }
            }
            Refusal::Forbidden => Error::Forbidden { outcome },
            Refusal::NotFound => Error::NotFound { outcome },
            Refusal::Conflict => {
                let resources = outcome.as_ref().map(Outcome::resources).unwrap_or_default();
                Error::Conflict { resources, outcome }
            }
            Refusal::RateLimited => Error::RateLimited { retry_after, outcome },
            Refusal::Unavailable => Error::Unavailable { status: self.status, retry_after, outcome },
        }
    }

    /// The format of the body.
    ///
    /// # Errors
    ///
    /// No body, or one of another media type or encoding.
    fn format(&self) -> std::result::Result<Format, ProtocolProblem> {
        self.decoded()?;
        if self.is_empty() {
            return Err(ProtocolProblem::Empty);
        }
        let content_type = self.header(&header::CONTENT_TYPE);
        let format = media::format_of(content_type, &self.body).ok_or(ProtocolProblem::MediaType)?;
        // A byte order mark takes precedence over the label (RFC 7303 section 3.2). For JSON and for ASCII,
        // the label means nothing.
        let is_same_in_all = format == Format::Json || is_plain_ascii(&self.body);
        if media::is_foreign_charset(content_type)
            && !is_same_in_all
            && !self.body.starts_with(b"\xEF\xBB\xBF")
        {
            return Err(ProtocolProblem::Charset);
        }
        Ok(format)
    }

    fn options(&self) -> ReadOptions {
        let content_type = self.header(&header::CONTENT_TYPE).unwrap_or_default();
        ReadOptions::tolerant().limits(self.limits).labelled(content_type)
    }

    /// The body as a document, with what the reader found odd in it.
    fn read(&self) -> std::result::Result<ReadDocument, ProtocolProblem> {
        let format = self.format()?;
        self.options().read(format, &self.body).map_err(ProtocolProblem::Unreadable)
    }

    /// The document, of any type.
    ///
    /// # Errors
    ///
    /// A body that is not a document; or an `OperationOutcome` with an error among its issues, since some
    /// servers refuse with status 200.
    pub(crate) fn document(&self) -> Result<ReadDocument> {
        let read = self.read().map_err(|problem| self.not_koppeltaal(problem))?;
        match read.document.get::<OperationOutcome>() {
            Some(outcome) if is_refusal(outcome) => Err(self.refused(Outcome::new(outcome.clone()))),
            _ => Ok(read),
        }
    }

    /// Checks the answer to an operation that returns nothing: it must be a resource, or have no body. Of a
    /// resource, only the type is read; but an outcome is read whole, since it may be a refusal.
    ///
    /// # Errors
    ///
    /// Those of [`document`](Self::document), except errors after the start of a resource that is not an
    /// outcome.
    pub(crate) fn nothing(&self) -> Result<()> {
        let is_resource = |format| {
            let resource_type = self.options().resource_type(format, &self.body);
            resource_type.is_ok_and(|resource_type| resource_type != OperationOutcome::NAME)
        };
        if self.is_empty() || self.format().is_ok_and(is_resource) {
            return Ok(());
        }
        self.document().map(drop)
    }

    /// The bundle that the body must be, and what the reader found odd in it.
    pub(crate) fn bundle(&self) -> Result<ReadBundle> {
        let ReadDocument { document, findings, suppressed, .. } = self.document()?;
        match document {
            Document::Bundle(bundle) => Ok(ReadBundle { bundle, findings, suppressed }),
            Document::Resource(_) => Err(self.unexpected("a resource where a bundle is due")),
        }
    }

    /// The resource of this type that the body must be. `missing` is the error if it is not.
    pub(crate) fn resource<T: ResourceType>(&self, missing: &'static str) -> Result<T> {
        let resource = self.document()?.document.into_resource().ok();
        resource.and_then(|resource| resource.take().ok()).ok_or_else(|| self.unexpected(missing))
    }

    /// The address, with version, of the resource that was created or changed: `Content-Location`, else
    /// `Location`.
    pub(crate) fn resource_url(&self) -> Option<ResourceUrl> {
        // An absolute address is kept verbatim.
        let url = |name| {
            let absolute = self.header(name).and_then(|value| value.parse().ok());
            let absolute = absolute.filter(|url: &ResourceUrl| url.base().contains("://"));
            absolute.or_else(|| self.address(name)?.as_str().parse().ok())
        };
        url(&header::CONTENT_LOCATION).or_else(|| url(&header::LOCATION))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.body.trim_ascii().is_empty()
    }

    /// The error for a readable answer that does not fit this operation.
    pub(crate) fn unexpected(&self, what: &'static str) -> Error {
        self.not_koppeltaal(ProtocolProblem::Unexpected(what))
    }

    pub(crate) fn not_koppeltaal(&self, problem: ProtocolProblem) -> Error {
        let content_type = self.header(&header::CONTENT_TYPE).map(|value| value.chars().take(100).collect());
        let excerpt = Excerpt::of(&self.body);
        Error::Protocol(Box::new(ProtocolError { problem, status: self.status, content_type, excerpt }))
    }

    fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Whether an outcome is a refusal: any of its issues is an error.
fn is_refusal(outcome: &OperationOutcome) -> bool {
    outcome.issue.iter().any(outcome::is_error)
}

/// Whether the text means the same in every encoding that a label is likely to name.
fn is_plain_ascii(body: &[u8]) -> bool {
    body.is_ascii() && !body.contains(&0)
}
