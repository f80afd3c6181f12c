//! [`Outcome`]: what the server said when it refused, kept away from logs.

use std::fmt;

use koppeltaal_fhir::resources::{IssueSeverity, OperationOutcome, OperationOutcomeIssue};
use koppeltaal_messaging::{Issue, ResourceUrl};

use crate::trouble::Trouble;

/// The `OperationOutcome` of a refusal.
///
/// Its texts can quote tokens, URLs of patients and content. So `Debug` and `Display` show only how many issues there
/// are and their codes; the texts are there for who asks.
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

    /// The issue type codes, such as `conflict` or `expired`; an issue without a code has none here.
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

    /// What the issue types say is the trouble. Issues that are errors count; when there are none, all.
    ///
    /// ```
    /// # fn example(error: &koppeltaal_transport::Error) {
    /// use koppeltaal_transport::Trouble;
    ///
    /// match error.outcome().map(koppeltaal_transport::Outcome::trouble) {
    ///     Some(Trouble::Content | Trouble::Version) => println!("somebody has to look at the message"),
    ///     Some(trouble) if trouble.is_passing() => println!("later, perhaps"),
    ///     _ => println!("{error}"),
    /// }
    /// # }
    /// ```
    pub fn trouble(&self) -> Trouble {
        let of = |issue: &OperationOutcomeIssue| code(issue).map_or(Trouble::Unclear, Trouble::of);
        let errors = self.0.issue.iter().filter(|issue| is_error(issue)).map(of).min();
        errors.or_else(|| self.0.issue.iter().map(of).min()).unwrap_or(Trouble::Unclear)
    }
}

/// Whether an issue is an error, or does not say what it is.
pub(crate) fn is_error(issue: &OperationOutcomeIssue) -> bool {
    !matches!(issue.severity.value, Some(IssueSeverity::Information | IssueSeverity::Warning))
}

fn code(issue: &OperationOutcomeIssue) -> Option<&str> {
    issue.r#type.as_ref()?.code.as_str()
}

/// Codes are tokens; what does not look like one is text that does not belong into a log.
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
    fn of_several_issues_the_most_telling_error_counts() {
        let trouble = |issues: &[(&str, &str)]| {
            let issue = issues.iter().map(|(severity, code)| OperationOutcomeIssue {
                severity: severity.parse::<IssueSeverity>().ok().into(),
                r#type: Some(Coding { code: (*code).into(), ..Coding::default() })
                    .filter(|_| !code.is_empty()),
                ..OperationOutcomeIssue::default()
            });
            let issue = issue.collect();
            Outcome::new(OperationOutcome { issue, ..OperationOutcome::default() }).trouble()
        };
        assert_eq!(trouble(&[]), Trouble::Unclear);
        assert_eq!(trouble(&[("", "")]), Trouble::Unclear);
        assert_eq!(trouble(&[("", ""), ("", "exception")]), Trouble::Internal);
        assert_eq!(trouble(&[("error", "exception"), ("fatal", "invariant")]), Trouble::Content);
        assert_eq!(trouble(&[("error", "business-rule"), ("error", "conflict")]), Trouble::Version);
        assert_eq!(trouble(&[("warning", "invalid"), ("error", "exception")]), Trouble::Internal);
        assert_eq!(trouble(&[("warning", "invalid")]), Trouble::Content);
    }
}
