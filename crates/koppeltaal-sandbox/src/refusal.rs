//! [`Refusal`]: why a request is not carried out. Every part of the sandbox refuses with it, the HTTP side
//! included, so some kinds are about requests as such; `http/reply.rs` alone knows which status each kind
//! becomes.

use std::borrow::Cow;

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
///
/// The issues are for the client and may quote what it sent. The other fields are also logged and shown to
/// people, so nothing that a client sent may be in them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) kind: RefusalKind,
    /// At least one.
    pub(crate) issues: Vec<Issue>,
    /// What is wrong, as a sentence.
    pub(crate) rule: &'static str,
    /// Where: an element, a parameter or a header, or the line in the body.
    pub(crate) place: Option<Cow<'static, str>>,
    /// What belongs there.
    pub(crate) expected: Option<Cow<'static, str>>,
}

impl Refusal {
    /// A refusal whose issue says the same as its rule.
    pub(crate) fn new(kind: RefusalKind, code: impl Into<IssueType>, rule: &'static str) -> Self {
        Self::with_issues(kind, rule, vec![Issue::error(code.into(), rule)])
    }

    pub(crate) fn with_issues(kind: RefusalKind, rule: &'static str, issues: Vec<Issue>) -> Self {
        Self { kind, issues, rule, place: None, expected: None }
    }

    /// With another text for the client, which may quote what it sent.
    pub(crate) fn details(mut self, details: impl Into<String>) -> Self {
        if let Some(issue) = self.issues.first_mut() {
            issue.details = Some(details.into());
        }
        self
    }

    /// With the place of what is wrong. It must not hold content.
    pub(crate) fn at(mut self, place: impl Into<Cow<'static, str>>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// About an entry of a bundle, unless its place is known already.
    pub(crate) fn in_entry(mut self, place: usize) -> Self {
        self.place.get_or_insert_with(|| format!("entry[{place}]").into());
        self
    }

    /// With what belongs there. It must not hold content.
    pub(crate) fn expected(mut self, expected: impl Into<Cow<'static, str>>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// The code of the first issue.
    pub(crate) fn code(&self) -> Option<&IssueType> {
        self.issues.first()?.r#type.as_ref()
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

    pub(crate) fn malformed(rule: &'static str) -> Self {
        Self::new(RefusalKind::Malformed, "structure", rule)
    }

    pub(crate) fn required(rule: &'static str) -> Self {
        Self::new(RefusalKind::Malformed, IssueType::Required, rule)
    }

    pub(crate) fn parameter(rule: &'static str) -> Self {
        Self::new(RefusalKind::Malformed, IssueType::Invalid, rule)
    }

    pub(crate) fn not_found(rule: &'static str) -> Self {
        Self::new(RefusalKind::NotFound, IssueType::NotFound, rule)
    }

    pub(crate) fn forbidden(rule: &'static str) -> Self {
        Self::new(RefusalKind::Forbidden, IssueType::Forbidden, rule)
    }

    pub(crate) fn rule(rule: &'static str) -> Self {
        Self::new(RefusalKind::Rule, "business-rule", rule)
    }

    pub(crate) fn unsupported(rule: &'static str) -> Self {
        Self::new(RefusalKind::Unsupported, IssueType::NotSupported, rule)
    }
}

impl From<RepresentationError> for Refusal {
    fn from(error: RepresentationError) -> Self {
        let rule = "The content cannot be written in both formats.";
        let details =
            format!("The sandbox hands everything out in JSON and in XML, and this cannot be: {error}");
        let refusal = Self::new(RefusalKind::Rule, IssueType::Invalid, rule).details(details);
        match error.path() {
            Some(path) => refusal.at(path.to_owned()),
            None => refusal,
        }
        .expected("content that JSON and XML can carry")
    }
}
