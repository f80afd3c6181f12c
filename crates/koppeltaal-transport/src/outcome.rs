//! [`Outcome`]: what the server said when it refused. Logs show its codes only.

use std::fmt;

use koppeltaal_fhir::resources::{IssueSeverity, OperationOutcome, OperationOutcomeIssue};
use koppeltaal_messaging::{Issue, ResourceUrl};

use self::cause::FailureCause;

pub(crate) mod cause;

/// The `OperationOutcome` of a refusal.
///
/// Its texts can quote tokens, URLs of patients and content. So `Debug` and `Display` show only how many
/// issues there are and their codes. The methods give the texts.
#[derive(Clone, PartialEq)]
pub struct Outcome(Box<OperationOutcome>);

impl Outcome {
    pub(crate) fn new(outcome: OperationOutcome) -> Self {
        Self(Box::new(outcome))
    }

    /// The resource as the server sent it.
    pub fn resource(&self) -> &OperationOutcome {
        &self.0
    }

    /// The resource as the server sent it.
    pub fn into_resource(self) -> OperationOutcome {
        *self.0
    }

    /// The issues: codes, texts, resources. They may hold data of patients.
    pub fn issues(&self) -> impl Iterator<Item = Issue> {
        Issue::all_from_outcome(&self.0)
    }

    /// The issue type codes, such as `conflict` or `expired`. An issue without a code is left out.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.0.issue.iter().filter_map(code)
    }

    /// The resources that the issues are about, without version, each once.
    pub fn resources(&self) -> Vec<ResourceUrl> {
        let mut resources = Vec::new();
        let urls = self.issues().filter_map(|issue| issue.resource?.url());
        for resource in urls.map(|url| url.without_version()) {
            if !resources.contains(&resource) {
                resources.push(resource);
            }
        }
        resources
    }

    /// The cause of the failure, by the issue types. Issues that are errors count; when there are none, all
    /// do.
    ///
    /// ```
    /// # fn example(error: &koppeltaal_transport::Error) {
    /// use koppeltaal_transport::FailureCause;
    ///
    /// match error.outcome().map(koppeltaal_transport::Outcome::cause) {
    ///     Some(FailureCause::InvalidContent | FailureCause::Conflict) => println!("somebody has to look at the message"),
    ///     Some(cause) if cause.is_transient() => println!("later, perhaps"),
    ///     _ => println!("{error}"),
    /// }
    /// # }
    /// ```
    pub fn cause(&self) -> FailureCause {
        let of = |issue: &OperationOutcomeIssue| {
            code(issue).map_or(FailureCause::Unknown, FailureCause::from_code)
        };
        let errors = self.0.issue.iter().filter(|issue| is_error(issue)).map(of).min();
        errors.or_else(|| self.0.issue.iter().map(of).min()).unwrap_or(FailureCause::Unknown)
    }
}

/// Whether an issue is an error. One without a severity counts as an error.
pub(crate) fn is_error(issue: &OperationOutcomeIssue) -> bool {
    !matches!(issue.severity.value, Some(IssueSeverity::Information | IssueSeverity::Warning))
}

fn code(issue: &OperationOutcomeIssue) -> Option<&str> {
    issue.r#type.as_ref()?.code.as_str()
}

/// Whether a code looks like a code. Anything else may be free text, which does not belong in a log.
fn is_token(code: &str) -> bool {
    (1..=30).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes: Vec<_> = self.codes().filter(|code| is_token(code)).collect();
        let issues = self.0.issue.len();
        write!(f, "{issues} {}", if issues == 1 { "issue" } else { "issues" })?;
        if !codes.is_empty() {
            write!(f, ": {}", codes.join(", "))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outcome({self})")
    }
}

#[cfg(test)]
mod tests {
    use koppeltaal_fhir::datatypes::Coding;

    use super::*;

    #[test]
    fn texts_of_issues_are_not_shown() {
        let issue = |code: &str| OperationOutcomeIssue {
            r#type: Some(Coding { code: code.into(), ..Coding::default() }),
            details: "Bearer token abc123 of Jan Jansen".into(),
            ..OperationOutcomeIssue::default()
        };
        let issue = vec![issue("expired"), issue("token abc123"), OperationOutcomeIssue::default()];
        let outcome = Outcome::new(OperationOutcome { issue, ..OperationOutcome::default() });
        assert_eq!(outcome.to_string(), "3 issues: expired");
        assert_eq!(format!("{outcome:?}"), "Outcome(3 issues: expired)");
        assert_eq!(outcome.issues().filter_map(|issue| issue.details).count(), 2);
    }

    #[test]
    fn of_several_issues_the_error_with_the_most_specific_cause_counts() {
        let cause = |issues: &[(&str, &str)]| {
            let issue = issues.iter().map(|(severity, code)| OperationOutcomeIssue {
                severity: severity.parse::<IssueSeverity>().ok().into(),
                r#type: Some(Coding { code: (*code).into(), ..Coding::default() })
                    .filter(|_| !code.is_empty()),
                ..OperationOutcomeIssue::default()
            });
            let issue = issue.collect();
            Outcome::new(OperationOutcome { issue, ..OperationOutcome::default() }).cause()
        };
        assert_eq!(cause(&[]), FailureCause::Unknown);
        assert_eq!(cause(&[("", "")]), FailureCause::Unknown);
        assert_eq!(cause(&[("", ""), ("", "exception")]), FailureCause::Internal);
        assert_eq!(cause(&[("error", "exception"), ("fatal", "invariant")]), FailureCause::InvalidContent);
        assert_eq!(cause(&[("error", "business-rule"), ("error", "conflict")]), FailureCause::Conflict);
        assert_eq!(cause(&[("warning", "invalid"), ("error", "exception")]), FailureCause::Internal);
        assert_eq!(cause(&[("warning", "invalid")]), FailureCause::InvalidContent);
    }
}
