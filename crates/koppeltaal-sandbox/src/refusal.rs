//! [`Refusal`]: why a request is not carried out. Every part of the sandbox refuses with it, the HTTP side
//! included, so some kinds are about requests as such; `http/reply.rs` alone knows which status each kind
//! becomes.

use koppeltaal_messaging::Issue;
use koppeltaal_messaging::valuesets::IssueType;

use crate::representation::{self, RepresentationError};

/// Why a request is refused. The kind decides the HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefusalKind {
    /// The body is not a message or resource, or a parameter makes no sense.
    Malformed,
    /// The credentials are unknown.
    Unauthorized,
    /// The bearer token is unknown or has expired.
    BadToken,
    /// The caller is known, but may not do this.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// The path exists, but not for this method.
    MethodNotAllowed,
    /// A version is missing or not the current one.
    Conflict,
    /// The body did not arrive in time.
    Slow,
    /// The body is longer than the sandbox takes.
    TooLarge,
    /// The body is in a format that the sandbox does not read.
    MediaType,
    /// The content breaks a rule of the protocol.
    Rule,
    /// The original server could not do this either, and answered with 500.
    Unsupported,
    /// There is no room for more.
    Full,
}

/// The answer to a request that is refused as a whole.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) kind: RefusalKind,
    /// At least one.
    pub(crate) issues: Vec<Issue>,
}

impl Refusal {
    pub(crate) fn new(kind: RefusalKind, code: impl Into<IssueType>, details: impl Into<String>) -> Self {
        Self { kind, issues: vec![Issue::error(code.into(), details)] }
    }

    /// The refusal with every character replaced that one of the formats cannot have: details may quote what
    /// was sent.
    pub(crate) fn sayable(mut self) -> Self {
        for issue in &mut self.issues {
            if let Some(details) =
                issue.details.as_mut().filter(|details| !representation::is_writable(details))
            {
                *details = representation::replaced(details);
            }
        }
        self
    }

    pub(crate) fn malformed(details: impl Into<String>) -> Self {
        Self::new(RefusalKind::Malformed, "structure", details)
    }

    pub(crate) fn required(details: impl Into<String>) -> Self {
        Self::new(RefusalKind::Malformed, IssueType::Required, details)
    }

    pub(crate) fn parameter(details: impl Into<String>) -> Self {
        Self::new(RefusalKind::Malformed, IssueType::Invalid, details)
    }

    pub(crate) fn not_found(details: impl Into<String>) -> Self {
        Self::new(RefusalKind::NotFound, IssueType::NotFound, details)
    }

    pub(crate) fn forbidden(details: impl Into<String>) -> Self {
        Self::new(RefusalKind::Forbidden, IssueType::Forbidden, details)
    }

    pub(crate) fn rule(details: impl Into<String>) -> Self {
        Self::new(RefusalKind::Rule, "business-rule", details)
    }

    pub(crate) fn unsupported(details: impl Into<String>) -> Self {
        Self::new(RefusalKind::Unsupported, IssueType::NotSupported, details)
    }
}

impl From<RepresentationError> for Refusal {
    fn from(error: RepresentationError) -> Self {
        let details =
            format!("The sandbox hands everything out in JSON and in XML, and this cannot be: {error}");
        Self::new(RefusalKind::Rule, IssueType::Invalid, details)
    }
}
