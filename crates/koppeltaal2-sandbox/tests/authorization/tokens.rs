//! Access tokens of applications.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use koppeltaal_smart::{
    Access, AccessTokens, Algorithm, CLIENT_ASSERTION_TYPE, ClientAssertion, Error, Jwks, JwksService,
    KeyPair, Operation, Signer as _, UnverifiedJwt, Validation, sign_jwt,
};
use koppeltaal2_sandbox::{Application, Reach, Role, Switches};
use serde_json::{Value, json};

use crate::http::{get, post, send};
use crate::{World, config, key, sign};

#[tokio::test]
async fn an_application_gets_a_token_with_what_its_role_allows() {
    let world = World::start().await;
    let tokens = AccessTokens::new(world.client("module"), "");
    let token = tokens.get().await.expect("a token");
    let module = world.sandbox.application("module");
    let own = Access::Limited(vec![module.device().to_owned()]);
    assert_eq!(token.scopes().access("ActivityDefinition", Operation::Update), own);
    assert_eq!(token.scopes().access("Task", Operation::Update), Access::All);
    assert_eq!(token.scopes().access("Task", Operation::Create), Access::Denied);
    assert_eq!(token.scopes(), module.scopes());

    // As a FHIR server of another make checks it.
    let keys = world.configuration.jwks_uri.as_deref().expect("a URL");
    let keys = Jwks::from_json(get(keys).await.body.as_bytes()).expect("keys");
    let read = UnverifiedJwt::parse(token.as_str()).expect("a token");
    assert_eq!(read.header().algorithm, Algorithm::Es384);
    assert_eq!(read.header().kid, Some(keys.keys()[0].thumbprint()));
    let claims = read.verify(&keys).expect("a good signature");
    let issuer = world.configuration.to_issuer().expect("an issuer");
    Validation::new()
        .issuer(issuer)
        .audience("fhir-server")
        .require("jti")
        .require("nonce")
        .check(claims, SystemTime::now())
        .expect("good claims");
    assert_eq!(claims.text("azp"), Some(module.client_id()));
    assert_eq!(claims.text("type"), Some("access"));
    assert_eq!(claims.text("scope"), Some(module.scopes().to_string().as_str()));
    let lifetime =
        claims.time("exp").zip(claims.time("nbf")).and_then(|(end, start)| end.duration_since(start).ok());
    assert_eq!(lifetime, Some(Duration::from_secs(300)));
}

#[tokio::test]
async fn a_request_that_is_wrong_is_refused_with_a_code_and_a_reason() {
    let world = World::with(config().application(Application::new("new").approved(false))).await;
    let other = key();
    let portal = world.sandbox.application("portal");
    let signed = |claims: Value| async move { sign(sign_jwt(&*portal.key(), &claims).await) };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let claims = |name: &str, value: Value| {
        let id = portal.client_id();
        let mut claims = json!({
            "iss": id, "sub": id, "aud": world.token_endpoint(), "jti": "1", "iat": now, "exp": now + 60,
        });
        claims[name] = value;
        claims
    };
    let forged = ClientAssertion::new(portal.client_id(), world.token_endpoint());
    let forged = sign(forged.sign(&other, SystemTime::now()).await);
    let good = || world.assertion("portal");
    let elsewhere = world.assertion_for("portal", "https://other.example/token").await;
    let introspection = world.assertion_for("portal", world.introspection_endpoint()).await;
    for (name, value, status, code, reason) in [
        ("grant_type", "", 400, "invalid_request", "grant_type is missing"),
        ("grant_type", "password", 400, "unsupported_grant_type", "grant_type has to be"),
        ("client_assertion_type", "", 400, "invalid_request", "client_assertion_type is missing"),
        ("client_assertion_type", "saml", 400, "invalid_request", "client_assertion_type is not"),
        ("client_assertion", "", 400, "invalid_request", "client_assertion is missing"),
        ("client_assertion", "abc", 401, "invalid_client", "no signed token"),
        ("client_assertion", &forged, 401, "invalid_client", "no key with the token's kid"),
        ("client_assertion", &elsewhere, 401, "invalid_client", "another audience"),
        ("client_assertion", &introspection, 401, "invalid_client", "another audience"),
        ("client_assertion", &world.assertion("new").await, 401, "invalid_client", "not approved"),
        ("client_assertion", &signed(claims("iss", json!("x"))).await, 401, "invalid_client", "no client"),
        ("client_assertion", &signed(claims("sub", json!("x"))).await, 401, "invalid_client", "subject"),
        ("client_assertion", &signed(claims("jti", json!(""))).await, 401, "invalid_client", "claim jti"),
        ("client_assertion", &signed(claims("exp", json!(now - 60))).await, 401, "invalid_client", "expired"),
        ("client_assertion", &signed(claims("exp", json!(now + 900))).await, 401, "invalid_client", "longer"),
        ("client_assertion", &signed(claims("iat", json!(now + 900))).await, 401, "invalid_client", "clocks"),
        ("client_id", "somebody", 401, "invalid_client", "client_id is not iss"),
    ] {
        let assertion = good().await;
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_assertion_type", CLIENT_ASSERTION_TYPE),
            ("client_assertion", assertion.as_str()),
        ];
        form.retain(|(known, _)| *known != name);
        form.push((name, value));
        let answer = post(world.token_endpoint(), &form).await;
        let body = answer.json();
        assert_eq!(
            (answer.status.as_u16(), answer.error().as_str()),
            (status, code),
            "{name}={value}: {body}"
        );
        let description = body["error_description"].as_str().unwrap_or_default();
        assert!(description.contains(reason), "{reason}: {description}");
        assert_eq!(world.reason(), description);
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let twice = format!("grant_type=client_credentials&grant_type=client_credentials&x={}", good().await);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let answer = send(http::Method::POST, world.token_endpoint(), &form, &twice).await;
    assert_eq!((answer.status.as_u16(), answer.error().as_str()), (400, "invalid_request"));
    assert_eq!(get(world.token_endpoint()).await.status.as_u16(), 405);
    let long = "a".repeat(100_000);
    assert_eq!(send(http::Method::POST, world.token_endpoint(), &form, &long).await.status.as_u16(), 413);
}

#[tokio::test]
async fn an_assertion_works_once() {
    let world = World::start().await;
    let assertion = world.assertion("portal").await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", CLIENT_ASSERTION_TYPE),
        ("client_assertion", assertion.as_str()),
    ];
    assert_eq!(post(world.token_endpoint(), &form).await.status.as_u16(), 200);
    let again = post(world.token_endpoint(), &form).await;
    assert_eq!((again.status.as_u16(), again.error().as_str()), (401, "invalid_client"));
    assert!(world.reason().contains("used before"));
    // At introspection it is the same assertion.
    let form = [form[1], form[2], ("token", "x")];
    assert_eq!(post(world.introspection_endpoint(), &form).await.status.as_u16(), 401);
}

#[tokio::test]
async fn an_application_has_keys_of_its_own_in_every_form() {
    let fetched = Arc::new(key());
    let service = JwksService::new(&Jwks::new([fetched.public_key().clone()]), Duration::from_secs(300));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/keys", listener.local_addr().expect("an address"));
    let router = Router::new().route_service("/keys", service.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let registered = Arc::new(key());
    let rsa = include_bytes!("../keys/rsa.pkcs8.pem");
    let rsa = Arc::new(KeyPair::from_pem(Algorithm::Rs512, rsa).expect("a key").with_kid("any"));
    let world = World::with(
        config()
            .application(Application::new("fetched").jwks_url(&url))
            .application(Application::new("registered").jwk(registered.public_key().clone()))
            .application(Application::new("pem").public_key(include_str!("../keys/rsa.public.pem"))),
    )
    .await;
    for (name, key) in [("fetched", &fetched), ("registered", &registered), ("pem", &rsa)] {
        let token = world.client_with(name, Arc::clone(key)).access_token("").await;
        assert!(token.is_ok(), "{name}: {token:?}");
        assert!(world.sandbox.application(name).made_key().is_none());
        assert!(world.sandbox.application(name).private_key_pem().is_none());
        let stranger = world.client_with(name, Arc::new(crate::key())).access_token("").await;
        assert!(matches!(stranger, Err(Error::Authentication { .. })), "{name}: {stranger:?}");
    }
}

#[tokio::test]
async fn the_key_that_the_sandbox_made_can_be_given_to_another_program() {
    let world = World::start().await;
    let pem = world.sandbox.application("epd").private_key_pem().expect("a key");
    let key = Arc::new(KeyPair::from_pem(Algorithm::Es384, pem.as_bytes()).expect("a key"));
    assert!(world.client_with("epd", key).access_token("").await.is_ok());
    assert!(!format!("{:?}", world.sandbox).contains("PRIVATE"), "Debug shows no private key");
}

#[tokio::test]
async fn permissions_can_be_given_one_by_one() {
    let world = World::with(
        config().application(
            Application::new("reader")
                .client_id("reader-1")
                .permission("CareTeam", "r", Reach::Granted)
                .granted("epd"),
        ),
    )
    .await;
    let token = world.client("reader").access_token("system/*.cruds").await.expect("a token");
    let epd = world.sandbox.application("epd").device();
    assert_eq!(token.scopes().to_string(), format!("system/CareTeam.rs?resource-origin={epd}"));
    assert_eq!(world.sandbox.application("reader").device(), "Device/reader-1");
    assert_eq!(world.sandbox.application("reader").role(), Role::Custom);
}

#[tokio::test]
async fn a_sandbox_can_refuse_in_plain_text_as_the_reference_service_does() {
    let mut switches = Switches::default();
    switches.plain_text_errors = true;
    switches.expires_in_as_text = true;
    let world = World::with(config().switches(switches)).await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", CLIENT_ASSERTION_TYPE),
        ("client_assertion", "abc"),
    ];
    let answer = post(world.token_endpoint(), &form).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (401, "Access Denied"));
    let answer = post(world.token_endpoint(), &form[1..]).await;
    assert_eq!(answer.status.as_u16(), 400);
    assert!(serde_json::from_str::<Value>(&answer.body).is_err());
    let assertion = world.assertion("portal").await;
    let form = [form[0], form[1], ("client_assertion", assertion.as_str())];
    assert_eq!(post(world.token_endpoint(), &form).await.json()["expires_in"], json!("300"));
    // The client takes both.
    assert!(world.client("epd").access_token("").await.is_ok());
}
