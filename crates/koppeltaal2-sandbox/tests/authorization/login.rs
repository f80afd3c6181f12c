//! The sandbox's own identity provider, as a browser and a program see it.

use http::Method;
use koppeltaal_smart::{AuthorizationRequest, Prompt};
use koppeltaal2_sandbox::{LogInError, Sandbox};

use crate::http::{Answer, get, post, send};
use crate::{JORIS, MIRTE, REDIRECT_URI, World};

/// The address of the login page for a launched user.
async fn login_page(world: &World) -> String {
    let request = request(world).await;
    let (url, _) = request.begin(&world.authorization_endpoint()).expect("randomness");
    let provider = get(url.as_str()).await.header("location").to_owned();
    let page = get(&provider).await.header("location").to_owned();
    assert!(page.starts_with(&format!("{}/idp/login?session=", world.sandbox.url())), "{page}");
    page
}

async fn request(world: &World) -> AuthorizationRequest {
    let launch = world.launch(MIRTE).await;
    let client_id = world.sandbox.application("module").client_id();
    AuthorizationRequest::new(client_id, REDIRECT_URI, world.sandbox.fhir_base(), &launch)
}

fn session(page: &str) -> &str {
    page.split_once("session=").expect("a session").1
}

#[tokio::test]
async fn the_page_shows_people_and_works_without_scripts() {
    let world = World::start().await;
    let page = login_page(&world).await;
    let html = get(&page).await;
    assert_eq!(html.header("content-type"), "text/html; charset=utf-8");
    assert!(html.header("content-security-policy").starts_with("default-src 'none'; style-src 'self'"));
    for part in ["<html lang=\"en\">", "Mirte Zonneveld", MIRTE, "joris@example.nl", "Related persons"] {
        assert!(html.body.contains(part), "{part}: {}", html.body);
    }
    assert!(!html.body.contains("<script"));
    let style = get(&format!("{}/idp/style.css", world.sandbox.url())).await;
    assert!(style.header("content-type").starts_with("text/css") && style.body.contains("dark"));
    // A filter is a part of the address.
    let found = get(&format!("{page}&filter=joris")).await.body;
    assert!(found.contains(JORIS) && !found.contains("Nadia"));
}

#[tokio::test]
async fn a_program_plays_the_browser_with_one_form() {
    let world = World::start().await;
    let page = login_page(&world).await;
    let login = format!("{}/idp/login", world.sandbox.url());
    let answer = post(&login, &[("session", session(&page)), ("person", MIRTE)]).await;
    let callback = answer.header("location").to_owned();
    assert!(callback.starts_with(&format!("{}/oauth2/callback?code=", world.sandbox.url())), "{callback}");
    assert!(get(&callback).await.header("location").starts_with(REDIRECT_URI));
    // Neither the page nor the callback works again.
    assert_eq!(get(&callback).await.status.as_u16(), 400);
    assert_eq!(get(&page).await.status.as_u16(), 400);
    let again = post(&login, &[("session", session(&page)), ("person", MIRTE)]).await;
    assert_eq!(again.status.as_u16(), 400);
}

#[tokio::test]
async fn a_form_that_is_wrong_is_refused() {
    let world = World::start().await;
    let login = format!("{}/idp/login", world.sandbox.url());
    let page = login_page(&world).await;
    let session = session(&page);
    for (form, reason) in [
        (vec![("person", MIRTE)], "session is missing"),
        (vec![("session", session)], "person is missing"),
        (vec![("session", "x"), ("person", MIRTE)], "unknown, over or expired"),
        (vec![("session", session), ("person", "Patient/none")], "person is no"),
        (vec![("session", session), ("person", "Device/1")], "person is no"),
    ] {
        let answer = post(&login, &form).await;
        assert_eq!(answer.status.as_u16(), 400);
        assert!(world.reason().contains(reason), "{}", world.reason());
    }
    let answer = post(&login, &[("session", session), ("person", MIRTE)]).await;
    assert_eq!(answer.status.as_u16(), 303, "a mistake does not end the login");
}

#[tokio::test]
async fn a_user_who_cancels_or_is_not_asked_is_not_let_in() {
    let world = World::start().await;
    let page = login_page(&world).await;
    let login = format!("{}/idp/login", world.sandbox.url());
    let cancelled = post(&login, &[("session", session(&page)), ("cancel", "1")]).await;
    let refused = async |answer: Answer| {
        let accept = [("accept", "text/html")];
        let answer = send(Method::GET, answer.header("location"), &accept, "").await;
        assert_eq!(answer.status.as_u16(), 403);
        assert!(answer.body.contains("You cannot be let in"));
        assert!(world.reason().contains("did not log the user in"));
    };
    refused(cancelled).await;
    let silent = request(&world).await.prompt(Prompt::None);
    let (url, _) = silent.begin(&world.authorization_endpoint()).expect("randomness");
    let provider = get(url.as_str()).await;
    refused(get(provider.header("location")).await).await;
}

#[tokio::test]
async fn the_provider_serves_the_authorization_service_only() {
    let world = World::start().await;
    let url = world.sandbox.url();
    let good = "client_id=koppeltaal&response_type=code&code_challenge_method=S256&scope=openid&state=s&\
        code_challenge=c";
    for query in [
        format!("{good}&redirect_uri=https://evil.example/"),
        good.replace("koppeltaal", "module"),
        String::new(),
    ] {
        let answer = get(&format!("{url}/idp/authorize?{query}")).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (400, ""), "{query}");
    }
    let assertion = world.assertion_for("module", &format!("{url}/idp/token")).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", "x"),
        ("redirect_uri", "x"),
        ("code_verifier", "x"),
        ("client_assertion_type", koppeltaal_smart::CLIENT_ASSERTION_TYPE),
        ("client_assertion", assertion.as_str()),
    ];
    let answer = post(&format!("{url}/idp/token"), &form).await;
    assert_eq!((answer.status.as_u16(), answer.error().as_str()), (401, "invalid_client"));
}

#[tokio::test]
async fn the_browser_of_tests_goes_to_this_sandbox_only() {
    let world = World::start().await;
    for url in ["https://other.example/oauth2/authorize", "nonsense"] {
        assert!(matches!(world.sandbox.log_in(url, MIRTE).await, Err(LogInError::Url)));
    }
    let empty = Sandbox::start().await.expect("it starts");
    let nowhere = format!("{}/oauth2/authorize", empty.url());
    let refused = empty.log_in(&nowhere, MIRTE).await.expect_err("no parameters");
    assert!(refused.to_string().contains("client_id is missing"), "{refused}");
}
