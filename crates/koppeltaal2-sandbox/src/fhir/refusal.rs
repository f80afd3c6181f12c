//! [`Refusal`]: why a request is not carried out, as status and `OperationOutcome`.

use http::{HeaderName, HeaderValue, StatusCode, header};
use koppeltaal_r4::Resource;
use koppeltaal_r4::resources::{IssueSeverity, IssueType, OperationOutcome, OperationOutcomeIssue};

/// How many issues an outcome lists.
const MOST_ISSUES: usize = 50;

/// The answer to a request that is refused.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// At least one.
    pub(crate) issues: Vec<Issue>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub(crate) struct Issue {
    pub(crate) code: IssueType,
    /// For the one who asked; it may quote what was sent.
    pub(crate) diagnostics: String,
    /// The same for AuditEvents, without content; `None` if `diagnostics` quotes none.
    pub(crate) summary: Option<String>,
    /// Where: `Task.status`.
    pub(crate) expression: Option<String>,
}

impl Issue {
    pub(crate) fn new(code: IssueType, diagnostics: impl Into<String>) -> Self {
        Self { code, diagnostics: diagnostics.into(), summary: None, expression: None }
    }

    /// With the element that it is about.
    pub(crate) fn at(mut self, expression: impl Into<String>) -> Self {
        self.expression = Some(expression.into());
        self
    }

    /// With a text for AuditEvents.
    pub(crate) fn summary(mut self, summary: impl Into<String>) -> Self {
        self.summary = Some(summary.into());
        self
    }
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: IssueType, diagnostics: impl Into<String>) -> Self {
        Self::with_issues(status, vec![Issue::new(code, diagnostics)])
    }

    pub(crate) fn with_issues(status: StatusCode, mut issues: Vec<Issue>) -> Self {
        let more = issues.len().saturating_sub(MOST_ISSUES);
        issues.truncate(MOST_ISSUES);
        if more > 0 {
            issues.push(Issue::new(IssueType::Incomplete, format!("{more} more issues are not listed")));
        }
        Self { status, issues, headers: Vec::new() }
    }

    /// With the element that its first issue is about.
    pub(crate) fn at(mut self, expression: impl Into<String>) -> Self {
        if let Some(issue) = self.issues.first_mut() {
            issue.expression = Some(expression.into());
        }
        self
    }

    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn bad_request(diagnostics: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, IssueType::Invalid, diagnostics)
    }

    /// No valid access token. What was wrong with it is not told.
    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, IssueType::Login, "Unauthorized")
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// No permission. Nothing more is told.
    pub(crate) fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, IssueType::Forbidden, "Unauthorized")
    }

    pub(crate) fn not_found(diagnostics: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, IssueType::NotFound, diagnostics)
    }

    pub(crate) fn gone(diagnostics: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, IssueType::Deleted, diagnostics)
    }

    /// The address exists, but not for this method. `allowed` as in the header Allow.
    pub(crate) fn method(allowed: &'static str, diagnostics: impl Into<String>) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, IssueType::NotSupported, diagnostics)
            .header(header::ALLOW, HeaderValue::from_static(allowed))
    }

    pub(crate) fn unprocessable(issues: Vec<Issue>) -> Self {
        Self::with_issues(StatusCode::UNPROCESSABLE_ENTITY, issues)
    }

    /// The `OperationOutcome`.
    pub(crate) fn outcome(&self) -> Resource {
        let issue = self.issues.iter().map(|issue| OperationOutcomeIssue {
            severity: IssueSeverity::Error.into(),
            code: issue.code.clone().into(),
            diagnostics: issue.diagnostics.as_str().into(),
            expression: issue.expression.iter().map(|text| text.as_str().into()).collect(),
            ..Default::default()
        });
        OperationOutcome { issue: issue.collect(), ..Default::default() }.into()
    }

    /// What an AuditEvent says of it.
    pub(crate) fn summary(&self) -> String {
        let texts = self.issues.iter().map(|issue| issue.summary.as_ref().unwrap_or(&issue.diagnostics));
        texts.take(5).cloned().collect::<Vec<_>>().join("; ")
    }
}
