//! The session of a launched user: its tokens are refreshed in time and once, and are saved.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use koppeltaal_transport::{
    Client, ClientAuthentication, Credentials, Error, OAuthErrorCode, RetryPolicy, Session, TokenStore,
    Tokens,
};

use crate::server::{Asked, Server, Step, fixture, json, status, with_headers};

fn confidential() -> ClientAuthentication {
    ClientAuthentication::basic("game", "hush").expect("credentials")
}

fn tokens(number: u32) -> Tokens {
    let tokens = Tokens::new(&format!("access-{number}")).expect("a token");
    tokens.with_refresh_token(&format!("refresh-{number}"))
}

fn expired() -> Step {
    let outcome =
        r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","type":{"code":"expired"}}]}"#;
    status(401, "application/json", outcome)
}

fn reply(number: u32, lifetime: u32) -> Step {
    json(format!(
        r#"{{"access_token":"access-{number}","token_type":"Bearer","expires_in":{lifetime},
            "refresh_token":"refresh-{number}"}}"#
    ))
}

/// A server that takes the newest access token and the newest refresh token only, and gives out numbered
/// ones.
async fn rotating(lifetime: u32, first: u32) -> (Server, Arc<AtomicU32>) {
    refusing(expired(), lifetime, first).await
}

/// As [`rotating`], with this answer to a token that is not the newest.
async fn refusing(refusal: Step, lifetime: u32, first: u32) -> (Server, Arc<AtomicU32>) {
    let newest = Arc::new(AtomicU32::new(first));
    let state = newest.clone();
    let server = Server::answering(move |asked: &Asked| {
        let number = state.load(Ordering::SeqCst);
        Some(if asked.target.ends_with("/metadata") {
            json(fixture("resources/conformance.json"))
        } else if asked.target.ends_with("/Token") {
            if asked.body.contains(&format!("refresh_token=refresh-{number}")) {
                state.store(number + 1, Ordering::SeqCst);
                reply(number + 1, lifetime)
            } else {
                status(400, "application/json", r#"{"error":"invalid_grant"}"#)
            }
        } else if asked.header("authorization") == Some(&format!("Bearer access-{number}")) {
            json(fixture("bundles/search-empty.json"))
        } else {
            refusal.clone()
        })
    })
    .await;
    (server, newest)
}

fn client(server: &Server, session: &Session) -> Client {
    let credentials = Credentials::bearer(session.clone());
    server.builder().credentials(credentials).retry(RetryPolicy::never()).build().expect("a client")
}

fn count(server: &Server, path: &str) -> usize {
    server.asked().iter().filter(|asked| asked.target.ends_with(path)).count()
}

#[tokio::test]
async fn a_token_that_the_server_calls_expired_is_refreshed_once_however_many_wait() {
    let (server, newest) = rotating(3600, 1).await;
    // The server has gone on: the session's access token is an old one, its refresh token is good.
    let old = Tokens::new("access-0").expect("a token").with_refresh_token("refresh-1");
    let session = Session::new(old).with_refresh(confidential());
    let client = client(&server, &session);
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.message("1").await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.expect("no panic").expect("an answer"), None);
    }
    assert_eq!(count(&server, "/Token"), 1);
    assert_eq!(newest.load(Ordering::SeqCst), 2);
    assert_eq!(session.tokens().refresh_token(), Some("refresh-2"));
}

#[tokio::test]
async fn a_token_that_a_challenge_calls_invalid_is_refreshed_once_however_many_wait() {
    let challenge = r#"Basic realm="k", bearer realm="k", error="invalid_token", error_description="gone""#;
    for refusal in [
        with_headers(401, &[("WWW-Authenticate", challenge)], ""),
        with_headers(401, &[("WWW-Authenticate", challenge), ("Content-Type", "text/html")], "<html>"),
        with_headers(401, &[("WWW-Authenticate", "Basic"), ("WWW-Authenticate", challenge)], ""),
        status(401, "application/json", r#"{"error":"invalid_token"}"#),
    ] {
        let (server, _) = refusing(refusal, 3600, 1).await;
        let old = Tokens::new("access-0").expect("a token").with_refresh_token("refresh-1");
        let client = client(&server, &Session::new(old).with_refresh(confidential()));
        for result in join_all((0..20).map(|_| client.claim())).await {
            assert_eq!(result.expect("an answer"), None);
        }
        assert_eq!(count(&server, "/Token"), 1);
    }
}

#[tokio::test]
async fn a_token_that_a_challenge_calls_invalid_again_is_an_authentication_error() {
    let challenge = with_headers(401, &[("WWW-Authenticate", r#"Bearer error="invalid_token""#)], "");
    let server = Server::answering(move |asked| {
        Some(match asked.target.as_str() {
            "/FHIR/Koppeltaal/metadata" => json(fixture("resources/conformance.json")),
            "/OAuth2/Koppeltaal/Token" => reply(9, 3600),
            _ => challenge.clone(),
        })
    })
    .await;
    let session = Session::new(tokens(1)).with_refresh(confidential());
    let error = client(&server, &session).claim().await.expect_err("invalid again");
    assert!(matches!(error, Error::Authentication { expired: true, .. }), "{error:?}");
    assert_eq!(count(&server, "/Token"), 1);
    assert_eq!(count(&server, "GetNextNewAndClaim"), 2);
}

#[tokio::test]
async fn another_challenge_than_that_of_a_dead_token_costs_no_refresh_token() {
    let challenge = with_headers(401, &[("WWW-Authenticate", r#"Bearer realm="k""#)], "");
    let (server, _) = refusing(challenge, 3600, 1).await;
    let old = Tokens::new("access-0").expect("a token").with_refresh_token("refresh-1");
    let error = client(&server, &Session::new(old).with_refresh(confidential())).claim().await;
    assert!(matches!(error, Err(Error::Authentication { expired: false, .. })), "{error:?}");
    assert_eq!(count(&server, "/Token"), 0);
}

#[tokio::test]
async fn a_claim_is_made_again_after_a_refresh_since_it_was_refused_unprocessed() {
    let (server, _) = rotating(3600, 1).await;
    let old = Tokens::new("access-0").expect("a token").with_refresh_token("refresh-1");
    let client = client(&server, &Session::new(old).with_refresh(confidential()));
    assert_eq!(client.claim().await.expect("an answer"), None);
    assert_eq!(count(&server, "GetNextNewAndClaim"), 2);
}

#[tokio::test]
async fn tokens_are_refreshed_shortly_before_they_expire_and_rotate() {
    // A lifetime of 0 s is always due.
    let (server, newest) = rotating(0, 1).await;
    let session = Session::new(tokens(1).with_expires_at(SystemTime::now() + Duration::from_secs(20)))
        .with_refresh(confidential());
    let client = client(&server, &session);
    for number in 2..5 {
        client.message("1").await.expect("an answer");
        assert_eq!(newest.load(Ordering::SeqCst), number);
        assert_eq!(session.tokens().access_token(), format!("access-{number}"));
    }
    assert_eq!(count(&server, "_id=1"), 3, "no request was made with an old token");
}

#[tokio::test]
async fn many_who_wait_for_a_refresh_before_the_first_request_cause_one() {
    let (server, _) = rotating(3600, 1).await;
    let session = Session::new(tokens(1).with_expires_at(SystemTime::now())).with_refresh(confidential());
    let client = client(&server, &session);
    for result in join_all((0..20).map(|_| client.message("1"))).await {
        assert_eq!(result.expect("an answer"), None);
    }
    assert_eq!(count(&server, "/Token"), 1);
    assert_eq!(count(&server, "/metadata"), 1);
    let asked = server.asked();
    let refresh = asked.iter().find(|asked| asked.target.ends_with("/Token")).expect("a refresh");
    assert_eq!(refresh.header("authorization"), Some("Basic Z2FtZTpodXNo"), "not the dying token");
}

#[tokio::test]
async fn a_refresh_is_finished_although_nobody_waits_any_more() {
    let (server, newest) = rotating(3600, 1).await;
    let session = Session::new(tokens(1).with_expires_at(SystemTime::now())).with_refresh(confidential());
    let client = client(&server, &session);
    // Polled once, which starts the refresh, and dropped.
    let mut call = Box::pin(client.message("1"));
    assert!((&mut call).now_or_never().is_none());
    drop(call);
    while newest.load(Ordering::SeqCst) == 1 || session.tokens().access_token() != "access-2" {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    client.message("1").await.expect("an answer with the new token");
    assert_eq!(count(&server, "/Token"), 1);
}

#[tokio::test]
async fn a_refresh_that_fails_does_not_matter_while_the_token_is_good() {
    let server = Server::answering(|asked| {
        Some(match asked.header("authorization") {
            Some("Bearer access-1") => json(fixture("bundles/search-empty.json")),
            _ => status(503, "text/html", "<html>"),
        })
    })
    .await;
    let soon = SystemTime::now() + Duration::from_secs(20);
    let session = Session::new(tokens(1).with_expires_at(soon)).with_refresh(confidential());
    assert_eq!(client(&server, &session).message("1").await.expect("an answer"), None);

    let session = Session::new(tokens(1).with_expires_at(SystemTime::now())).with_refresh(confidential());
    let error = client(&server, &session).message("1").await.expect_err("neither token nor refresh");
    let Error::TokenRefresh { source } = &error else { panic!("{error:?}") };
    assert!(matches!(**source, Error::Unavailable { .. }), "{error:?}");
    assert!(error.is_retryable() && !error.is_outcome_unknown());
}

#[tokio::test]
async fn a_session_whose_refresh_token_is_dead_asks_no_more() {
    let (server, _) = rotating(3600, 5).await;
    let session = Session::new(tokens(1).with_expires_at(SystemTime::now())).with_refresh(confidential());
    let client = client(&server, &session);
    for _ in 0..3 {
        let error = client.send(&crate::server::care_plan()).await.expect_err("a dead session");
        let Error::TokenRefresh { source } = &error else { panic!("{error:?}") };
        let Error::OAuth { error: why, .. } = &**source else { panic!("{error:?}") };
        assert_eq!(why.code, OAuthErrorCode::InvalidGrant);
        assert!(!error.is_retryable() && !error.is_outcome_unknown(), "the message was not sent");
    }
    assert_eq!(count(&server, "/Token"), 1);
    assert_eq!(count(&server, "/Mailbox"), 0);
}

#[tokio::test]
async fn a_session_whose_refresh_token_is_called_dead_with_status_200_asks_no_more() {
    let server = Server::answering(|asked| {
        Some(match asked.target.as_str() {
            "/FHIR/Koppeltaal/metadata" => json(fixture("resources/conformance.json")),
            _ => json(r#"{"error":"invalid_grant"}"#),
        })
    })
    .await;
    let session = Session::new(tokens(1).with_expires_at(SystemTime::now())).with_refresh(confidential());
    let client = client(&server, &session);
    for _ in 0..3 {
        let error = client.message("1").await.expect_err("a dead session");
        let Error::TokenRefresh { source } = &error else { panic!("{error:?}") };
        assert!(matches!(**source, Error::OAuth { .. }), "{error:?}");
    }
    assert_eq!(count(&server, "/Token"), 1);
}

#[tokio::test]
async fn a_session_without_refresh_token_ends_with_an_authentication_error() {
    let (server, _) = rotating(3600, 5).await;
    for session in [
        Session::new(tokens(1)),
        Session::new(Tokens::new("access-1").expect("a token")).with_refresh(confidential()),
    ] {
        let error = client(&server, &session).message("1").await.expect_err("expired");
        assert!(matches!(error, Error::Authentication { expired: true, .. }), "{error:?}");
    }
    assert_eq!(count(&server, "/Token"), 0);
}

#[tokio::test]
async fn a_token_that_is_refused_as_soon_as_it_is_new_is_not_refreshed_for_ever() {
    let server = Server::answering(|asked| {
        Some(match asked.target.as_str() {
            "/FHIR/Koppeltaal/metadata" => json(fixture("resources/conformance.json")),
            "/OAuth2/Koppeltaal/Token" => reply(9, 3600),
            _ => expired(),
        })
    })
    .await;
    let session = Session::new(tokens(1)).with_refresh(confidential());
    let error = client(&server, &session).message("1").await.expect_err("expired again");
    assert!(matches!(error, Error::Authentication { expired: true, .. }), "{error:?}");
    assert_eq!(count(&server, "/Token"), 1);
}

#[derive(Default)]
struct Kept(Mutex<Vec<String>>);

impl TokenStore for Kept {
    fn save<'a>(
        &'a self,
        tokens: &'a Tokens,
    ) -> BoxFuture<'a, Result<(), Box<dyn std::error::Error + Send + Sync>>> {
        Box::pin(async {
            let mut kept = self.0.lock().expect("the store");
            kept.push(tokens.refresh_token().unwrap_or_default().to_owned());
            if kept.len() > 1 { Err("the disk is full".into()) } else { Ok(()) }
        })
    }
}

#[tokio::test]
async fn new_tokens_are_kept_before_they_are_used_and_used_although_they_cannot_be_kept() {
    let (server, newest) = rotating(0, 1).await;
    let store = Arc::new(Kept::default());
    let session = Session::new(tokens(1).with_expires_at(SystemTime::now()))
        .with_refresh(confidential())
        .with_store(store.clone());
    let client = client(&server, &session);
    client.message("1").await.expect("an answer");
    client.message("1").await.expect("an answer");
    assert_eq!(*store.0.lock().expect("the store"), ["refresh-2", "refresh-3"]);
    assert_eq!(newest.load(Ordering::SeqCst), 3);
}
