//! Keys that are fetched: rotation, caching, bounds.

use std::time::Duration;

use axum::Router;
use futures_util::future::join_all;
use koppeltaal_smart::{
    Algorithm, Error, Jwks, JwksClient, JwksService, JwtError, KeyPair, Signer as _, UnverifiedJwt, Url,
    sign_jwt,
};
use serde_json::json;

use crate::server::{Reply, Server, serve};
use crate::{http, key};

fn document(keys: &[&KeyPair]) -> Jwks {
    keys.iter().map(|key| key.public_key().clone()).collect()
}

fn client(url: &str) -> JwksClient {
    JwksClient::new(http(), Url::parse(url).expect("a URL"))
}

async fn token(key: &KeyPair) -> UnverifiedJwt {
    UnverifiedJwt::parse(sign_jwt(key, &json!({})).await.expect("a token").as_str()).expect("a token")
}

#[tokio::test]
async fn a_new_key_is_found_when_a_token_names_it() {
    let (old, new) = (key(), key());
    let service = JwksService::new(&document(&[&old]), Duration::from_secs(3600));
    let url = serve(Router::new().route_service("/keys", service.clone())).await;
    let client = client(&format!("{url}/keys")).refetch_interval(Duration::ZERO);
    assert!(token(&old).await.verify_with(&client).await.is_ok());
    service.replace(&document(&[&old, &new]));
    assert!(token(&new).await.verify_with(&client).await.is_ok());
    assert!(token(&old).await.verify_with(&client).await.is_ok());
    assert_eq!(token(&key()).await.verify_with(&client).await.expect_err("a stranger"), JwtError::UnknownKey);
}

#[tokio::test]
async fn invented_keys_do_not_make_the_client_fetch_again_and_again() {
    let (server, known) = (Server::start().await, key());
    server.reply("/keys", [Reply::json(&document(&[&known]).to_json())]);
    let hour = Duration::from_secs(3600);
    let client = client(&format!("{}/keys", server.url())).refetch_interval(hour);
    let strangers = join_all((0..20).map(|_| async { token(&key()).await })).await;
    let answers = join_all(strangers.iter().map(|token| token.verify_with(&client))).await;
    assert!(answers.iter().all(|answer| answer == &Err(JwtError::UnknownKey)));
    assert!(token(&known).await.verify_with(&client).await.is_ok());
    assert_eq!(server.requests("/keys").len(), 1);
}

#[tokio::test]
async fn one_fetch_serves_all_that_wait_for_as_long_as_the_server_says() {
    let (server, known) = (Server::start().await, key());
    let reply = Reply::json(&document(&[&known]).to_json());
    server.reply("/keys", [reply.clone().header("cache-control", "public, max-age=3600")]);
    let client = client(&format!("{}/keys", server.url())).refetch_interval(Duration::ZERO);
    let token = token(&known).await;
    let answers = join_all((0..20).map(|_| token.verify_with(&client))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert!(token.verify_with(&client.clone()).await.is_ok());
    assert_eq!(server.requests("/keys").len(), 1);
    // What must not be kept is fetched each time, if the interval allows it.
    server.reply("/no-store", [reply.header("cache-control", "no-store")]);
    let client = self::client(&format!("{}/no-store", server.url())).refetch_interval(Duration::ZERO);
    for _ in 0..3 {
        assert!(token.verify_with(&client).await.is_ok());
    }
    assert_eq!(server.requests("/no-store").len(), 3);
}

#[tokio::test]
async fn keys_that_are_known_count_while_the_server_fails() {
    let (server, known) = (Server::start().await, key());
    let good = Reply::json(&document(&[&known]).to_json()).header("cache-control", "max-age=0");
    let url = format!("{}/keys", server.url());
    let token = token(&known).await;
    server.reply("/keys", [good.clone(), Reply::new(500, "")]);
    let lenient = client(&url).refetch_interval(Duration::ZERO);
    for _ in 0..3 {
        assert!(token.verify_with(&lenient).await.is_ok());
    }
    server.reply("/keys", [good, Reply::new(500, "")]);
    let strict = client(&url).refetch_interval(Duration::ZERO).stale_if_error(Duration::ZERO);
    assert!(token.verify_with(&strict).await.is_ok());
    let error = token.verify_with(&strict).await.expect_err("the keys are too old");
    let expected =
        "the keys of the signer cannot be had: the server is not available (HTTP 500 Internal Server Error)";
    assert!(matches!(error, JwtError::Keys(_)) && error.to_string().starts_with(expected), "{error}");
}

#[tokio::test]
async fn a_document_that_is_no_jwks_is_an_error() {
    let server = Server::start().await;
    let url = format!("{}/keys", server.url());
    for (reply, problem) in [
        (Reply::new(200, "<html></html>"), "no JWKS in the body"),
        (Reply::new(200, "[]"), "no JWKS in the body"),
        (Reply::new(200, " ".repeat(300_000)), "a body that is too large"),
        (Reply::new(302, "").header("location", "/elsewhere"), "a redirect, which is not followed"),
    ] {
        server.reply("/keys", [reply]);
        let Err(Error::Answer { problem: found, .. }) = client(&url).keys().await else {
            panic!("{problem}")
        };
        assert_eq!(found, problem);
    }
    assert!(server.requests("/elsewhere").is_empty());
}

#[tokio::test]
async fn the_service_answers_as_http_wants_it() {
    let own = KeyPair::generate(Algorithm::Es256).expect("a key");
    let service = JwksService::new(&document(&[&own]), Duration::from_secs(60));
    let url = serve(Router::new().route_service("/keys", service)).await;
    let keys = client(&format!("{url}/keys")).keys().await.expect("keys");
    assert_eq!(*keys, document(&[&own]));
}
