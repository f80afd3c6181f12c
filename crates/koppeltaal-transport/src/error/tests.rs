//! What the texts of all errors have in common.

use std::error::Error as _;
use std::io;

use koppeltaal_messaging::ProcessingStatus;

use super::*;
use crate::error::protocol::{Excerpt, ProtocolProblem};

/// A value of every variant.
fn every_error() -> Vec<Error> {
    let network_error =
        || -> Arc<dyn std::error::Error + Send + Sync> { Arc::new(io::Error::other("the cable is cut")) };
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let unavailable =
        || Error::Unavailable { status, retry_after: Some(Duration::from_secs(7)), outcome: None };
    let refused = || OAuthError::new("invalid_scope", Some("for Lieke".to_owned()));
    let protocol = ProtocolError {
        problem: ProtocolProblem::MediaType,
        status,
        content_type: None,
        excerpt: Excerpt::of(b"<html>"),
    };
    vec![
        Error::Authentication { expired: true, outcome: None },
        Error::Forbidden { outcome: None },
        Error::NotFound { outcome: None },
        Error::Conflict { resources: Vec::new(), outcome: None },
        Error::Rejected { status, outcome: None },
        Error::RateLimited { retry_after: None, outcome: None },
        unavailable(),
        Error::Unreachable { reason: UnreachableReason::Other, source: network_error() },
        Error::Timeout { limit: Duration::from_secs(1) },
        Error::Interrupted { source: network_error() },
        Error::UnknownOutcome { message_identifier: None, source: Box::new(unavailable()) },
        Error::OAuth { status, error: refused() },
        Error::TokenRefresh { source: Box::new(Error::OAuth { status, error: refused() }) },
        Error::NoRefreshToken,
        Error::Protocol(Box::new(protocol)),
        Error::ForeignUrl { url: None },
        Error::Endpoint { name: "token" },
        Error::NotAMessage,
        Error::MediaType,
        Error::Answered(IllegalTransition { from: ProcessingStatus::Success, to: ProcessingStatus::Failed }),
        Error::ClaimTakenOver { status, outcome: None },
        Error::Unwritable(WriteError::Character { path: "Patient.name".to_owned(), character: '\0' }),
    ]
}

#[test]
fn no_text_occurs_twice_when_an_error_is_shown_with_its_causes() {
    for error in every_error() {
        // What `{:#}` of an error in the style of anyhow shows.
        let mut texts = vec![error.to_string()];
        let mut next = error.source();
        while let Some(cause) = next {
            texts.push(cause.to_string());
            next = cause.source();
        }
        assert_eq!(texts.join(": "), causes(&error), "{}", error.kind());
    }
}

#[test]
fn debug_says_each_text_once() {
    for error in every_error() {
        let shown = format!("{error:?}");
        assert_eq!(shown.matches(&error.to_string()).count(), 1, "{shown}");
        if let Error::UnknownOutcome { source, .. } | Error::TokenRefresh { source } = &error {
            assert_eq!(shown.matches(&source.to_string()).count(), 1, "{shown}");
        }
    }
}

#[test]
fn the_text_of_an_unknown_outcome_names_its_cause() {
    let source = Arc::new(io::Error::other("the cable is cut"));
    let cut = Error::Interrupted { source }.for_write(None);
    assert!(
        cut.to_string().ends_with("the connection broke before the answer was complete: the cable is cut"),
        "{cut}"
    );
    let unavailable =
        Error::Unavailable { status: StatusCode::BAD_GATEWAY, retry_after: None, outcome: None };
    assert!(unavailable.for_write(None).to_string().contains("HTTP 502"));
}
