//! A whole session is logged at the most talkative level, and the log is searched for secrets and for data of
//! patients.

use koppeltaal_messaging::Acknowledgement;
use koppeltaal_transport::{
    AuthorizationRequest, ClientAuthentication, Credentials, HeaderQuery, IncludeArchived, LaunchRequest,
    MessageFilter, ReceivedLaunch, Session,
};

use crate::log::Log;
use crate::server::{CARE_PLAN, Server, Step, care_plan, fixture, json, status, with_headers};

/// A search result with this resource in it.
fn page_of(resource: &str) -> String {
    format!(r#"{{"resourceType":"Bundle","totalResults":1,"entry":[{{"content":{resource}}}]}}"#)
}

/// The password in clear, and as Basic authentication writes it with the user name.
const SECRETS: [&str; 3] = ["Geheim1", "R2VoZWlt", "cG9ydGFsOkdlaGVpbTE"];

/// What an error shows, with all its causes.
fn shown(error: &dyn std::error::Error) -> String {
    let mut shown = format!("\n{error}\n{error:?}\n{error:#?}");
    let mut source = error.source();
    while let Some(error) = source {
        shown += &format!("\n{error}\n{error:?}");
        source = error.source();
    }
    shown
}

#[tokio::test]
async fn a_session_logged_at_trace_level_tells_no_secret_and_nothing_of_patients() {
    let (log, guard) = Log::start(tracing::Level::TRACE);
    let outcome = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error",
        "type":{"code":"expired"},"details":"Authentication failed: Bearer token Geheim1 of Lieke has expired"}]}"#;
    let server = Server::playing([
        json(fixture("resources/conformance.json")),
        json(fixture("bundles/mailbox-reply.json")),
        json(fixture("messages/CreateOrUpdatePatient-full.json")),
        json(fixture("resources/messageheader.json")),
        json(page_of(&fixture("resources/messageheader.json"))),
        json(page_of(&fixture("resources/other-activitydefinition.json"))),
        status(409, "application/json", fixture("resources/operationoutcome.json")),
        status(401, "application/json", outcome),
        status(
            500,
            "text/html",
            "<html>You sent: Authorization: Basic cG9ydGFsOkdlaGVpbTE= Geheim1 Lieke</html>",
        ),
        json("{\"resourceType\":\"Bundle\",\"title\":\"Lieke\",]"),
        Step::Close(Vec::new()),
    ])
    .await;
    let client = server.client();
    let mut shown = format!("{client:?} {:?}", server.builder());
    client.conformance().await.expect("a statement");
    client.send(&care_plan()).await.expect("a reply");
    let message = client.claim().await.expect("an answer").expect("a message");
    shown += &format!("{message:?}");
    client.acknowledge(&message.header, &Acknowledgement::Success).await.expect("accepted");
    let filter =
        MessageFilter::default().patient("https://epd.example/fhir/Patient/2041".parse().expect("a URL"));
    let query = HeaderQuery::default().filter(filter.clone());
    let search = client.message_headers(&query);
    shown += &format!("{filter:?} {query:?} {search:?} {:?}", Credentials::basic("portal", "Geheim1"));
    let mut search = search;
    shown += &format!("{:?}", search.next_page().await.expect("a page"));
    let mut definitions = client.activity_definitions(IncludeArchived::No);
    shown += &format!("{:?}", definitions.next().await.expect("a page").expect("a definition"));
    for _ in 0..5 {
        let error = client.claim_matching(&filter).await.expect_err("a failure");
        shown += &self::shown(&error);
    }
    drop(guard);

    let log = log.text();
    assert!(log.contains("koppeltaal{operation=\"send\""), "the session is in the log:\n{log}");
    assert!(log.contains(&format!("message_identifier=\"{CARE_PLAN}\"")), "{log}");
    let claimed = message.header.identifier().expect("an identifier");
    assert!(
        log.contains(&format!("message_identifier=\"{claimed}\"")),
        "the span of a claim names its message:\n{log}"
    );
    assert!(log.contains("status=409") && log.contains("duration_ms="), "{log}");
    assert!(log.lines().any(|line| line.contains("TRACE")), "layers below are in the log as well:\n{log}");
    for (name, text) in [("log", &log), ("errors", &shown)] {
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} in the {name}:\n{text}");
        }
        for patient in ["Lieke", "Zwaluwbeek", "/2041", "%2F2041"] {
            assert!(!text.contains(patient), "{patient} in the {name}:\n{text}");
        }
    }
}

#[tokio::test]
async fn a_launched_session_logged_at_trace_level_tells_no_code_and_no_token() {
    const SECRETS: [&str; 8] = [
        "activation-593740",
        "launch-123",
        "authorization-code",
        "access-one",
        "access-two",
        "refresh-one",
        "refresh-two",
        "R2VoZWlt",
    ];
    let (log, guard) = Log::start(tracing::Level::TRACE);
    let expired = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","type":{"code":"expired"},
        "details":"Bearer token access-one has expired"}]}"#;
    let server = Server::playing([
        json(fixture("resources/conformance.json")),
        with_headers(302, &[("Location", "https://game.example/start?iss=x&launch=launch-123")], ""),
        json(r#"{"activation_code":"activation-593740","expires_in":7}"#),
        json(r#"{"authorization_code":"authorization-code"}"#),
        json(r#"{"access_token":"access-one","refresh_token":"refresh-one","patient":"https://epd.example/Patient/2041"}"#),
        status(401, "application/json", expired),
        json(r#"{"access_token":"access-two","token_type":"Bearer","refresh_token":"refresh-two"}"#),
        json(fixture("bundles/search-empty.json")),
        status(401, "application/json", expired),
        status(400, "application/json", r#"{"error":"invalid_grant","error_description":"The refresh token refresh-two of Lieke has expired"}"#),
        status(400, "text/html", "<html>You sent code=authorization-code</html>"),
        status(500, "text/html", "<html>Authorization: Bearer access-two</html>"),
    ])
    .await;
    let portal = server.client();
    let patient: koppeltaal_messaging::ResourceUrl =
        "https://epd.example/fhir/Patient/2041".parse().expect("a URL");
    let launch = LaunchRequest::new("game", patient.clone(), patient, "activity");
    let page = portal.launch(&launch).await.expect("a launch");
    let received = ReceivedLaunch::read(page.as_str()).expect("a launch");
    let mobile = portal.mobile_launch(&launch).await.expect("a launch");
    let app = portal.with_credentials(Credentials::anonymous());
    let request =
        AuthorizationRequest::new("game", "https://game.example/login", mobile.activation_code.clone());
    let (_, pending) = app.authorize_url(&request).await.expect("a URL");
    let code = app.authorize_mobile(&request).await.expect("a code");
    let authentication = ClientAuthentication::basic("game", "Geheim1").expect("credentials");
    let tokens = app.token(&authentication, &code).await.expect("tokens");
    let session = Session::new(tokens.clone()).with_refresh(authentication.clone());
    let credentials = Credentials::bearer(session.clone());
    let game = app.with_credentials(credentials.clone());
    game.claim().await.expect("after a refresh");
    let mut shown = format!(
        "{launch:?} {received:?} {mobile:?} {request:?} {pending:?} {code:?} {authentication:?} {tokens:?} \
         {session:?} {credentials:?} {game:?} {:#?} {:?}",
        session.tokens(),
        tokens.context(),
    );
    shown += &self::shown(&game.claim().await.expect_err("expired for good"));
    shown += &self::shown(&app.token(&authentication, &code).await.expect_err("a page"));
    let other = app.with_credentials(Credentials::bearer(Session::new(session.tokens())));
    shown += &self::shown(&other.claim().await.expect_err("a page"));
    drop(guard);

    let log = log.text();
    for operation in ["launch", "mobile-launch", "authorize-mobile", "token", "refresh", "claim"] {
        assert!(log.contains(&format!("operation=\"{operation}\"")), "{operation} is in the log:\n{log}");
    }
    // The rest of what the server says is there.
    assert!(shown.contains("the server says: The refresh token \u{2026} of \u{2026} has expired"), "{shown}");
    for (name, text) in [("log", &log), ("errors and Debug", &shown)] {
        let own =
            [pending.state(), pending.code_verifier().expect("PKCE"), code.code_verifier().expect("PKCE")];
        for secret in SECRETS.iter().chain(&own) {
            assert!(!text.contains(secret), "{secret} in the {name}:\n{text}");
        }
        for patient in ["Lieke", "/2041", "%2F2041"] {
            assert!(!text.contains(patient), "{patient} in the {name}:\n{text}");
        }
    }
}
