//! Reads the resource in a request's body, and checks it against the structure of R4.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use http::{HeaderMap, StatusCode};
use koppeltaal_r4::resources::IssueType;
use koppeltaal_r4::{Finding, Format, ReadError, ReadOptions, Resource, Rule, Severity};
use tokio::time::timeout;

use crate::fhir::format;
use crate::fhir::refusal::{Issue, Refusal};

/// How long a body may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads a whole body.
///
/// # Errors
///
/// 413 for one that is longer than `most` bytes, at once if its length says so; 408 for one that does not come
/// in time; 400 for one that breaks off.
pub(crate) async fn read(body: Body, most: usize) -> Result<Bytes, Refusal> {
    let too_long = || {
        let diagnostics = format!("the body is longer than {most} bytes");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, IssueType::TooLong, diagnostics)
    };
    if usize::try_from(body.size_hint().lower()).map_or(true, |length| length > most) {
        return Err(too_long());
    }
    let Ok(read) = timeout(PATIENCE, to_bytes(body, most)).await else {
        let diagnostics = "the body did not come within 30 seconds";
        return Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, IssueType::Timeout, diagnostics));
    };
    read.map_err(|error| {
        // The limit is the innermost cause.
        let mut cause: &dyn std::error::Error = &error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        if cause.to_string().contains("length limit") {
            too_long()
        } else {
            Refusal::bad_request("the body broke off")
        }
    })
}

/// Reads a resource of a type.
///
/// # Errors
///
/// 415 for another format; 400 with the place for what cannot be read, and for another type; 422 with all
/// findings for what breaks the structure of R4.
pub(crate) fn resource(headers: &HeaderMap, body: &[u8], resource_type: &str) -> Result<Resource, Refusal> {
    let format = format::of_body(headers)?;
    let content_type = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    parsed(format, body, content_type.unwrap_or_default(), resource_type)
}

/// Reads a resource of a type from text in a format, which came with a media type.
///
/// # Errors
///
/// As [`resource`].
pub(crate) fn parsed(
    format: Format,
    body: &[u8],
    media_type: &str,
    resource_type: &str,
) -> Result<Resource, Refusal> {
    let options = ReadOptions::tolerant().labelled(media_type);
    let read = options.read(format, body).map_err(|error| unreadable(&error))?;
    let found = read.document.resource_type();
    if found != resource_type {
        let diagnostics = format!("expected a {resource_type}, as in the address; found {found}");
        let summary = format!("expected a {resource_type}, as in the address");
        let issue = Issue::new(IssueType::Invalid, diagnostics).summary(summary);
        return Err(Refusal::with_issues(StatusCode::BAD_REQUEST, vec![issue]));
    }
    let errors = read.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let issues: Vec<_> = errors.map(|finding| issue(resource_type, finding)).collect();
    if read.has_errors() { Err(Refusal::unprocessable(issues)) } else { Ok(read.document) }
}

fn unreadable(error: &ReadError) -> Refusal {
    let code = match error {
        ReadError::Limit { .. } => IssueType::TooCostly,
        _ => IssueType::Structure,
    };
    let issue = Issue::new(code, error.with_content().to_string()).summary(error.to_string());
    Refusal::with_issues(StatusCode::BAD_REQUEST, vec![issue])
}

fn issue(resource_type: &str, finding: &Finding) -> Issue {
    let code = match finding.rule {
        Rule::MINIMUM => IssueType::Required,
        Rule::CODE => IssueType::CodeInvalid,
        Rule::FORMAT | Rule::EMPTY => IssueType::Value,
        _ => IssueType::Structure,
    };
    let path = if finding.path.is_empty() { "" } else { "." };
    Issue::new(code, finding.with_content().to_string())
        .summary(finding.summary().to_string())
        .at(format!("{resource_type}{path}{}", finding.path))
}
