//! [`Refusal`]: why the mailbox does not do what was asked, free of HTTP.

use koppeltaal_messaging::Issue;
use koppeltaal_messaging::valuesets::IssueType;

use crate::representation;

/// Why a request is refused; decides the HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefusalKind {
    /// What was sent is no message or no resource, or a parameter makes no sense.
    Malformed,
    /// Nobody knows these credentials.
    Unauthorized,
    /// Nobody knows this bearer token, or its time is over.
    BadToken,
    /// Known, but not allowed.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// The path exists, not for this method.
    MethodNotAllowed,
    /// A version is missing or not the current one.
    Conflict,
    /// The body took longer to come than the sandbox waits.
    Slow,
    /// The body is longer than the sandbox takes.
    TooLarge,
    /// The body is in a format that the sandbox does not read.
    MediaType,
    /// The content breaks a rule of the protocol.
    Rule,
    /// The original server could not do it either, and answered with 500.
    Unsupported,
    /// The sandbox is full.
    Full,
}

/// The answer to a request that is not carried out: no part of it is.
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

    /// The same, with what cannot be written in both formats replaced: it may quote what was sent.
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
