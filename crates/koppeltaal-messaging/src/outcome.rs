//! [`Issue`]: one issue of an `OperationOutcome`, to build and to read (Koppeltaal spec section 8).

use koppeltaal_fhir::datatypes::{Coding, Extension, ExtensionValue, ResourceReference};
use koppeltaal_fhir::resources::{IssueSeverity, OperationOutcome, OperationOutcomeIssue};

use crate::url::ResourceUrl;
use crate::vocabulary::extension::operation_outcome::ISSUE_RESOURCE;
use crate::vocabulary::system::ISSUE_TYPE;

/// The codes of `issue.type` that Koppeltaal's rules speak of, as text. The whole list is
/// [`IssueType`](crate::valuesets::IssueType).
pub mod issue_type {
    /// A resource has another version than the sender thinks.
    pub const CONFLICT: &str = "conflict";
    /// A token is too old.
    pub const EXPIRED: &str = "expired";
    /// The sender is not allowed to do this.
    pub const FORBIDDEN: &str = "forbidden";
    /// The sender is not logged in, or not known.
    pub const LOGIN: &str = "login";
    /// The content is invalid.
    pub const INVALID: &str = "invalid";
    /// A mandatory element is missing.
    pub const REQUIRED: &str = "required";
    /// The server does not do this.
    pub const NOT_SUPPORTED: &str = "not-supported";
    /// There is one already.
    pub const DUPLICATE: &str = "duplicate";
    /// There is no such thing.
    pub const NOT_FOUND: &str = "not-found";
    /// Processing failed.
    pub const PROCESSING: &str = "processing";
    /// The server failed.
    pub const EXCEPTION: &str = "exception";
    /// Too many requests.
    pub const THROTTLED: &str = "throttled";
}

/// Details of the refusal of a known focal resource without version. Clients compare the text.
pub const NO_VERSION: &str = "No version specified for the focal resource, message is rejected.";
/// Details of the refusal of a resource of another version. Clients compare the text.
pub const WRONG_VERSION: &str = "The specified resource version is not correct";

/// One thing that a server says went wrong. Severity and type are sometimes missing on the wire.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Issue {
    /// How grave it is.
    pub severity: Option<IssueSeverity>,
    /// The code of its type, see [`issue_type`].
    pub code: Option<String>,
    /// What went wrong, for people.
    pub details: Option<String>,
    /// Where in the content, as `XPath`.
    pub location: Vec<String>,
    /// The resource that it is about: a reference, as a rule a URL without version.
    pub resource: Option<String>,
}

impl Issue {
    /// An error of this type.
    pub fn error(code: &str, details: impl Into<String>) -> Self {
        Self {
            severity: Some(IssueSeverity::Error),
            code: Some(code.to_owned()),
            details: Some(details.into()),
            ..Self::default()
        }
    }

    /// About a resource, which is named without version.
    #[must_use]
    pub fn about(mut self, url: &ResourceUrl) -> Self {
        self.resource = Some(url.versionless().to_owned());
        self
    }

    /// Whether the issue is of this type.
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// The issues of an outcome.
    pub fn all_of(outcome: &OperationOutcome) -> impl Iterator<Item = Self> {
        outcome.issue.iter().map(Self::from)
    }

    /// An outcome with these issues.
    pub fn outcome(issues: impl IntoIterator<Item = Self>) -> OperationOutcome {
        OperationOutcome {
            issue: issues.into_iter().map(Into::into).collect(),
            ..OperationOutcome::default()
        }
    }
}

impl From<&OperationOutcomeIssue> for Issue {
    fn from(issue: &OperationOutcomeIssue) -> Self {
        let resource = issue.extension.iter().find(|extension| extension.url == ISSUE_RESOURCE);
        let reference = match resource.and_then(|extension| extension.value.as_ref()) {
            Some(ExtensionValue::Resource(reference)) => reference.reference.as_str(),
            _ => None,
        };
        Self {
            severity: issue.severity.value.clone(),
            code: issue.r#type.as_ref().and_then(|coding| coding.code.as_str()).map(str::to_owned),
            details: issue.details.as_str().map(str::to_owned),
            location: issue
                .location
                .iter()
                .filter_map(|location| location.as_str().map(str::to_owned))
                .collect(),
            resource: reference.map(str::to_owned),
        }
    }
}

impl From<Issue> for OperationOutcomeIssue {
    fn from(issue: Issue) -> Self {
        let reference = |reference: String| Extension {
            url: ISSUE_RESOURCE.to_owned(),
            value: Some(ExtensionValue::Resource(Box::new(ResourceReference {
                reference: reference.into(),
                ..ResourceReference::default()
            }))),
            ..Extension::default()
        };
        let coding = |code: String| Coding {
            system: ISSUE_TYPE.into(),
            code: code.as_str().into(),
            ..Coding::default()
        };
        Self {
            extension: issue.resource.map(reference).into_iter().collect(),
            severity: issue.severity.into(),
            r#type: issue.code.map(coding),
            details: issue.details.into(),
            location: issue.location.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issues_read_back_and_name_resources_without_version() -> Result<(), crate::UrlError> {
        let url = "https://a.example/CarePlan/1/_history/7".parse()?;
        let issue = Issue::error(issue_type::CONFLICT, WRONG_VERSION).about(&url);
        assert_eq!(issue.resource.as_deref(), Some("https://a.example/CarePlan/1"));
        assert!(issue.is(issue_type::CONFLICT));
        let outcome = Issue::outcome([issue.clone()]);
        assert_eq!(Issue::all_of(&outcome).collect::<Vec<_>>(), [issue]);
        Ok(())
    }

    #[test]
    fn an_issue_without_severity_and_type_is_read() {
        let outcome =
            OperationOutcome { issue: vec![OperationOutcomeIssue::default()], ..Default::default() };
        assert_eq!(Issue::all_of(&outcome).collect::<Vec<_>>(), [Issue::default()]);
    }
}
