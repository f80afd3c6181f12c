//! Access tokens, introspection and discovery.

use futures_util::future::join_all;
use koppeltaal_smart::{
    AccessTokens, AssertionVerifier, CLIENT_ASSERTION_TYPE, DiscoveryError, Error, HttpClient, Introspection,
    Jwks, JwtError, MemoryReplayGuard, OAuthErrorCode, Operation, Signer as _, SmartConfiguration,
    UnverifiedJwt, Url,
};
use serde_json::{Value, json};

use crate::server::{Form, Reply, Server};
use crate::{http, key, module};

fn token(text: &str, expires_in: impl Into<Value>) -> Reply {
    Reply::json(&json!({
        "access_token": text, "token_type": "bearer", "expires_in": expires_in.into(),
        "scope": "system/Task.rus?resource-origin=Device/module",
    }))
}

/// The audience of the assertion in a form, of which the rest is checked.
async fn audience(form: &Form, keys: &Jwks) -> String {
    assert_eq!(form["client_assertion_type"], CLIENT_ASSERTION_TYPE);
    let assertion = UnverifiedJwt::parse(&form["client_assertion"]).expect("an assertion");
    let audience = assertion.unverified_claims().text("aud").expect("an audience").to_owned();
    let (verifier, guard) = (AssertionVerifier::new([&audience]), MemoryReplayGuard::default());
    let client = verifier.verify(&assertion, keys, &guard, std::time::SystemTime::now()).await;
    assert_eq!(client, Ok("module"));
    audience
}

#[tokio::test]
async fn a_token_is_asked_for_with_an_assertion_of_the_client() {
    let (server, key) = (Server::start().await, key());
    let keys = Jwks::new([key.public_key().clone()]);
    server.reply("/token", [token("abc", "300")]);
    let token = module(&server, key).access_token("system/Task.rus").await.expect("a token");
    assert_eq!(token.as_str(), "abc");
    assert!(token.expires_at().is_some());
    assert!(
        token.scopes().allows("Task", Operation::Update) && !token.scopes().allows("Task", Operation::Delete)
    );
    let form = &server.requests("/token")[0];
    assert_eq!(
        (form["grant_type"].as_str(), form["scope"].as_str()),
        ("client_credentials", "system/Task.rus")
    );
    assert_eq!(audience(form, &keys).await, format!("{}/token", server.url()));
}

#[tokio::test]
async fn a_token_is_used_until_it_is_about_to_expire() {
    let server = Server::start().await;
    server.reply("/token", [token("first", 300), token("short", 0), token("last", 300)]);
    let tokens = AccessTokens::new(module(&server, key()), "");
    let all = join_all((0..20).map(|_| tokens.get())).await;
    assert!(all.iter().all(|token| token.as_ref().expect("a token").as_str() == "first"));
    assert_eq!(server.requests("/token").len(), 1, "one request for all that wait");
    tokens.discard(all[0].as_ref().expect("a token"));
    assert_eq!(tokens.get().await.expect("a token").as_str(), "short");
    // It has expired already.
    assert_eq!(tokens.get().await.expect("a token").as_str(), "last");
    assert_eq!(tokens.get().await.expect("a token").as_str(), "last");
    assert_eq!(server.requests("/token").len(), 3);
}

#[tokio::test]
async fn a_token_that_the_fhir_server_refuses_is_replaced_once() {
    let server = Server::start().await;
    server.reply("/token", [token("revoked", 300), token("good", 300), token("too many", 300)]);
    let tokens = AccessTokens::new(module(&server, key()), "");
    let revoked = tokens.get().await.expect("a token");
    // Two requests with the same token get a 401; the second hears of it after the token was replaced.
    tokens.discard(&revoked);
    assert_eq!(tokens.get().await.expect("a token").as_str(), "good");
    tokens.discard(&revoked);
    assert_eq!(tokens.get().await.expect("a token").as_str(), "good");
}

#[tokio::test]
async fn a_failure_is_the_answer_for_all_that_ask_soon_after() {
    let server = Server::start().await;
    server.reply("/token", [Reply::new(503, "").header("retry-after", "30")]);
    let tokens = AccessTokens::new(module(&server, key()), "");
    for _ in 0..5 {
        let error = tokens.get().await.expect_err("no token");
        assert!(matches!(error, Error::Unavailable { retry_after: Some(wait), .. } if wait.as_secs() == 30));
        assert!(error.is_transient());
    }
    assert_eq!(server.requests("/token").len(), 1);
}

#[tokio::test]
async fn refusals_are_sorted_by_what_to_do() {
    let server = Server::start().await;
    let client = module(&server, key());
    let oauth = |status, code: &str| {
        Reply::new(status, format!(r#"{{"error":"{code}","error_description":"geheim"}}"#))
    };
    let cases = [
        (
            Reply::new(401, "Access Denied: geheim"),
            "the server does not accept the client (HTTP 401 Unauthorized)",
        ),
        (oauth(400, "invalid_client"), "the server does not accept the client (HTTP 400 Bad Request)"),
        (
            oauth(400, "invalid_scope"),
            "the server refuses the request (HTTP 400 Bad Request): invalid_scope, ask for",
        ),
        (
            Reply::new(400, "geheim"),
            "the server refuses the request (HTTP 400 Bad Request): other, the server gives",
        ),
        (Reply::new(404, ""), "the server refuses the request (HTTP 404 Not Found)"),
        (Reply::new(429, ""), "the server is not available (HTTP 429 Too Many Requests); try again"),
        (
            Reply::new(502, "<html>geheim</html>"),
            "the server is not available (HTTP 502 Bad Gateway); try again",
        ),
        (
            Reply::new(200, "<html>geheim</html>"),
            "the answer is not what was asked for: no JSON object in the body",
        ),
        (Reply::new(200, "{}"), "the answer is not what was asked for: no access_token (HTTP 200 OK)"),
        (
            Reply::new(200, "x".repeat(2 << 20)),
            "the answer is not what was asked for: a body that is too large",
        ),
        (
            Reply::new(307, "").header("location", "https://geheim.example/token"),
            "the answer is not what was asked for: a redirect, which is not followed",
        ),
    ];
    for (reply, expected) in cases {
        server.reply("/token", [reply]);
        let error = client.access_token("").await.expect_err("no token");
        assert!(error.to_string().starts_with(expected), "{error}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("geheim") && !shown.contains("eyJ"), "{shown}");
    }
    server.reply("/token", [Reply::new(401, "Access Denied")]);
    let Err(Error::Authentication { error: Some(said), .. }) = client.access_token("").await else {
        panic!("another error")
    };
    assert_eq!((said.code, said.description.as_deref()), (OAuthErrorCode::Other, Some("Access Denied")));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let configuration = json!({"token_endpoint": "http://127.0.0.1:1/token"}).to_string();
    let configuration = SmartConfiguration::from_json(configuration.as_bytes()).expect("a document");
    let client =
        koppeltaal_smart::SmartClient::new(http(), configuration, "module", std::sync::Arc::new(key()));
    let error = client.access_token("").await.expect_err("nobody listens");
    assert!(matches!(error, Error::Unreachable { .. }) && error.is_transient(), "{error:?}");
    assert!(matches!(
        client.introspect("a").await,
        Err(Error::Discovery(DiscoveryError::Missing("introspection_endpoint")))
    ));
}

#[tokio::test]
async fn introspection_tries_the_other_audience_once_and_remembers_it() {
    let (server, key) = (Server::start().await, key());
    let keys = Jwks::new([key.public_key().clone()]);
    let active = Reply::json(&json!({
        "active": true, "iss": "portal", "aud": "Device/module", "sub": "Patient/1", "resource": "Task/2",
        "jti": "3", "exp": 1_780_000_000,
    }));
    server.reply("/introspect", [Reply::new(401, "Access Denied"), active]);
    let client = module(&server, key);
    let launch = client.introspect("a.b.c").await.expect("an answer").launch().expect("a launch");
    assert_eq!((launch.subject.as_str(), launch.resource.as_str()), ("Patient/1", "Task/2"));
    client.introspect("a.b.c").await.expect("an answer");
    let requests = server.requests("/introspect");
    let mut audiences = Vec::new();
    for form in &requests {
        assert_eq!(form["token"], "a.b.c");
        audiences.push(audience(form, &keys).await.replace(server.url(), ""));
    }
    assert_eq!(audiences, ["/token", "/introspect", "/introspect"]);
    assert_ne!(requests[0]["client_assertion"], requests[1]["client_assertion"]);

    server.reply("/introspect", [Reply::new(401, "Access Denied")]);
    assert!(matches!(client.introspect("a.b.c").await, Err(Error::Authentication { .. })));
    assert_eq!(server.requests("/introspect").len(), 5);
}

#[tokio::test]
async fn a_token_is_active_only_when_the_server_says_so() {
    let server = Server::start().await;
    let client = module(&server, key());
    for reply in [
        json!({"active": false, "sub": "Patient/1"}),
        json!({}),
        json!({"active": "true"}),
        json!({"active": 1}),
    ] {
        server.reply("/introspect", [Reply::json(&reply)]);
        let said = client.introspect("a.b.c").await.expect("an answer");
        assert_eq!(said, Introspection::Inactive);
        assert_eq!(said.launch(), Err(JwtError::Inactive));
    }
}

#[tokio::test]
async fn the_smart_configuration_is_found_below_the_base() {
    let server = Server::start().await;
    let token = format!("{}/token", server.url());
    server.reply(
        "/fhir/DEFAULT/.well-known/smart-configuration",
        [Reply::json(&json!({"token_endpoint": token}))],
    );
    let base = Url::parse(&format!("{}/fhir/DEFAULT/", server.url())).expect("a URL");
    let found = http().smart_configuration(&base).await.expect("a document");
    assert_eq!(found.token_endpoint, Some(token));
    assert!(found.missing().contains(&"jwks_uri"));
    let elsewhere = Url::parse(server.url()).expect("a URL");
    assert!(matches!(http().smart_configuration(&elsewhere).await, Err(Error::Refused { .. })));
    let plain = Url::parse("http://kt.example/fhir").expect("a URL");
    assert!(matches!(http().smart_configuration(&plain).await, Err(Error::PlainHttp)));
    assert!(HttpClient::new("a\nb").is_err());
}
