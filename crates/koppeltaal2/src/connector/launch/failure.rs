//! [`LaunchFailure`]: why a user who was launched is not let in, and the page that says so.

use std::fmt;

use http::StatusCode;
use koppeltaal_smart::{AuthorizationError, JwtError, NotALaunch};
use uuid::Uuid;

use crate::connector::audit::event::EventOutcome;

/// Why a user is not let in, with a reference to find it by. `Display` and `Debug` hold no token and nothing
/// of people.
#[non_exhaustive]
pub struct LaunchFailure {
    /// Why.
    pub reason: FailureReason,
    /// The trace id of the launch; when it is not known, one of its own. The AuditEvent of the failure has
    /// it.
    pub reference: String,
}

/// Why a user who was launched is not let in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FailureReason {
    /// What came is not the form of a launch.
    #[error(transparent)]
    NotALaunch(#[from] NotALaunch),
    /// The form names another FHIR server than that of the domain, or none. A module takes launches only of
    /// those that it knows.
    #[error("the launch is not one of this domain")]
    UnknownIssuer,
    /// The domain does not find the token good: it is too old, was used before, or is for another module.
    #[error(
        "the launch is not accepted: it is too old, was used before, or is meant for another application"
    )]
    Inactive,
    /// The domain says too little about the launch.
    #[error("the domain does not say the {0} of the launch")]
    Missing(&'static str),
    /// The claims of the token make no sense.
    #[error("the launch is not accepted: {0}")]
    Token(JwtError),
    /// The browser came back without what it should have.
    #[error(transparent)]
    Authorization(#[from] AuthorizationError),
    /// The authorization service refuses, or cannot be reached.
    #[error(transparent)]
    Service(#[from] koppeltaal_smart::Error),
}

/// A page for the user who is not let in: no technical detail, but a reference (topic 12c).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailurePage {
    /// The status to answer with.
    pub status: StatusCode,
    /// The page, in Dutch and English.
    pub html: String,
    /// The reference on it.
    pub reference: String,
}

impl LaunchFailure {
    pub(crate) fn new(reason: impl Into<FailureReason>, trace_id: Option<&str>) -> Self {
        let reference = trace_id.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
        Self { reason: reason.into(), reference }
    }

    /// The status that a page about it has.
    pub fn status(&self) -> StatusCode {
        match &self.reason {
            FailureReason::Service(error) if error.is_transient() => StatusCode::SERVICE_UNAVAILABLE,
            FailureReason::Service(_) | FailureReason::Missing(_) => StatusCode::BAD_GATEWAY,
            FailureReason::Authorization(AuthorizationError::Refused(_)) | FailureReason::Inactive => {
                StatusCode::FORBIDDEN
            }
            _ => StatusCode::BAD_REQUEST,
        }
    }

    pub(crate) fn outcome(&self) -> EventOutcome {
        match &self.reason {
            FailureReason::Service(error) if error.is_transient() => EventOutcome::Down,
            FailureReason::Service(_) | FailureReason::Missing(_) => EventOutcome::UnexpectedFailure,
            _ => EventOutcome::ExpectedFailure,
        }
    }

    /// The page about it.
    pub(crate) fn page(&self) -> FailurePage {
        // A reference is an `id` of FHIR: it has no letter that HTML would have to escape.
        let reference = &self.reference;
        let html = format!(
            "<!DOCTYPE html>\n<html lang=\"nl\">\n<head><meta charset=\"utf-8\"><title>Niet gestart</title></head>\n<body>\n\
             <h1>Het starten is niet gelukt</h1>\n\
             <p>Ga terug en probeer het opnieuw. Gaat het weer mis, geef dan dit kenmerk door: <code>{reference}</code></p>\n\
             <p lang=\"en\">Starting did not work. Go back and try again. If it happens again, report this reference.</p>\n\
             </body>\n</html>\n"
        );
        FailurePage { status: self.status(), html, reference: reference.clone() }
    }
}

impl FailurePage {
    /// The headers that the page needs, and those that keep it out of caches.
    pub fn headers(&self) -> [(&'static str, &'static str); 4] {
        [
            ("content-type", "text/html; charset=utf-8"),
            ("content-security-policy", "default-src 'none'; base-uri 'none'"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
        ]
    }
}

impl From<JwtError> for FailureReason {
    fn from(error: JwtError) -> Self {
        match error {
            JwtError::Inactive => Self::Inactive,
            error => Self::Token(error),
        }
    }
}

impl fmt::Display for LaunchFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (reference {})", self.reason, self.reference)
    }
}

impl fmt::Debug for LaunchFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LaunchFailure({self})")
    }
}

impl std::error::Error for LaunchFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.reason)
    }
}
