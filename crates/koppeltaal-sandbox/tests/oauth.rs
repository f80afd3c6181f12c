//! Launches and codes over real sockets, as browsers, apps and deployed clients ask for them.

mod common;

use common::oauth::*;
use common::{Client, FORMATS, Format, world};
use koppeltaal_sandbox::Application;
use std::time::Duration;

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
async fn an_app_with_an_activation_code_reads_every_error_itself() {
    let portal = Application::new("portal").redirect_uri(LOGIN);
    let sandbox = world().application(confidential()).application(portal).start().await.expect("a sandbox");
    let request = get(&sandbox, "MobileLaunch", LAUNCH).basic_auth("portal", Some("wacht:wöord"));
    let known = json(request, 200).await["activation_code"].as_str().expect("text").to_owned();
    // With a redirect URI, which apps send that used to be web applications.
    let authorize = |client: &str, response_type: &str, launch: &str| {
        let scope = format!("patient/*.read launch:{launch}");
        let query = [
            ("response_type", response_type),
            ("client_id", client),
            ("redirect_uri", LOGIN),
            ("scope", &scope),
        ];
        get(&sandbox, "Authorize", &query)
    };
    refused(authorize("game", "code", "123456"), 400, "invalid_scope").await;
    refused(authorize("game", "token", &known), 400, "unsupported_response_type").await;
    refused(authorize("portal", "code", &known), 400, "unauthorized_client").await;
    assert!(json(authorize("game", "code", &known), 200).await["authorization_code"].is_string());
    refused(authorize("game", "code", &known), 400, "invalid_scope").await;
    // An unknown web launch still goes back to the redirect URI.
    location(&sent(authorize("game", "code", "123456789")).await);
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
async fn the_browser_of_a_test_is_sent_on_or_told_why_it_stays() {
    use koppeltaal_sandbox::BrowseError;

    let sandbox = common::start().await;
    let elsewhere = sandbox.browse("https://k.example/OAuth2/Koppeltaal/Authorize").await;
    assert_eq!(elsewhere, Err(BrowseError::Elsewhere));
    let authorize = format!("{}/OAuth2/Koppeltaal/Authorize?client_id=nobody", sandbox.url());
    let refused = sandbox.browse(&authorize).await.expect_err("nobody is no client");
    assert!(matches!(&refused, BrowseError::Stays { status: 400..500, .. }), "{refused}");
    assert!(refused.to_string().contains("error_description"), "{refused}");
}
