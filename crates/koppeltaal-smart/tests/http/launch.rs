//! The exchange of a launched user's code.

use std::time::{SystemTime, UNIX_EPOCH};

use koppeltaal_smart::{
    AuthorizationCode, DiscoveryError, Error, Jwks, JwtError, KeyPair, Signer as _, SmartClient, sign_jwt,
};
use serde_json::{Value, json};

use crate::server::{Reply, Server};
use crate::{configuration, http, key, module};

fn code() -> AuthorizationCode {
    AuthorizationCode::new("the-code", "https://module.example/cb", "the-verifier")
}

fn claims(server: &Server) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    json!({
        // Without the slash that the configuration has.
        "iss": server.url(), "aud": "module", "azp": "module", "sub": "RelatedPerson/1", "nonce": "n",
        "iat": now, "exp": now + 300,
    })
}

async fn reply(service: &KeyPair, claims: &Value) -> Value {
    json!({
        "access_token": "NOOP", "token_type": "bearer", "expires_in": "300",
        "scope": "launch openid fhirUser",
        "id_token": sign_jwt(service, claims).await.expect("a token").as_str(),
        "resource": "Task/2", "definition": "ActivityDefinition/3", "sub": "RelatedPerson/1",
        "patient": "Patient/4", "intent": "plan", "jti": "5", "iss": "portal",
    })
}

/// A server whose service signs with this key.
async fn service() -> (Server, KeyPair) {
    let (server, service) = (Server::start().await, key());
    server.reply("/jwks", [Reply::json(&Jwks::new([service.public_key().clone()]).to_json())]);
    (server, service)
}

#[tokio::test]
async fn a_code_gives_the_launch_and_no_token() {
    let (server, service) = service().await;
    server.reply("/token", [Reply::json(&reply(&service, &claims(&server)).await)]);
    let launch = module(&server, key()).exchange(&code()).await.expect("a launch");
    assert_eq!(launch.context.resource.as_deref(), Some("Task/2"));
    assert_eq!(launch.context.definition.as_deref(), Some("ActivityDefinition/3"));
    assert_eq!(launch.context.subject.as_deref(), Some("RelatedPerson/1"));
    assert_eq!(launch.context.patient.as_deref(), Some("Patient/4"));
    assert_eq!(launch.context.intent.as_deref(), Some("plan"));
    assert_eq!(launch.id_token.as_ref().expect("an id_token").subject(), "RelatedPerson/1");
    assert!(launch.user_token.is_none(), "NOOP opens nothing");
    let form = &server.requests("/token")[0];
    for (name, value) in [
        ("grant_type", "authorization_code"),
        ("code", "the-code"),
        ("redirect_uri", "https://module.example/cb"),
        ("code_verifier", "the-verifier"),
    ] {
        assert_eq!(form[name], value);
    }
    let shown = format!("{launch:?} {:?}", code());
    assert!(
        !shown.contains("RelatedPerson") && !shown.contains("Task/2") && !shown.contains("the-"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_token_with_the_users_rights_is_given_where_there_is_one() {
    let (server, service) = service().await;
    let mut reply = reply(&service, &claims(&server)).await;
    reply["access_token"] = json!("abc");
    server.reply("/token", [Reply::json(&reply)]);
    let launch = module(&server, key()).exchange(&code()).await.expect("a launch");
    assert_eq!(launch.user_token.expect("a token").as_str(), "abc");
}

#[tokio::test]
async fn an_id_token_that_is_not_good_ends_the_launch() {
    let (server, service) = service().await;
    let client = module(&server, key());
    let with = |name: &str, value: Value| {
        let mut claims = claims(&server);
        claims[name] = value;
        claims
    };
    for (claims, error) in [
        (with("iss", json!("https://evil.example")), JwtError::Issuer),
        (with("aud", json!("other")), JwtError::Audience),
        (with("azp", json!("other")), JwtError::Audience),
        (with("exp", json!(1)), JwtError::Expired),
        (with("sub", json!("")), JwtError::Missing("sub")),
        (with("sub", json!("Patient/9")), JwtError::Subject),
    ] {
        server.reply("/token", [Reply::json(&reply(&service, &claims).await)]);
        let Err(Error::IdToken(found)) = client.exchange(&code()).await else { panic!("let in by {claims}") };
        assert_eq!(found, error, "{claims}");
    }
    let forged = reply(&key(), &claims(&server)).await;
    server.reply("/token", [Reply::json(&forged)]);
    assert!(matches!(client.exchange(&code()).await, Err(Error::IdToken(JwtError::UnknownKey))));
    let mut unsigned = forged;
    unsigned["id_token"] = json!("eyJhbGciOiJub25lIn0.e30.");
    server.reply("/token", [Reply::json(&unsigned)]);
    assert!(matches!(client.exchange(&code()).await, Err(Error::IdToken(JwtError::Algorithm))));
}

#[tokio::test]
async fn a_configuration_that_lacks_what_the_check_needs_says_so() {
    let (server, service) = service().await;
    server.reply("/token", [Reply::json(&reply(&service, &claims(&server)).await)]);
    let mut configuration = configuration(&server);
    configuration.issuer = None;
    let client = SmartClient::new(http(), configuration, "module", std::sync::Arc::new(key()));
    let error = client.exchange(&code()).await.expect_err("no issuer");
    assert!(matches!(error, Error::Discovery(DiscoveryError::Missing("issuer"))), "{error}");
}
