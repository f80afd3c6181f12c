//! Launches, codes and tokens over real sockets, as browsers, apps and deployed clients ask for them.

mod common;

use std::collections::HashMap;
use std::time::Duration;

use common::{Client, FORMATS, Format, http, plan, world};
use koppeltaal_sandbox::{Application, Lifetimes, Sandbox};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;

const PATIENT: &str = "https://portal.example/fhir/Patient/7";
const LOGIN: &str = "https://game.example/login";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn confidential() -> Application {
    Application::new("game")
        .launch_url("https://game.example/start")
        .redirect_uri(LOGIN)
        .redirect_uri("nl.example.game:/login?app=1")
        .secret("g:eheim")
        .refresh_tokens(true)
}

fn public() -> Application {
    Application::new("game").launch_url("https://game.example/start").redirect_uri(LOGIN)
}

async fn start(game: Application) -> Sandbox {
    world().application(game).start().await.expect("a sandbox")
}

type Pairs<'a> = &'a [(&'a str, &'a str)];

fn get(sandbox: &Sandbox, path: &str, query: Pairs<'_>) -> RequestBuilder {
    http().get(format!("{}/OAuth2/Koppeltaal/{path}", sandbox.url())).query(query)
}

async fn sent(request: RequestBuilder) -> Response {
    request.send().await.expect("an answer")
}

fn location(answer: &Response) -> String {
    assert_eq!(answer.status(), 302);
    assert!(answer.headers()["content-type"].to_str().expect("text").starts_with("application/json"));
    answer.headers()["location"].to_str().expect("text").to_owned()
}

/// The parameters of a URL.
fn parameters(url: &str) -> HashMap<String, String> {
    let query = url.split_once('?').expect("a query").1;
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

const LAUNCH: Pairs<'static> =
    &[("client_id", "game"), ("patient", PATIENT), ("user", PATIENT), ("resource", "activity-1")];

fn launch(sandbox: &Sandbox) -> RequestBuilder {
    get(sandbox, "Launch", LAUNCH).basic_auth("portal", Some("wacht:wöord"))
}

async fn launched(sandbox: &Sandbox) -> String {
    parameters(&location(&sent(launch(sandbox)).await))["launch"].clone()
}

/// The answer of Authorize to a web launch.
async fn authorized(sandbox: &Sandbox, launch: &str, more: Pairs<'_>) -> Response {
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

async fn code(sandbox: &Sandbox, more: Pairs<'_>) -> String {
    let launch = launched(sandbox).await;
    parameters(&location(&authorized(sandbox, &launch, more).await))["code"].clone()
}

/// Asks Token by a form, as the confidential game.
fn token(sandbox: &Sandbox, form: Pairs<'_>) -> RequestBuilder {
    http()
        .post(format!("{}/OAuth2/Koppeltaal/Token", sandbox.url()))
        .basic_auth("game", Some("g:eheim"))
        .form(form)
}

async fn json(request: RequestBuilder, status: u16) -> Value {
    let answer = sent(request).await;
    assert!(answer.headers()["content-type"].to_str().expect("text").starts_with("application/json"));
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.status(), status, "{:?}", answer.text().await);
    serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON")
}

fn redeem(code: &str) -> [(&str, &str); 3] {
    [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", LOGIN)]
}

async fn tokens(sandbox: &Sandbox) -> Value {
    json(token(sandbox, &redeem(&code(sandbox, &[]).await)), 200).await
}

async fn refused(request: RequestBuilder, status: u16, error: &str) {
    let body = json(request, status).await;
    assert_eq!(body["error"], error, "{body}");
    assert!(body["error_description"].as_str().is_some_and(|text| !text.is_empty()));
}

#[tokio::test]
async fn a_launch_leads_to_the_page_of_the_application() {
    let sandbox = start(confidential()).await;
    let page = location(&sent(launch(&sandbox)).await);
    assert!(page.starts_with("https://game.example/start?iss="), "{page}");
    let parameters = parameters(&page);
    assert_eq!(parameters["iss"], format!("{}/FHIR/Koppeltaal", sandbox.url()));
    assert!(parameters["launch"].parse::<u64>().is_ok());
}

#[tokio::test]
async fn a_launch_page_may_have_names_of_its_own() {
    let page = "https://game.example/start?application_id={client_id}&launch_id={launch}";
    let sandbox = start(confidential().launch_url(page)).await;
    let parameters = parameters(&location(&sent(launch(&sandbox)).await));
    assert_eq!(parameters["application_id"], "game");
    assert!(parameters["launch_id"].parse::<u64>().is_ok());
    assert!(!parameters.contains_key("launch"));
}

#[tokio::test]
async fn a_browser_may_send_its_credentials_in_the_query() {
    let sandbox = start(confidential()).await;
    // portal:wacht:wöord
    for given in ["Basic cG9ydGFsOndhY2h0OnfDtm9yZA==", "cG9ydGFsOndhY2h0OnfDtm9yZA=="] {
        let query = [LAUNCH, &[("Authorization", given)]].concat();
        location(&sent(get(&sandbox, "Launch", &query)).await);
    }
    let wrong = [LAUNCH, &[("Authorization", "Basic cG9ydGFsOng=")]].concat();
    assert_eq!(sent(get(&sandbox, "Launch", &wrong)).await.status(), 401);
    assert_eq!(sent(get(&sandbox, "Launch", LAUNCH)).await.status(), 401);
}

#[tokio::test]
async fn a_launch_of_nothing_is_refused_in_the_format_that_was_asked_for() {
    for format in FORMATS {
        let sandbox = start(confidential()).await;
        let portal = Client::portal(&sandbox, format);
        let base = format!("{}/OAuth2/Koppeltaal", sandbox.url());
        for (query, status) in [
            ("client_id=game&patient=p", 400),
            ("client_id=game&user=u", 400),
            ("patient=p&user=u", 400),
            ("client_id=nobody&patient=p&user=u", 400),
        ] {
            for kind in ["Launch", "MobileLaunch"] {
                portal.get(&format!("{base}/{kind}?{query}")).await.details(status);
            }
        }
        let stranger = Client::stranger(&sandbox, format);
        let elsewhere = stranger.get(&format!("{base}/Launch?client_id=game&patient=p&user=u")).await;
        assert_eq!(elsewhere.details(400), "The application has no instance in this domain.");
    }
}

#[tokio::test]
async fn a_code_comes_back_with_the_state_and_becomes_a_token() {
    let sandbox = start(confidential()).await;
    let launch = launched(&sandbox).await;
    let back = location(&authorized(&sandbox, &launch, &[]).await);
    assert!(back.starts_with("https://game.example/login?code="), "{back}");
    assert_eq!(parameters(&back)["state"], "a b&c");
    let reply = json(token(&sandbox, &redeem(&parameters(&back)["code"])), 200).await;
    assert_eq!(reply["token_type"], "Bearer");
    assert_eq!(reply["expires_in"], 3600);
    assert_eq!(reply["scope"], "patient/*.read");
    assert_eq!((&reply["patient"], &reply["user"]), (&PATIENT.into(), &PATIENT.into()));
    assert_eq!((&reply["resource"], &reply["domain"]), (&"activity-1".into(), &common::DOMAIN.into()));
    assert_eq!(reply.get("intent"), None);
    assert!(reply["refresh_token"].is_string());
    let game = Client::bearer(&sandbox, reply["access_token"].as_str().expect("a token"), Format::Json);
    game.claim().await.bundle();
}

#[tokio::test]
async fn a_redirect_uri_may_have_a_query_and_belong_to_an_app() {
    let sandbox = start(confidential()).await;
    let launch = launched(&sandbox).await;
    let scope = format!("launch:{launch} patient/*.read");
    let uri = "nl.example.game:/login?app=1";
    let query = [("response_type", "code"), ("client_id", "game"), ("redirect_uri", uri), ("scope", &scope)];
    let back = location(&sent(get(&sandbox, "Authorize", &query)).await);
    let code = back.strip_prefix("nl.example.game:/login?app=1&code=").expect("the parameters are added");
    let form = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", uri)];
    json(token(&sandbox, &form), 200).await;
}

#[tokio::test]
async fn a_token_can_be_asked_for_by_get_and_by_a_public_client() {
    let sandbox = start(public()).await;
    let code = code(&sandbox, &[]).await;
    let query = [&redeem(&code)[..], &[("client_id", "game")]].concat();
    let reply = json(get(&sandbox, "Token", &query), 200).await;
    assert!(reply["access_token"].is_string());
    assert_eq!(reply.get("refresh_token"), None, "a public client could not keep it");
}

#[tokio::test]
async fn the_intent_of_a_launch_is_passed_on() {
    let sandbox = start(confidential()).await;
    let launch = launch(&sandbox).query(&[("intent", "preview")]);
    let number = parameters(&location(&sent(launch).await))["launch"].clone();
    let code = parameters(&location(&authorized(&sandbox, &number, &[]).await))["code"].clone();
    assert_eq!(json(token(&sandbox, &redeem(&code)), 200).await["intent"], "preview");
}

#[tokio::test]
async fn authorize_never_sends_a_browser_to_a_page_that_is_not_registered() {
    let sandbox = start(confidential()).await;
    let scope = format!("launch:{}", launched(&sandbox).await);
    for (client, uri) in [("game", "https://evil.example/login"), ("nobody", LOGIN), ("game", "")] {
        let query =
            [("response_type", "code"), ("client_id", client), ("redirect_uri", uri), ("scope", &scope)];
        refused(get(&sandbox, "Authorize", &query), 400, "invalid_request").await;
    }
}

#[tokio::test]
async fn other_errors_of_authorize_go_back_to_the_application() {
    let sandbox = start(confidential().redirect_uri(LOGIN)).await;
    let launch = launched(&sandbox).await;
    let mine = format!("patient/*.read launch:{launch}");
    let twice = format!("launch:{launch} launch:{launch}");
    for (response_type, scope, error) in [
        ("token", mine.as_str(), "unsupported_response_type"),
        ("code", "patient/*.read", "invalid_scope"),
        ("code", "launch:1", "invalid_scope"),
        ("code", &twice, "invalid_scope"),
    ] {
        let query = [
            ("response_type", response_type),
            ("client_id", "game"),
            ("redirect_uri", LOGIN),
            ("scope", scope),
            ("state", "s"),
        ];
        let back = parameters(&location(&sent(get(&sandbox, "Authorize", &query)).await));
        assert_eq!((back["error"].as_str(), back["state"].as_str()), (error, "s"));
    }
    let bad = authorized(&sandbox, &launch, &[("code_challenge", "short")]).await;
    assert_eq!(parameters(&location(&bad))["error"], "invalid_request");
}

#[tokio::test]
async fn a_launch_works_for_its_own_client_only() {
    let portal = Application::new("portal").redirect_uri(LOGIN);
    let sandbox = world().application(confidential()).application(portal).start().await.expect("a sandbox");
    let scope = format!("launch:{}", launched(&sandbox).await);
    let query =
        [("response_type", "code"), ("client_id", "portal"), ("redirect_uri", LOGIN), ("scope", &scope)];
    let back = parameters(&location(&sent(get(&sandbox, "Authorize", &query)).await));
    assert_eq!(back["error"], "unauthorized_client");
}

#[tokio::test]
async fn a_code_works_once_and_whoever_tries_again_ends_its_tokens() {
    let sandbox = start(confidential()).await;
    let code = code(&sandbox, &[]).await;
    let reply = json(token(&sandbox, &redeem(&code)), 200).await;
    let game = Client::bearer(&sandbox, reply["access_token"].as_str().expect("a token"), Format::Json);
    game.claim().await.bundle();
    refused(token(&sandbox, &redeem(&code)), 400, "invalid_grant").await;
    game.claim().await.details(401);
    let refresh = reply["refresh_token"].as_str().expect("a token");
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    refused(token(&sandbox, &form), 400, "invalid_grant").await;
}

#[tokio::test]
async fn a_code_is_bound_to_its_client_and_redirect_uri() {
    let portal = Application::new("portal").redirect_uri(LOGIN);
    let sandbox = world().application(confidential()).application(portal).start().await.expect("a sandbox");
    let first = code(&sandbox, &[]).await;
    let stolen = [&redeem(&first)[..], &[("client_id", "portal")]].concat();
    refused(get(&sandbox, "Token", &stolen), 400, "invalid_grant").await;
    let second = code(&sandbox, &[]).await;
    let elsewhere =
        [("grant_type", "authorization_code"), ("code", &second), ("redirect_uri", "https://x.example")];
    refused(token(&sandbox, &elsewhere), 400, "invalid_grant").await;
    let third = code(&sandbox, &[]).await;
    let nowhere = [("grant_type", "authorization_code"), ("code", third.as_str())];
    refused(token(&sandbox, &nowhere), 400, "invalid_grant").await;
}

#[tokio::test]
async fn a_code_with_a_challenge_needs_the_verifier() {
    let sandbox = start(confidential()).await;
    let challenges: [Pairs<'_>; 3] = [
        &[("code_challenge", CHALLENGE), ("code_challenge_method", "S256")],
        &[("code_challenge", VERIFIER), ("code_challenge_method", "plain")],
        &[("code_challenge", VERIFIER)],
    ];
    for challenge in challenges {
        let with = async |verifier: Pairs<'_>| {
            let code = code(&sandbox, challenge).await;
            sent(token(&sandbox, &[&redeem(&code)[..], verifier].concat())).await.status().as_u16()
        };
        assert_eq!(with(&[("code_verifier", VERIFIER)]).await, 200);
        assert_eq!(with(&[("code_verifier", "another")]).await, 400);
        assert_eq!(with(&[]).await, 400);
    }
}

#[tokio::test]
async fn clients_prove_who_they_are() {
    let sandbox = start(confidential()).await;
    let url = format!("{}/OAuth2/Koppeltaal/Token", sandbox.url());
    let first = code(&sandbox, &[]).await;
    let wrong = http().post(&url).basic_auth("game", Some("wrong")).form(&redeem(&first));
    let answer = sent(wrong.try_clone().expect("a form")).await;
    assert!(answer.headers()["www-authenticate"].to_str().expect("text").starts_with("Basic"));
    refused(wrong, 401, "invalid_client").await;
    refused(http().post(&url).form(&redeem(&first)), 401, "invalid_client").await;
    let named = [&redeem(&first)[..], &[("client_id", "game")]].concat();
    refused(http().post(&url).form(&named), 401, "invalid_client").await;
    let other = [&redeem(&first)[..], &[("client_id", "portal")]].concat();
    refused(token(&sandbox, &other), 400, "invalid_request").await;
    // None of these used the code up, and the secret may stand in the form.
    let in_form = [&named[..], &[("client_secret", "g:eheim")]].concat();
    json(http().post(&url).form(&in_form), 200).await;
}

#[tokio::test]
async fn token_requests_that_make_no_sense_are_named() {
    let sandbox = start(confidential()).await;
    let cases: [(Pairs<'_>, &str); 6] = [
        (&[], "invalid_request"),
        (&[("grant_type", "password")], "unsupported_grant_type"),
        (&[("grant_type", "authorization_code")], "invalid_request"),
        (&[("grant_type", "refresh_token")], "invalid_request"),
        (&[("grant_type", "refresh_token"), ("refresh_token", "x")], "invalid_grant"),
        (&[("grant_type", "a"), ("grant_type", "b")], "invalid_request"),
    ];
    for (form, error) in cases {
        refused(token(&sandbox, form), 400, error).await;
    }
}

#[tokio::test]
async fn a_refresh_brings_new_tokens_and_ends_the_old_ones() {
    let sandbox = start(confidential()).await;
    let first = tokens(&sandbox).await;
    let form = [("grant_type", "refresh_token"), ("refresh_token", first["refresh_token"].as_str().unwrap())];
    let second = json(token(&sandbox, &form), 200).await;
    assert_ne!(first["access_token"], second["access_token"]);
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    assert_eq!(first["patient"], second["patient"]);
    let with =
        |reply: &Value| Client::bearer(&sandbox, reply["access_token"].as_str().unwrap(), Format::Json);
    with(&first).claim().await.details(401);
    with(&second).claim().await.bundle();
    refused(token(&sandbox, &form), 400, "invalid_grant").await;
    let again =
        [("grant_type", "refresh_token"), ("refresh_token", second["refresh_token"].as_str().unwrap())];
    json(get(&sandbox, "Token", &again).basic_auth("game", Some("g:eheim")), 200).await;
}

#[tokio::test]
async fn a_token_that_has_expired_says_so_and_can_be_refreshed() {
    for format in FORMATS {
        let mut lifetimes = Lifetimes::default();
        lifetimes.token = Duration::from_secs(30);
        let sandbox =
            world().application(confidential()).lifetimes(lifetimes).start().await.expect("a sandbox");
        let reply = tokens(&sandbox).await;
        assert_eq!(reply["expires_in"], 30);
        let game = Client::bearer(&sandbox, reply["access_token"].as_str().unwrap(), format);
        game.claim().await.bundle();
        sandbox.advance_clock(Duration::from_secs(31));
        let expired = game.claim().await;
        assert!(expired.details(401).starts_with("Authentication failed: Bearer token has expired at 2"));
        assert!(expired.issues(401)[0].is("expired"));
        assert!(expired.header("www-authenticate").starts_with("Bearer"));
        let form =
            [("grant_type", "refresh_token"), ("refresh_token", reply["refresh_token"].as_str().unwrap())];
        let fresh = json(token(&sandbox, &form), 200).await;
        Client::bearer(&sandbox, fresh["access_token"].as_str().unwrap(), format).claim().await.bundle();
    }
}

#[tokio::test]
async fn a_token_can_expire_on_purpose() {
    let sandbox = start(confidential()).await;
    let reply = tokens(&sandbox).await;
    let game = Client::bearer(&sandbox, reply["access_token"].as_str().unwrap(), Format::Json);
    sandbox
        .set_faults([koppeltaal_sandbox::Fault::new(koppeltaal_sandbox::FaultKind::TokenExpires).times(1)]);
    assert!(game.claim().await.issues(401)[0].is("expired"));
    game.claim().await.bundle();
}

#[tokio::test]
async fn launches_and_codes_expire() {
    let sandbox = start(confidential()).await;
    let launch = launched(&sandbox).await;
    let code = code(&sandbox, &[]).await;
    sandbox.advance_clock(Duration::from_secs(61));
    refused(token(&sandbox, &redeem(&code)), 400, "invalid_grant").await;
    location(&authorized(&sandbox, &launch, &[]).await);
    sandbox.advance_clock(Duration::from_secs(240));
    let late = parameters(&location(&authorized(&sandbox, &launch, &[]).await));
    assert_eq!(late["error"], "invalid_scope");
}

#[tokio::test]
async fn an_activation_code_opens_an_app_once() {
    let sandbox = start(confidential()).await;
    let activation = async || {
        let request = get(&sandbox, "MobileLaunch", LAUNCH).basic_auth("portal", Some("wacht:wöord"));
        let reply = json(request, 200).await;
        assert_eq!(reply["expires_in"], 7);
        reply["activation_code"].as_str().expect("text").to_owned()
    };
    let authorize = |activation: &str| {
        let scope = format!("patient/*.read launch:{activation}");
        get(&sandbox, "Authorize", &[("response_type", "code"), ("client_id", "game"), ("scope", &scope)])
    };
    let first = activation().await;
    assert_eq!(first.len(), 6);
    let code = json(authorize(&first), 200).await["authorization_code"].as_str().expect("text").to_owned();
    let form = [("grant_type", "authorization_code"), ("code", code.as_str())];
    assert_eq!(json(token(&sandbox, &form), 200).await["patient"], PATIENT);
    refused(authorize(&first), 400, "invalid_scope").await;

    let second = activation().await;
    sandbox.advance_clock(Duration::from_secs(7 * 24 * 60 * 60));
    refused(authorize(&second), 400, "invalid_scope").await;
}

#[tokio::test]
async fn a_token_shows_the_messages_of_its_patient_only() {
    for format in FORMATS {
        let sandbox = start(confidential()).await;
        let portal = Client::portal(&sandbox, format);
        let mine = plan("m1", "1");
        let patient = common::header_patient(&mine);
        let mut theirs = plan("m2", "2");
        common::set_header_patient(&mut theirs, "https://portal.example/fhir/Patient/other");
        portal.send_message(theirs.clone()).await.bundle();
        portal.send_message(mine).await.bundle();

        let query = [("client_id", "game"), ("patient", patient.as_str()), ("user", patient.as_str())];
        let launch = get(&sandbox, "Launch", &query).basic_auth("portal", Some("wacht:wöord"));
        let number = parameters(&location(&sent(launch).await))["launch"].clone();
        let code = parameters(&location(&authorized(&sandbox, &number, &[]).await))["code"].clone();
        let reply = json(token(&sandbox, &redeem(&code)), 200).await;
        let game = Client::bearer(&sandbox, reply["access_token"].as_str().unwrap(), format);

        let listed = game.get("MessageHeader/_search").await.bundle();
        assert_eq!(listed.entry.len(), 1);
        let all = Client::game(&sandbox, format).get("MessageHeader/_search").await.bundle();
        assert_eq!(all.entry.len(), 2);
        let hidden = all.entry[0].id.clone().expect("an id");
        assert!(game.get(&format!("MessageHeader/_search?_id={hidden}")).await.bundle().entry.is_empty());
        assert!(game.get("MessageHeader/_search?_id=m2").await.bundle().entry.is_empty());
        let asked = "MessageHeader/_search?Patient=https://portal.example/fhir/Patient/other";
        assert!(game.get(asked).await.bundle().entry.is_empty());

        let (entry, header) = game.claim().await.header_entry();
        assert_eq!(header.identifier.as_str(), Some("m1"));
        assert!(game.claim().await.bundle().entry.is_empty());
        let success = koppeltaal_messaging::ProcessingStatus::Success;
        game.acknowledge(&hidden, &header, success).await.details(404);
        game.acknowledge(&entry.id.expect("an id"), &header, success).await.document();

        common::header_mut(&mut theirs).identifier = "m3".into();
        assert_eq!(
            game.send_message(theirs).await.details(403),
            "The message is not about the patient of the token."
        );
        game.get("Other?code=ActivityDefinition").await.bundle();
    }
}

#[tokio::test]
async fn a_token_stores_and_finds_things_of_its_patient_only() {
    for format in FORMATS {
        let sandbox = start(confidential()).await;
        let basic = Client::game(&sandbox, format);
        let of = |patient: &str, key: &str| {
            koppeltaal_fhir::resources::Other::from(koppeltaal_messaging::profiles::StorageItem {
                content_type: Some("text/plain".into()),
                content: Some("QUJD".into()),
                patient_identifier: Some(koppeltaal_messaging::Reference::from(patient)),
                object_type: Some("level".into()),
                object_key: Some(key.into()),
                ..Default::default()
            })
        };
        let theirs = basic.post("Other", of("https://portal.example/fhir/Patient/8", "1")).await;
        let hidden = theirs.header("content-location").to_owned();
        let reply = tokens(&sandbox).await;
        let game = Client::bearer(&sandbox, reply["access_token"].as_str().unwrap(), format);
        assert_eq!(game.post("Other", of(PATIENT, "2")).await.status, 201);
        game.post("Other", of("https://portal.example/fhir/Patient/8", "3")).await.details(403);
        game.put(&hidden, of(PATIENT, "4")).await.details(404);
        assert_eq!(game.get("Other?code=StorageItem").await.bundle().entry.len(), 1);
        assert_eq!(basic.get("Other?code=StorageItem").await.bundle().entry.len(), 2);
        let asked = "Other?code=StorageItem&patient=https://portal.example/fhir/Patient/8";
        assert!(game.get(asked).await.bundle().entry.is_empty());
    }
}
