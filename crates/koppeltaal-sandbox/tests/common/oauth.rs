//! The steps from a launch to a token, as browsers, apps and deployed clients take them.

use std::collections::HashMap;

use koppeltaal_sandbox::{Application, Sandbox};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;

use super::{http, world};

pub const PATIENT: &str = "https://portal.example/fhir/Patient/7";
pub const LOGIN: &str = "https://game.example/login";
/// RFC 7636, appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub fn confidential() -> Application {
    Application::new("game")
        .launch_url("https://game.example/start")
        .redirect_uri(LOGIN)
        .redirect_uri("nl.example.game:/login?app=1")
        .secret("g:eheim")
        .refresh_tokens(true)
}

pub fn public() -> Application {
    Application::new("game").launch_url("https://game.example/start").redirect_uri(LOGIN)
}

pub async fn start(game: Application) -> Sandbox {
    world().application(game).start().await.expect("a sandbox")
}

pub type Pairs<'a> = &'a [(&'a str, &'a str)];

pub fn get(sandbox: &Sandbox, path: &str, query: Pairs<'_>) -> RequestBuilder {
    http().get(format!("{}/OAuth2/Koppeltaal/{path}", sandbox.url())).query(query)
}

pub async fn sent(request: RequestBuilder) -> Response {
    request.send().await.expect("an answer")
}

pub fn location(answer: &Response) -> String {
    assert_eq!(answer.status(), 302);
    assert!(answer.headers()["content-type"].to_str().expect("text").starts_with("application/json"));
    answer.headers()["location"].to_str().expect("text").to_owned()
}

/// The parameters of a URL.
pub fn parameters(url: &str) -> HashMap<String, String> {
    let query = url.split_once('?').expect("a query").1;
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

pub const LAUNCH: Pairs<'static> =
    &[("client_id", "game"), ("patient", PATIENT), ("user", PATIENT), ("resource", "activity-1")];

pub fn launch(sandbox: &Sandbox) -> RequestBuilder {
    get(sandbox, "Launch", LAUNCH).basic_auth("portal", Some("wacht:wöord"))
}

pub async fn launched(sandbox: &Sandbox) -> String {
    parameters(&location(&sent(launch(sandbox)).await))["launch"].clone()
}

/// The answer of Authorize to a web launch.
pub async fn authorized(sandbox: &Sandbox, launch: &str, more: Pairs<'_>) -> Response {
    let scope = format!("patient/*.read launch:{launch}");
    let query = [
        ("response_type", "code"),
        ("client_id", "game"),
        ("redirect_uri", LOGIN),
        ("scope", &scope),
        ("state", "a b&c"),
    ];
    sent(get(sandbox, "Authorize", &[&query[..], more].concat())).await
}

pub async fn code(sandbox: &Sandbox, more: Pairs<'_>) -> String {
    let launch = launched(sandbox).await;
    parameters(&location(&authorized(sandbox, &launch, more).await))["code"].clone()
}

/// Asks Token by a form, as the confidential game.
pub fn token(sandbox: &Sandbox, form: Pairs<'_>) -> RequestBuilder {
    http()
        .post(format!("{}/OAuth2/Koppeltaal/Token", sandbox.url()))
        .basic_auth("game", Some("g:eheim"))
        .form(form)
}

pub async fn json(request: RequestBuilder, status: u16) -> Value {
    let answer = sent(request).await;
    assert!(answer.headers()["content-type"].to_str().expect("text").starts_with("application/json"));
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.status(), status, "{:?}", answer.text().await);
    serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON")
}

pub fn redeem(code: &str) -> [(&str, &str); 3] {
    [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", LOGIN)]
}

pub async fn tokens(sandbox: &Sandbox) -> Value {
    json(token(sandbox, &redeem(&code(sandbox, &[]).await)), 200).await
}

pub async fn refused(request: RequestBuilder, status: u16, error: &str) {
    let body = json(request, status).await;
    assert_eq!(body["error"], error, "{body}");
    assert!(body["error_description"].as_str().is_some_and(|text| !text.is_empty()));
}
