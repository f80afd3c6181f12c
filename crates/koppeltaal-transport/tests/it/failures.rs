//! Answers that are refusals, and answers that are not Koppeltaal's.

use std::io::Write;
use std::time::Duration;

use koppeltaal_messaging::{Acknowledgement, Header};
use koppeltaal_transport::{
    Client, Error, Format, ProtocolError, ProtocolProblem, StatusCode, UnreachableReason,
};

use crate::server::{CARE_PLAN, Server, Step, care_plan, fixture, json, status, with_headers};

const HTML: &str =
    "<!DOCTYPE html><html><body>Proxy of the hospital: Jan Jansen is not allowed</body></html>";

fn outcome(code: &str) -> String {
    format!(
        r#"{{"resourceType":"OperationOutcome","issue":[{{"severity":"error",
            "type":{{"system":"http://hl7.org/fhir/issue-type","code":"{code}"}},"details":"Jan Jansen"}}]}}"#
    )
}

async fn error_of_a_read(step: Step) -> Error {
    let server = Server::playing([step]).await;
    server.client().message("1").await.expect_err("a failure")
}

async fn error_of_a_post(step: Step) -> Error {
    let server = Server::playing([step]).await;
    server.client().send(&care_plan()).await.expect_err("a failure")
}

fn protocol(error: &Error) -> &ProtocolError {
    match error {
        Error::Protocol(error) => error,
        Error::UnknownOutcome { source, .. } => protocol(source),
        _ => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn a_conflict_names_each_resource() {
    for (format, content_type) in [(Format::Json, "application/json"), (Format::Xml, "text/xml")] {
        let body = fixture(&format!("resources/operationoutcome.{format}"));
        let server = Server::playing([status(409, content_type, body)]).await;
        let client = server.builder().format(format).build().expect("a client");
        let error = client.send(&care_plan()).await.expect_err("a conflict");
        let Error::Conflict { resources, outcome } = &error else { panic!("{error:?}") };
        let resources: Vec<_> = resources.iter().map(koppeltaal_messaging::ResourceUrl::as_str).collect();
        assert_eq!(
            resources,
            ["https://portal.example/fhir/CarePlan/900", "https://epd.example/fhir/Patient/2041"]
        );
        let issues: Vec<_> = outcome.as_ref().expect("an outcome").issues().collect();
        assert_eq!(issues[0].details.as_deref(), Some("The specified resource version is not correct"));
        assert!(!error.is_retryable() && !error.is_outcome_unknown());
        assert_eq!(
            error.to_string(),
            "2 resources (CarePlan, Patient) of another version than the server's \
             (4 issues: conflict, conflict, business-rule, unknown)"
        );
    }
}

#[tokio::test]
async fn statuses_and_codes_tell_what_to_do() {
    fn kind(error: &Error) -> &'static str {
        match error {
            Error::Authentication { expired: true, .. } => "expired",
            Error::Authentication { .. } => "authentication",
            Error::Forbidden { .. } => "forbidden",
            Error::NotFound { .. } => "not found",
            Error::Conflict { .. } => "conflict",
            Error::Rejected { .. } => "rejected",
            Error::RateLimited { .. } => "rate limited",
            Error::Unavailable { .. } => "unavailable",
            Error::Protocol(_) => "protocol",
            Error::UnknownOutcome { .. } => "unknown",
            _ => "other",
        }
    }
    // Status, issue code or HTML, and what it means for a claim and for a post. A refusal means the same for
    // both.
    for (code, issue, read, post) in [
        (401, Some("login"), "authentication", "authentication"),
        (401, None, "authentication", "authentication"),
        (401, Some("expired"), "expired", "expired"),
        (500, Some("expired"), "expired", "expired"),
        (403, Some("forbidden"), "forbidden", "forbidden"),
        (403, None, "forbidden", "forbidden"),
        (404, None, "not found", "not found"),
        (409, Some("conflict"), "conflict", "conflict"),
        (500, Some("conflict"), "conflict", "conflict"),
        (400, Some("invalid"), "rejected", "rejected"),
        (412, Some("invariant"), "rejected", "rejected"),
        (422, Some("required"), "rejected", "rejected"),
        (500, Some("not-supported"), "rejected", "rejected"),
        (500, Some("processing"), "rejected", "rejected"),
        (500, Some("transient"), "unavailable", "unavailable"),
        (422, Some("lock-error"), "unavailable", "unavailable"),
        (500, Some("no-store"), "unavailable", "unavailable"),
        (500, Some("throttled"), "rate limited", "rate limited"),
        // The server failed while it was at work: a post may have been done.
        (500, Some("exception"), "unavailable", "unknown"),
        (500, Some("timeout"), "unavailable", "unknown"),
        (500, Some("unknown"), "unavailable", "unknown"),
        (500, Some("of-no-list"), "unavailable", "unknown"),
        (502, Some("exception"), "unavailable", "unknown"),
        // But this says that it did not begin.
        (503, Some("exception"), "unavailable", "unavailable"),
        (400, Some("exception"), "rejected", "rejected"),
        (400, Some("unknown"), "rejected", "rejected"),
        (400, Some("security"), "forbidden", "forbidden"),
        (408, None, "unavailable", "unknown"),
        (429, None, "rate limited", "rate limited"),
        (400, None, "protocol", "protocol"),
        (500, None, "protocol", "unknown"),
        (502, None, "unavailable", "unknown"),
        (503, None, "unavailable", "unknown"),
        (504, None, "unavailable", "unknown"),
    ] {
        let step = match issue {
            Some(issue) => status(code, "application/json", outcome(issue)),
            None => status(code, "text/html", HTML),
        };
        let case = format!("{code} {issue:?}");
        let error = error_of_a_read(step.clone()).await;
        assert_eq!(kind(&error), read, "{case}: {error:?}");
        assert_eq!(error.outcome().is_some(), issue.is_some(), "{case}");
        let error = error_of_a_post(step).await;
        assert_eq!(kind(&error), post, "{case}: {error:?}");
        assert_eq!(error.outcome().is_some(), issue.is_some(), "{case}");
        assert!(!format!("{error} {error:?}").contains("Jan Jansen"), "{error:?}");
    }
}

#[tokio::test]
async fn trouble_passes_unless_the_issue_type_says_that_the_content_is_wrong() {
    for (code, issue, passes) in [
        (500, Some("exception"), true),
        (500, Some("timeout"), true),
        (500, Some("no-store"), true),
        (500, Some("unknown"), true),
        (500, None, true),
        (502, None, true),
        (429, None, true),
        (400, Some("transient"), true),
        (500, Some("processing"), false),
        (500, Some("invalid"), false),
        (500, Some("conflict"), false),
        (400, Some("exception"), false),
        (404, None, false),
    ] {
        let step = match issue {
            Some(issue) => status(code, "application/json", outcome(issue)),
            None => status(code, "text/html", HTML),
        };
        assert_eq!(error_of_a_read(step.clone()).await.is_transient(), passes, "{code} {issue:?}");
        assert_eq!(error_of_a_post(step).await.is_transient(), passes, "{code} {issue:?}");
    }
}

#[tokio::test]
async fn an_outcome_without_a_code_leaves_it_to_the_status() {
    let nameless = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","details":"?"}]}"#;
    for (code, passes) in [(500, true), (422, false), (200, false)] {
        let error = error_of_a_read(status(code, "application/json", nameless)).await;
        assert_eq!(error.is_transient(), passes, "{code}: {error:?}");
    }
}

#[tokio::test]
async fn an_error_that_is_answered_with_200_is_still_an_error() {
    let error = error_of_a_read(json(outcome("processing"))).await;
    assert!(matches!(error, Error::Rejected { status: StatusCode::OK, .. }), "{error:?}");
    // Even where nothing else in the answer is read.
    let server = Server::playing([json(outcome("processing"))]).await;
    let error = server.client().acknowledge(&claimed(), &Acknowledgement::Success).await;
    assert!(matches!(error, Err(Error::Rejected { status: StatusCode::OK, .. })), "{error:?}");
}

#[tokio::test]
async fn of_what_answers_an_acknowledgement_only_a_refusal_is_read() {
    let header = r#"{"resourceType":"MessageHeader","identifier":"#;
    let outcome = outcome("processing");
    for (answer, is_accepted) in
        [(header, true), (&outcome[..outcome.len() - 20], false), (r#"{"status":"ok"}"#, false)]
    {
        let server = Server::playing([json(answer)]).await;
        let result = server.client().acknowledge(&claimed(), &Acknowledgement::Success).await;
        assert_eq!(result.is_ok(), is_accepted, "{answer}: {result:?}");
    }
}

/// The header of a message that was claimed.
fn claimed() -> Header {
    let message = crate::server::document(&fixture("messages/UpdateCarePlanActivityStatus-full.json"));
    let message = message.into_bundle().expect("a bundle");
    Header::all_from_bundle(&message).next().expect("a header")
}

#[tokio::test]
async fn a_page_of_a_proxy_is_reported_with_status_type_and_start() {
    let long = format!("{HTML}{}", "x".repeat(10_000));
    let error = error_of_a_read(status(500, "text/html; charset=utf-8", &long)).await;
    let protocol = protocol(&error);
    assert_eq!(protocol.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(protocol.content_type.as_deref(), Some("text/html; charset=utf-8"));
    assert_eq!(protocol.problem, ProtocolProblem::MediaType);
    assert_eq!(protocol.excerpt.as_str(), &long[..512]);
    assert_eq!(
        error.to_string(),
        "the answer is not Koppeltaal's: neither FHIR JSON nor XML (HTTP 500 Internal Server Error, text/html; charset=utf-8)"
    );
}

#[tokio::test]
async fn a_login_page_with_status_200_is_no_success() {
    let error = error_of_a_read(status(200, "text/html", HTML)).await;
    assert_eq!(protocol(&error).problem, ProtocolProblem::MediaType);
    // Nor is it a success for an operation that needs nothing from the answer.
    let server = Server::playing([status(200, "text/html", HTML)]).await;
    let error = server.client().acknowledge(&claimed(), &Acknowledgement::Success).await;
    assert!(error.expect_err("a failure").is_outcome_unknown());
}

#[tokio::test]
async fn unreadable_answers_say_what_is_wrong() {
    let page = fixture("bundles/search-empty.json");
    let cases = [
        (with_headers(200, &[("Content-Type", "application/json")], ""), "no body"),
        (with_headers(204, &[], ""), "no body"),
        (json(&page[..page.len() / 2]), "unreadable"),
        (
            status(200, "application/atom+xml", "<feed xmlns=\"http://www.w3.org/2005/Atom\"><entry>"),
            "unreadable",
        ),
        (status(200, "application/atom+xml", "<!DOCTYPE feed [<!ENTITY a \"b\">]><feed/>"), "unreadable"),
        (json(b"{\"resourceType\":\"Bundle\",\"title\":\"\xE9\"}"), "unreadable"),
        (status(200, "text/xml; charset=iso-8859-1", "<feed title=\"caf\u{E9}\"/>"), "not in UTF-8"),
        (json(b"{\"resourceType\":\"Bundle\",\"title\":\"\xE9\"}"), "unreadable"),
        (
            with_headers(200, &[("Content-Type", "application/json"), ("Content-Encoding", "br")], &page),
            "compression",
        ),
        (json(r#"{"resourceType":"Patient"}"#), "a resource where a bundle is due"),
        (
            json(r#"{"resourceType":"Bundle","entry":[{"content":{"resourceType":"Patient"}}]}"#),
            "without a MessageHeader",
        ),
        (json(fixture("bundles/search-page.json")), "several MessageHeaders"),
        (json(r#"{"error":"invalid_request"}"#), "unreadable"),
    ];
    for (step, problem) in cases {
        let error = error_of_a_read(step).await;
        let protocol = protocol(&error);
        assert!(protocol.status.is_success());
        assert!(protocol.problem.to_string().contains(problem), "{problem}: {error}");
    }
}

#[tokio::test]
async fn the_format_of_an_answer_may_differ_from_the_one_asked_for() {
    let server = Server::playing([
        status(200, "text/plain", fixture("bundles/search-empty.xml")),
        with_headers(200, &[], fixture("bundles/search-empty.json")),
    ])
    .await;
    assert_eq!(server.client().claim().await.expect("XML"), None);
    assert_eq!(server.client().claim().await.expect("JSON"), None);
}

#[tokio::test]
async fn a_charset_says_nothing_about_json_and_nothing_about_ascii() {
    let named = fixture("bundles/search-empty.json").replacen("\"title\": \"", "\"title\": \"caf\u{E9} ", 1);
    assert!(named.contains("caf\u{E9}"), "{named}");
    let server = Server::playing([
        status(200, "application/json; charset=iso-8859-1", named),
        status(200, "application/json; charset=utf-16", fixture("bundles/search-empty.json")),
        status(200, "application/atom+xml; charset=windows-1252", fixture("bundles/search-empty.xml")),
    ])
    .await;
    for _ in 0..3 {
        assert_eq!(server.client().claim().await.expect("an answer"), None);
    }
}

#[tokio::test]
async fn a_post_that_gets_nonsense_for_success_may_have_been_done() {
    for step in
        [json(""), json("{"), status(200, "text/html", HTML), json(fixture("bundles/search-empty.json"))]
    {
        let error = error_of_a_post(step).await;
        let Error::UnknownOutcome { message_identifier, .. } = &error else { panic!("{error:?}") };
        assert_eq!(message_identifier.as_deref(), Some(CARE_PLAN));
        assert!(error.to_string().contains(CARE_PLAN));
    }
}

#[tokio::test]
async fn an_unknown_outcome_tells_its_cause_once() {
    for (step, cause) in [
        (status(503, "text/html", HTML), "the server is not available (HTTP 503 Service Unavailable)"),
        (status(500, "application/json", outcome("exception")), "(1 issue: exception)"),
        (
            json("\u{FEFF}{"),
            "the answer is not Koppeltaal's: unreadable (not well-formed at line 1, column 2)",
        ),
        (with_headers(200, &[("Content-Encoding", "br")], "x"), "compression that cannot be undone"),
        (Step::Close(Vec::new()), "the connection broke before the answer was complete: "),
    ] {
        let error = error_of_a_post(step).await;
        assert!(error.is_outcome_unknown(), "{error:?}");
        let mut whole = error.to_string();
        assert!(whole.contains(CARE_PLAN) && whole.contains(cause), "{whole}");
        // As error reporters print it, with all its causes.
        let mut below = std::error::Error::source(&error);
        while let Some(inner) = below {
            whole += &format!(": {inner}");
            below = inner.source();
        }
        let parts: Vec<_> = whole.split(": ").collect();
        let distinct: std::collections::HashSet<_> = parts.iter().collect();
        assert_eq!(parts.len(), distinct.len(), "{whole}");
        assert!(!whole.contains("Jan Jansen"), "{whole}");
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Server::playing([json(fixture("bundles/search-empty.json"))]).await;
    for code in [301, 302, 303, 307, 308] {
        let location = format!("{}/FHIR/Koppeltaal/metadata?token=x", elsewhere.url());
        let server = Server::playing([with_headers(code, &[("Location", &location)], "")]).await;
        let error = server.client().message("1").await.expect_err("a redirect");
        assert_eq!(protocol(&error).problem, ProtocolProblem::Redirect { to: Some(elsewhere.url()) });
        assert!(!error.to_string().contains("token"), "{error}");
        let error = error_of_a_post(with_headers(code, &[("Location", &location)], "")).await;
        assert!(matches!(error, Error::Protocol(_)), "a redirected post was not processed: {error:?}");
    }
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn bodies_are_read_up_to_the_limit() {
    let body = format!("{}{}", fixture("bundles/search-empty.json"), " ".repeat(100_000));
    // With the length announced, in chunks without, and compressed to almost nothing.
    let chunked = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    let steps = [json(&body), Step::Answer(chunked.into_bytes()), gzip(&body)];
    for step in steps {
        let server = Server::playing([step.clone(), step]).await;
        let strict = server.builder().body_limit(50_000).build().expect("a client");
        let error = strict.message("1").await.expect_err("too large");
        assert_eq!(protocol(&error).problem, ProtocolProblem::TooLarge { limit: 50_000 });
        let roomy = server.builder().body_limit(150_000).build().expect("a client");
        assert_eq!(roomy.message("1").await.expect("small enough"), None);
    }
}

#[tokio::test]
async fn heads_are_read_up_to_a_size() {
    let line = format!("X-Filler: {}\r\n", "x".repeat(1000));
    let head = |lines: usize| {
        Step::Answer(format!("HTTP/1.1 204 No Content\r\n{}\r\n", line.repeat(lines)).into_bytes())
    };
    let server = Server::playing([head(90), head(110), Step::Answer(vec![b'x'; 1 << 20])]).await;
    let client = server.client();
    let error = client.message("1").await.expect_err("no body");
    assert_eq!(protocol(&error).problem, ProtocolProblem::Empty);
    for _ in 0..2 {
        let error = client.message("1").await.expect_err("too large");
        assert!(matches!(error, Error::Interrupted { .. }), "{error:?}");
    }
}

fn gzip(body: &str) -> Step {
    gzip_bytes(&compress(body))
}

fn compress(body: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

fn gzip_bytes(bytes: &[u8]) -> Step {
    with_headers(200, &[("Content-Type", "application/json"), ("Content-Encoding", "gzip")], bytes)
}

#[tokio::test]
async fn damaged_compression_is_no_broken_connection() {
    let whole = compress(&fixture("bundles/mailbox-reply.json"));
    let mut flipped = whole.clone();
    flipped[20..100].iter_mut().for_each(|byte| *byte ^= 0x55);
    for bytes in [&whole[..200], &flipped, b"{}"] {
        let error = error_of_a_read(gzip_bytes(bytes)).await;
        assert_eq!(protocol(&error).problem, ProtocolProblem::Compression);
        assert!(error_of_a_post(gzip_bytes(bytes)).await.is_outcome_unknown());
    }
}

#[tokio::test]
async fn bodies_may_be_compressed_however_the_coding_is_written() {
    let text = fixture("bundles/search-empty.json");
    let (start, end) = text.split_at(text.len() / 2);
    let members = [compress(start), compress(end)].concat();
    for (coding, body) in [
        ("gzip", compress(&text)),
        ("GZIP", compress(&text)),
        ("x-gzip", compress(&text)),
        ("gzip", members),
        ("Identity", text.clone().into_bytes()),
        ("", text.clone().into_bytes()),
    ] {
        let headers = [("Content-Type", "application/json"), ("Content-Encoding", coding)];
        let server = Server::playing([with_headers(200, &headers, body)]).await;
        assert_eq!(server.client().claim().await.expect("an answer"), None, "{coding:?}");
        assert_eq!(server.only().header("accept-encoding"), Some("gzip"));
    }
}

#[tokio::test]
async fn a_coding_that_is_not_known_does_not_hide_the_status() {
    let error = error_of_a_read(with_headers(503, &[("Content-Encoding", "br")], "compressed")).await;
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    let error = error_of_a_read(with_headers(400, &[("Content-Encoding", "br")], "compressed")).await;
    assert_eq!(protocol(&error).problem, ProtocolProblem::Compression);
}

#[tokio::test]
async fn a_retry_after_is_in_the_error() {
    for code in [429, 503] {
        let error = error_of_a_read(with_headers(code, &[("Retry-After", "90")], "")).await;
        assert_eq!(error.retry_after(), Some(Duration::from_secs(90)));
        assert!(error.is_retryable());
        assert!(error.to_string().contains("wait 90 s"), "{error}");
    }
}

#[tokio::test]
async fn names_that_do_not_resolve_are_never_reached() {
    let client =
        Client::builder("http://no-such-host.localhost.invalid").danger_allow_plain_http().no_proxy();
    let client = client.retry(koppeltaal_transport::RetryPolicy::never()).build().expect("a client");
    let error = client.send(&care_plan()).await.expect_err("no such host");
    assert!(matches!(error, Error::Unreachable { reason: UnreachableReason::Dns, .. }), "{error:?}");
}

#[tokio::test]
async fn what_is_not_shown_is_there_for_who_asks() {
    let server = Server::playing([status(500, "text/html", "<html>Lieke</html>")]).await;
    let error = server.client().message("1").await.expect_err("a page");
    let Error::Protocol(protocol) = error else { panic!("{error:?}") };
    assert_eq!(protocol.excerpt.as_str(), "<html>Lieke</html>");
}
