//! [`Refusal`]: why the authorization service or the identity provider refuses a request, and
//! [`RefusedRequest`], the same for the developer who looks afterwards.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use koppeltaal_smart::{JwtError, OAuthErrorCode};

use crate::trace::Trace;

/// Why a request is refused. The reason is for developers; it holds no token and nothing about a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: OAuthErrorCode,
    pub(crate) reason: String,
}

impl Refusal {
    fn new(status: StatusCode, code: OAuthErrorCode, reason: impl Into<String>) -> Self {
        Self { status, code, reason: reason.into() }
    }

    /// 400 `invalid_request`.
    pub(crate) fn request(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, OAuthErrorCode::InvalidRequest, reason)
    }

    /// A parameter that has to be there is not.
    pub(crate) fn missing(parameter: &str) -> Self {
        Self::request(format!("the parameter {parameter} is missing"))
    }

    /// 401 `invalid_client`.
    pub(crate) fn client(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, OAuthErrorCode::InvalidClient, reason)
    }

    /// 400 `invalid_grant`.
    pub(crate) fn grant(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, OAuthErrorCode::InvalidGrant, reason)
    }

    /// 400 with another code of OAuth.
    pub(crate) fn bad(code: OAuthErrorCode, reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, reason)
    }

    /// 403 `access_denied`.
    pub(crate) fn denied(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, OAuthErrorCode::AccessDenied, reason)
    }

    /// 500 `server_error`.
    pub(crate) fn failure(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, OAuthErrorCode::ServerError, reason)
    }

    /// The refusal of a client's assertion.
    pub(crate) fn assertion(error: &JwtError) -> Self {
        match error {
            JwtError::ReplayGuard => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                OAuthErrorCode::TemporarilyUnavailable,
                error.to_string(),
            ),
            _ => Self::client(format!("the client assertion is not accepted: {error}")),
        }
    }
}

/// A request that the authorization service or the identity provider refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusedRequest {
    /// What was told to the client or the user in place of the reason: the id of the request, which is also
    /// in the `AuditEvent` of a login.
    pub reference: String,
    /// The path of the endpoint, such as `/oauth2/token`.
    pub endpoint: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The code of OAuth.
    pub code: OAuthErrorCode,
    /// What is wrong, for a developer. It holds no token and nothing about a person.
    pub reason: String,
}

/// The target of the `tracing` events about requests.
pub(crate) const REQUESTS: &str = "koppeltaal2_sandbox::requests";

/// How many refused requests are kept.
const REFUSALS: usize = 500;

/// The last refused requests. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refusals(Arc<Mutex<VecDeque<RefusedRequest>>>);

impl Refusals {
    /// Keeps and logs the refusal of a request, whose id is its reference.
    pub(crate) fn note(&self, endpoint: &'static str, refusal: &Refusal, trace: &Trace) {
        let reference = trace.request_id.clone();
        tracing::info!(
            target: REQUESTS,
            route = endpoint,
            status = refusal.status.as_u16(),
            code = refusal.code.as_str(),
            rule = refusal.reason,
            reference,
            "refused"
        );
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == REFUSALS {
            kept.pop_front();
        }
        kept.push_back(RefusedRequest {
            reference,
            endpoint,
            status: refusal.status.as_u16(),
            code: refusal.code,
            reason: refusal.reason.clone(),
        });
    }

    /// The oldest first.
    pub(crate) fn all(&self) -> Vec<RefusedRequest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
