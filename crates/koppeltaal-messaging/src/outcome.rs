//! The issues of an `OperationOutcome`: builds and reads them, and turns findings into issues and back.
//!
//! [`OperationOutcomeIssue`] is the generated type; this adds what servers and clients do with it.

use koppeltaal_fhir::resources::{IssueSeverity, OperationOutcome};
use koppeltaal_fhir::{Finding, Rule, Severity};

use crate::generated::profiles::OperationOutcomeIssue;
use crate::generated::valuesets::IssueType;
use crate::profile::{CodeSystem as _, Reference};
use crate::rules;
use crate::url::ResourceUrl;

/// Texts that clients compare exactly.
pub mod details {
    /// The refusal of a known focal resource without version (with a full stop).
    pub const NO_VERSION: &str = "No version specified for the focal resource, message is rejected.";
    /// The refusal of a resource of another version than the current one (without a full stop).
    pub const WRONG_VERSION: &str = "The specified resource version is not correct";
}

impl OperationOutcomeIssue {
    /// An error of this type.
    pub fn error(issue_type: IssueType, details: impl Into<String>) -> Self {
        Self {
            severity: Some(IssueSeverity::Error),
            r#type: Some(issue_type),
            details: Some(details.into()),
            ..Self::default()
        }
    }

    /// About a resource. The issue names it without its version.
    #[must_use]
    pub fn about(mut self, url: &ResourceUrl) -> Self {
        self.resource = Some(Reference::from(url.versionless()));
        self
    }

    /// Whether the issue is of this type.
    pub fn is(&self, issue_type: impl Into<IssueType>) -> bool {
        self.r#type == Some(issue_type.into())
    }

    /// The issues of an outcome.
    pub fn all_from_outcome(outcome: &OperationOutcome) -> impl Iterator<Item = Self> {
        outcome.issue.iter().cloned().map(Self::from)
    }

    /// An outcome with these issues.
    pub fn outcome(issues: impl IntoIterator<Item = Self>) -> OperationOutcome {
        OperationOutcome {
            issue: issues.into_iter().map(Into::into).collect(),
            ..OperationOutcome::default()
        }
    }
}

/// Separates the two parts of a finding's details.
const FOUND: &str = ", found ";

impl From<&Finding> for OperationOutcomeIssue {
    /// The details begin with the rule's id. The location is the path, followed by the position in the text.
    ///
    /// The finding can quote data of a patient: show the outcome only to people who may see the content.
    fn from(finding: &Finding) -> Self {
        let Finding { severity, rule, path, position, expected, found } = finding;
        let position = position.map(|position| position.to_string());
        Self {
            severity: Some(match severity {
                Severity::Error => IssueSeverity::Error,
                Severity::Warning => IssueSeverity::Warning,
                Severity::Information => IssueSeverity::Information,
            }),
            r#type: Some(rules::issue_type(*rule)),
            details: Some(format!("{rule}: expected {expected}{FOUND}{found}")),
            location: std::iter::once(path.clone()).chain(position).collect(),
            ..Self::default()
        }
    }
}

impl From<&OperationOutcomeIssue> for Finding {
    /// Reads an issue that was made from a finding; the position in the text is lost. Any other issue becomes
    /// a finding of [`rules::OUTCOME`] that quotes its type and details.
    fn from(issue: &OperationOutcomeIssue) -> Self {
        let severity = match issue.severity {
            Some(IssueSeverity::Information) => Severity::Information,
            Some(IssueSeverity::Warning) => Severity::Warning,
            // Absent, fatal or unlisted. An error is the safe reading.
            _ => Severity::Error,
        };
        let path = issue.location.first().cloned().unwrap_or_default();
        let details = issue.details.as_deref().unwrap_or_default();
        let (rule, expected, found) = parts(details).unwrap_or_else(|| {
            let code = issue.r#type.as_ref().map(|code| code.code().to_owned());
            let said = [code.as_deref().unwrap_or_default(), details];
            let said: Vec<_> = said.into_iter().filter(|text| !text.is_empty()).collect();
            (rules::OUTCOME, "success".to_owned(), said.join(": "))
        });
        Self { severity, rule, path, position: None, expected, found }
    }
}

/// The rule, what was expected and what was found, from the details of a finding's issue.
fn parts(details: &str) -> Option<(Rule, String, String)> {
    let (id, rest) = details.split_once(": expected ")?;
    let (expected, found) = rest.split_once(FOUND)?;
    Some((rules::from_id(id)?, expected.to_owned(), found.to_owned()))
}

#[cfg(test)]
mod tests {
    use koppeltaal_fhir::resources::OperationOutcomeIssue as FhirIssue;

    use super::*;

    #[test]
    fn an_issue_reads_back() -> Result<(), Box<dyn std::error::Error>> {
        let url: ResourceUrl = "https://a.example/CarePlan/1/_history/2".parse()?;
        let issue = OperationOutcomeIssue::error(IssueType::Conflict, details::WRONG_VERSION).about(&url);
        assert_eq!(issue.resource, Some(Reference::from("https://a.example/CarePlan/1")));
        assert!(issue.is(IssueType::Conflict) && issue.is("conflict"));
        let outcome = OperationOutcomeIssue::outcome([issue.clone()]);
        assert_eq!(OperationOutcomeIssue::all_from_outcome(&outcome).collect::<Vec<_>>(), [issue]);
        Ok(())
    }

    #[test]
    fn an_issue_without_severity_and_type_is_read() {
        let outcome = OperationOutcome { issue: vec![FhirIssue::default()], ..Default::default() };
        let issues: Vec<_> = OperationOutcomeIssue::all_from_outcome(&outcome).collect();
        assert_eq!(issues, [OperationOutcomeIssue::default()]);
        assert_eq!(Finding::from(&issues[0]).severity, Severity::Error);
    }

    #[test]
    fn a_finding_of_any_rule_reads_back() {
        for (rule, _) in rules::all() {
            for severity in [Severity::Error, Severity::Warning, Severity::Information] {
                let finding = Finding {
                    severity,
                    rule,
                    path: "entry[1].content.activity[0]".to_owned(),
                    position: None,
                    expected: "a code of ActivityKind".to_owned(),
                    found: "\"a: expected b, found c\"".to_owned(),
                };
                let outcome = OperationOutcomeIssue::outcome([OperationOutcomeIssue::from(&finding)]);
                let issue = OperationOutcomeIssue::all_from_outcome(&outcome).next().expect("an issue");
                assert_eq!(Finding::from(&issue), finding);
            }
        }
    }

    #[test]
    fn an_issue_that_was_no_finding_gets_a_rule_of_its_own() {
        let issue = OperationOutcomeIssue::error(IssueType::Conflict, details::WRONG_VERSION);
        let finding = Finding::from(&issue);
        assert_eq!((finding.rule, finding.severity), (rules::OUTCOME, Severity::Error));
        assert_eq!(finding.found, "conflict: The specified resource version is not correct");
    }
}
