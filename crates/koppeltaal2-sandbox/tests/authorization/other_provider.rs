//! Another identity provider than the sandbox's own: one that this test plays.

use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use koppeltaal_smart::{
    AssertionVerifier, AuthorizationRequest, Jwks, KeyPair, MemoryReplayGuard, Signer as _, UnverifiedJwt,
    code_challenge, sign_jwt,
};
use koppeltaal2_sandbox::{Application, IdentityProvider, LogInError, Role, UserType};
use serde_json::{Value, json};

use crate::{JORIS, MIRTE, NADIA, REDIRECT_URI, World, config, key};

type Fields = std::collections::HashMap<String, String>;

/// A hospital where everybody is Nadia.
#[derive(Clone)]
struct Hospital {
    url: String,
    key: Arc<KeyPair>,
    /// The key that signs, in place of the published one.
    signs: Arc<Mutex<Arc<KeyPair>>>,
    /// What is in the `id_token` in place of the right claims.
    wrong: Arc<Mutex<Value>>,
    asked: Arc<Mutex<Fields>>,
    /// Where the keys of the sandbox are.
    sandbox_keys: Arc<Mutex<String>>,
}

impl Hospital {
    async fn open() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let key = Arc::new(key());
        let hospital = Self {
            url,
            signs: Arc::new(Mutex::new(key.clone())),
            key,
            wrong: Arc::new(Mutex::new(json!({}))),
            asked: Arc::default(),
            sandbox_keys: Arc::default(),
        };
        let router = Router::new()
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/keys", get(keys))
            .with_state(hospital.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        hospital
    }

    fn provider(&self) -> IdentityProvider {
        IdentityProvider::new("hospital", &self.url)
            .client_id("kt-sandbox")
            .authorization_endpoint(format!("{}/authorize", self.url))
            .token_endpoint(format!("{}/token", self.url))
            .jwks_uri(format!("{}/keys", self.url))
    }
}

async fn authorize(State(hospital): State<Hospital>, Query(asked): Query<Fields>) -> Redirect {
    let location = format!("{}?code=abc&state={}", asked["redirect_uri"], asked["state"]);
    *hospital.asked.lock().expect("a lock") = asked;
    Redirect::to(&location)
}

async fn token(State(hospital): State<Hospital>, Form(form): Form<Fields>) -> Response {
    let asked = hospital.asked.lock().expect("a lock").clone();
    let keys = hospital.sandbox_keys.lock().expect("a lock").clone();
    let keys = crate::http::get(&keys).await.body;
    let keys = Jwks::from_json(keys.as_bytes()).expect("keys");
    let assertion = UnverifiedJwt::parse(&form["client_assertion"]).expect("an assertion");
    let client = AssertionVerifier::new([format!("{}/token", hospital.url)])
        .verify(&assertion, &keys, &MemoryReplayGuard::new(10), SystemTime::now())
        .await;
    assert_eq!(client, Ok("kt-sandbox"), "the sandbox proves who it is");
    assert_eq!(code_challenge(&form["code_verifier"]), asked["code_challenge"]);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let mut claims = json!({
        "iss": hospital.url, "aud": "kt-sandbox", "sub": "42", "email": "nadia@example.nl",
        "nonce": asked["nonce"], "iat": now, "exp": now + 60,
    });
    for (name, value) in hospital.wrong.lock().expect("a lock").as_object().expect("an object") {
        claims[name] = value.clone();
    }
    let key = hospital.signs.lock().expect("a lock").clone();
    let token = sign_jwt(&*key, &claims).await.expect("a token");
    Json(json!({"access_token": "x", "token_type": "Bearer", "id_token": token.as_str()})).into_response()
}

async fn keys(State(hospital): State<Hospital>) -> Json<Value> {
    Json(Jwks::new([hospital.key.public_key().clone()]).to_json())
}

/// A world whose practitioners log in at the hospital, and whose patients may.
async fn world(hospital: &Hospital) -> World {
    let module = Application::new("module")
        .role(Role::Module)
        .redirect_uri(REDIRECT_URI)
        .identity_provider(UserType::Practitioner, "hospital")
        .identity_provider(UserType::Patient, "sandbox")
        .identity_provider(UserType::Patient, "hospital");
    let world = World::with(config().identity_provider(hospital.provider()).application(module)).await;
    *hospital.sandbox_keys.lock().expect("a lock") = world.configuration.jwks_uri.clone().expect("a URL");
    world
}

/// Follows the redirects from the authorization endpoint, to the page or the URL where they end.
async fn follow(world: &World, launch: &str) -> Result<String, (u16, String)> {
    let client_id = world.sandbox.application("module").client_id();
    let request = AuthorizationRequest::new(client_id, REDIRECT_URI, world.sandbox.fhir_base(), launch);
    let (url, _) = request.begin(&world.authorization_endpoint()).expect("randomness");
    let mut url = url.to_string();
    loop {
        let answer = crate::http::get(&url).await;
        match answer.header("location") {
            "" if answer.status.as_u16() == 200 => return Ok(url),
            "" => return Err((answer.status.as_u16(), world.reason())),
            location => url = location.to_owned(),
        }
        if url.starts_with(REDIRECT_URI) {
            return Ok(url);
        }
    }
}

#[tokio::test]
async fn users_log_in_where_the_application_says_for_their_kind() {
    let hospital = Hospital::open().await;
    let world = world(&hospital).await;
    let end = follow(&world, &world.launch(NADIA).await).await.expect("let in");
    assert!(end.contains("&code="), "{end}");
    let asked = hospital.asked.lock().expect("a lock").clone();
    assert_eq!((asked["scope"].as_str(), asked["response_type"].as_str()), ("openid", "code"));
    assert!(!asked.contains_key("login_hint"), "another provider does not learn who was launched");
    // The first of several, unless the launch names another.
    let end = follow(&world, &world.launch(MIRTE).await).await.expect("a page");
    assert!(end.contains("/idp/login"), "{end}");
    let hinted = world.sign(world.launch_of(MIRTE).idp_hint("hospital")).await;
    let (status, reason) = follow(&world, &hinted).await.expect_err("the hospital says it is Nadia");
    assert_eq!(status, 403);
    assert!(reason.contains("no identifier"), "{reason}");
    let unknown = world.sign(world.launch_of(JORIS).idp_hint("elsewhere")).await;
    assert!(follow(&world, &unknown).await.expect("a page").contains("/idp/login"));
}

#[tokio::test]
async fn an_id_token_of_the_provider_that_is_not_good_lets_nobody_in() {
    let hospital = Hospital::open().await;
    let world = world(&hospital).await;
    for (wrong, reason) in [
        (json!({"nonce": "other"}), "nonce"),
        (json!({"iss": "https://evil.example"}), "issuer"),
        (json!({"aud": "other"}), "audience"),
        (json!({"exp": 1}), "expired"),
        (json!({"email": null}), "no claim email"),
        (json!({"email": "teun@example.nl"}), "no identifier"),
    ] {
        *hospital.wrong.lock().expect("a lock") = wrong;
        let (status, found) = follow(&world, &world.launch(NADIA).await).await.expect_err("not good");
        assert_eq!(status, 403);
        assert!(found.contains(reason), "{reason}: {found}");
    }
    *hospital.wrong.lock().expect("a lock") = json!({});
    *hospital.signs.lock().expect("a lock") = Arc::new(key());
    let (status, found) = follow(&world, &world.launch(NADIA).await).await.expect_err("forged");
    assert_eq!(status, 403);
    assert!(found.contains("no key"), "{found}");
}

#[tokio::test]
async fn the_browser_of_tests_stops_at_another_provider() {
    let hospital = Hospital::open().await;
    let world = world(&hospital).await;
    let client_id = world.sandbox.application("module").client_id();
    let launch = world.launch(NADIA).await;
    let request = AuthorizationRequest::new(client_id, REDIRECT_URI, world.sandbox.fhir_base(), &launch);
    let (url, _) = request.begin(&world.authorization_endpoint()).expect("randomness");
    let end: Result<String, LogInError> = world.sandbox.log_in(url.as_str(), NADIA).await;
    assert!(end.expect("a URL").starts_with(&hospital.url));
}
