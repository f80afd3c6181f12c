//! [`Refusal`]: what a server says when it refuses a request.

use std::fmt;

use http::StatusCode;
use koppeltaal_r4::resources::{OperationOutcome, OperationOutcomeIssue};

use crate::connector::request_info::RequestInfo;

/// A request that the server refused: its status, and the issues of its `OperationOutcome`.
///
/// `Display` and `Debug` show status, codes and paths. The server's words ([`Issue::diagnostics`]) may quote
/// data of a person, so only the field has them.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// Which request.
    pub request: RequestInfo,
    /// The HTTP status.
    pub status: StatusCode,
    /// What the server finds wrong; empty if it gives no `OperationOutcome`.
    pub issues: Vec<Issue>,
}

/// One issue of an `OperationOutcome`.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Issue {
    /// `fatal`, `error`, `warning` or `information`.
    pub severity: String,
    /// The kind of issue, such as `required` or `invariant` (code system `issue-type`).
    pub code: String,
    /// Where in the resource, as `FHIRPath`: `Task.for`. The older `location`, where there is no
    /// `expression`.
    pub expression: Vec<String>,
    /// The server's words, of at most 2,000 characters. They may quote data of a person: for the one who
    /// works on it, not for a log.
    pub diagnostics: Option<String>,
}

/// How many issues are kept, and how many characters of the words of each.
const MAX_ISSUES: usize = 100;
const MAX_WORDS: usize = 2_000;

/// How many issues the text of an error shows.
const SHOWN: usize = 3;

impl Refusal {
    pub(crate) fn new(request: RequestInfo, status: StatusCode, outcome: Option<&OperationOutcome>) -> Self {
        let issues = outcome.map_or(&[][..], |outcome| &outcome.issue);
        Self { request, status, issues: issues.iter().take(MAX_ISSUES).map(Issue::read).collect() }
    }
}

impl Issue {
    fn read(issue: &OperationOutcomeIssue) -> Self {
        let texts = |list: &[koppeltaal_r4::Primitive<String>]| -> Vec<String> {
            list.iter().filter_map(|text| text.as_str()).take(MAX_ISSUES).map(cut).collect()
        };
        let expression = texts(&issue.expression);
        let details = || issue.details.as_ref().and_then(|details| details.text.as_str());
        Self {
            severity: issue.severity.as_str().unwrap_or_default().to_owned(),
            code: issue.code.as_str().unwrap_or_default().to_owned(),
            expression: if expression.is_empty() { texts(&issue.location) } else { expression },
            diagnostics: issue.diagnostics.as_str().or_else(details).map(cut),
        }
    }

    /// The first path that is one: a path can have a comparison with a value in it.
    fn path(&self) -> Option<&str> {
        let is_path = |text: &&String| {
            text.len() <= 100
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".[]()".contains(&byte))
        };
        self.expression.iter().find(is_path).map(String::as_str)
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_WORDS).collect()
}

/// Whether a code looks like a code. Anything else may be free text.
fn is_code(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if is_code(&self.code) { &self.code } else { "an issue" })?;
        self.path().map_or(Ok(()), |path| write!(f, " at {path}"))
    }
}

impl fmt::Debug for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issue({self})")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, HTTP {}", self.request, self.status.as_u16())?;
        for (number, issue) in self.issues.iter().take(SHOWN).enumerate() {
            write!(f, "{}{issue}", if number == 0 { ": " } else { ", " })?;
        }
        match self.issues.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Refusal({self})")
    }
}

#[cfg(test)]
mod tests {
    use koppeltaal_r4::resources::IssueType;

    use super::*;

    fn refusal(issues: Vec<OperationOutcomeIssue>) -> Refusal {
        let request =
            RequestInfo { interaction: "create", resource_type: "Task", request_id: "1b4e".to_owned() };
        let outcome = OperationOutcome { issue: issues, ..OperationOutcome::default() };
        Refusal::new(request, StatusCode::UNPROCESSABLE_ENTITY, Some(&outcome))
    }

    #[test]
    fn the_text_has_codes_and_paths_but_not_the_words_of_the_server() {
        let issue = |expression: &str| OperationOutcomeIssue {
            code: IssueType::Required.into(),
            expression: vec![expression.into()],
            diagnostics: "Roos Jansen has no birth date".into(),
            ..OperationOutcomeIssue::default()
        };
        let refusal = refusal(vec![issue("Task.for"), issue("Task.identifier.where(value='999')")]);
        let shown = "create of Task (request 1b4e), HTTP 422: required at Task.for, required";
        assert_eq!(refusal.to_string(), shown);
        assert_eq!(format!("{refusal:?}"), format!("Refusal({shown})"));
        assert_eq!(refusal.issues[0].diagnostics.as_deref(), Some("Roos Jansen has no birth date"));
    }

    #[test]
    fn what_a_server_says_at_length_is_cut() {
        let issue = OperationOutcomeIssue {
            code: "Some Words".into(),
            diagnostics: "é".repeat(10_000).as_str().into(),
            ..OperationOutcomeIssue::default()
        };
        let refusal = refusal(vec![issue; 200]);
        assert_eq!(refusal.issues.len(), 100);
        assert_eq!(refusal.issues[0].diagnostics.as_ref().map(|words| words.chars().count()), Some(2_000));
        assert!(refusal.to_string().ends_with("an issue, an issue, an issue and 97 more"), "{refusal}");
    }
}
