//! Launches, authorization and the token endpoint: their requests, and how their answers are read.

use koppeltaal_messaging::ResourceUrl;
use koppeltaal_transport::{
    AuthorizationCode, AuthorizationRequest, ClientAuthentication, Error, LaunchRequest, OAuthErrorCode,
    StatusCode, Tokens,
};

use crate::server::{Asked, Server, Step, fixture, json, status, with_headers};

const PATIENT: &str = "https://epd.example/fhir/Patient/2041";

fn statement() -> Step {
    json(fixture("resources/conformance.json"))
}

fn launch() -> LaunchRequest {
    let url = |text: &str| text.parse::<ResourceUrl>().expect("an address");
    LaunchRequest::new("game", url(PATIENT), url(&format!("{PATIENT}/_history/1")), "activity 1")
}

fn parameters(text: &str) -> Vec<(String, String)> {
    let query = text.split_once('?').map_or(text, |(_, query)| query);
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn path(asked: &Asked) -> &str {
    asked.target.split('?').next().expect("a path")
}

#[tokio::test]
async fn a_launch_gives_the_page_to_open_and_does_not_open_it() {
    let elsewhere = Server::playing([]).await;
    let page = format!("{}/start?iss=https%3A%2F%2Fk.example&launch=123", elsewhere.url());
    let redirect = with_headers(302, &[("Location", &page)], "");
    let server = Server::playing([statement(), redirect]).await;
    let url = server.client().launch(&launch().intent("play")).await.expect("a launch");
    assert_eq!(url.as_str(), page);
    assert!(elsewhere.asked().is_empty());
    let asked = &server.asked()[1];
    assert_eq!((asked.method.as_str(), path(asked)), ("GET", "/OAuth2/Koppeltaal/Launch"));
    assert!(asked.header("authorization").is_some_and(|value| value.starts_with("Basic ")));
    let expected = pairs(&[
        ("client_id", "game"),
        ("patient", PATIENT),
        ("user", PATIENT),
        ("resource", "activity 1"),
        ("intent", "play"),
    ]);
    assert_eq!(parameters(&asked.target), expected);
}

#[tokio::test]
async fn a_launch_page_is_resolved_against_what_was_asked() {
    for (location, page) in [
        ("/start?launch=123", "{server}/start?launch=123"),
        ("start?launch=123", "{server}/OAuth2/Koppeltaal/start?launch=123"),
        ("//game.example/start", "http://game.example/start"),
        ("https://game.example/caf\u{E9}?naam=Li\u{EB}ke", "https://game.example/caf%C3%A9?naam=Li%C3%ABke"),
        (" https://game.example/start ", "https://game.example/start"),
    ] {
        let server = Server::playing([statement(), with_headers(302, &[("Location", location)], "")]).await;
        let url = server.client().launch(&launch()).await.expect("a launch");
        assert_eq!(url.as_str(), page.replace("{server}", &server.url()), "{location}");
    }
}

#[tokio::test]
async fn a_launch_that_is_refused_says_why() {
    let outcome = fixture("resources/operationoutcome.json");
    for (step, is_expected) in [
        (
            status(400, "application/json", r#"{"error":"invalid_request","error_description":"Lieke"}"#),
            (|error| matches!(error, Error::OAuth { error, .. } if error.code == OAuthErrorCode::InvalidRequest))
                as fn(&Error) -> bool,
        ),
        (status(400, "application/json", outcome), |error| matches!(error, Error::Conflict { .. })),
        (status(401, "text/html", "<html>"), |error| matches!(error, Error::Authentication { .. })),
        (status(200, "text/html", "<html>"), |error| matches!(error, Error::Protocol(_))),
        (with_headers(302, &[], ""), |error| matches!(error, Error::Protocol(_))),
    ] {
        let server = Server::playing([statement(), step]).await;
        let error = server.client().launch(&launch()).await.expect_err("no launch");
        assert!(is_expected(&error), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("Lieke"), "{error:?}");
    }
}

#[tokio::test]
async fn a_mobile_launch_gives_an_activation_code() {
    let reply = json(r#"{"activation_code":"593740","expires_in":7}"#);
    let server = Server::playing([statement(), reply]).await;
    let mobile = server.client().mobile_launch(&launch()).await.expect("a launch");
    assert_eq!((mobile.activation_code.as_str(), mobile.expires_in_days), ("593740", Some(7)));
    assert!(!format!("{mobile:?}").contains("593740"));
    let asked = &server.asked()[1];
    assert_eq!(path(asked), "/OAuth2/Koppeltaal/MobileLaunch");
    assert_eq!(asked.header("accept"), Some("application/json"));
}

#[tokio::test]
async fn a_mobile_launch_is_read_however_the_server_writes_numbers() {
    for (body, code, days) in [
        ("\u{FEFF}{\"activation_code\":593740,\"expires_in\":\"7\"}", "593740", Some(7)),
        (r#"{"activationCode":"593740","expires_in":7.0}"#, "593740", Some(7)),
        (r#"{"activation_code":"007","expires_in":"a week"}"#, "007", None),
        (r#"{"activation_code":"7","expires_in":-1}"#, "7", None),
        (r#"{"activation_code":"7","expires_in":null}"#, "7", None),
    ] {
        let server = Server::playing([statement(), json(body)]).await;
        let mobile = server.client().mobile_launch(&launch()).await.expect("a launch");
        assert_eq!((mobile.activation_code.as_str(), mobile.expires_in_days), (code, days), "{body}");
    }
}

#[tokio::test]
async fn an_activation_code_is_not_spent_on_an_answer_in_another_spelling() {
    for body in [
        r#"{"authorisation_code":"abc"}"#,
        r#"{"AuthorizationCode":"abc","authorisation_code":""}"#,
        "\u{FEFF}{\"authorization_code\":\"abc\"}",
    ] {
        let server = Server::playing([statement(), json(body)]).await;
        let request = AuthorizationRequest::new("game", "https://game.example/login", "593740");
        let code = server.client().authorize_mobile(&request).await.expect("a code");
        assert_eq!(code.code(), "abc", "{body}");
    }
}

#[tokio::test]
async fn a_refusal_with_status_200_is_a_refusal_at_every_endpoint_of_oauth() {
    fn check(result: Result<(), Error>) {
        let error = result.expect_err("a refusal");
        let Error::OAuth { error: why, status } = &error else { panic!("{error:?}") };
        assert_eq!((why.code, *status), (OAuthErrorCode::InvalidGrant, StatusCode::OK));
        assert!(!error.is_outcome_unknown());
    }
    // With a byte order mark, and with a description that is not in UTF-8.
    let refusal = b"\xEF\xBB\xBF{\"error\":\"Invalid_Grant\",\"access_token\":\"\",\"error_description\":\"pati\xEBnt\"}";
    let server =
        Server::playing([statement()].into_iter().chain(std::iter::repeat_n(json(refusal), 4))).await;
    let (client, public) = (server.client(), ClientAuthentication::public("game"));
    let code = AuthorizationCode::new("abc", "https://game.example/login", None);
    let old = Tokens::new("a").expect("a token").with_refresh_token("r");
    let request = AuthorizationRequest::new("game", "https://game.example/login", "593740");
    check(client.token(&public, &code).await.map(drop));
    check(client.refresh(&public, &old).await.map(drop));
    check(client.authorize_mobile(&request).await.map(drop));
    check(client.mobile_launch(&launch()).await.map(drop));
}

#[tokio::test]
async fn tokens_are_read_behind_a_byte_order_mark_and_an_empty_refresh_token_does_not_replace_the_old_one() {
    let reply =
        "\u{FEFF}{\"access_token\":\"b\",\"refresh_token\":\"\",\"expires_in\":\"3600\",\"Patient\":\"p\"}";
    let server = Server::playing([statement(), json(reply)]).await;
    let old = Tokens::new("a").expect("a token").with_refresh_token("r");
    let new = server.client().refresh(&ClientAuthentication::public("game"), &old).await.expect("tokens");
    assert_eq!((new.access_token(), new.refresh_token()), ("b", Some("r")));
    assert!(new.expires_at().is_some());
    assert_eq!(new.context().patient.as_deref(), Some("p"));
}

#[tokio::test]
async fn an_answer_of_the_token_endpoint_is_read_up_to_a_mebibyte() {
    let reply = |blanks: usize| json(format!(r#"{{"access_token":"a"{}}}"#, " ".repeat(blanks)));
    let code = AuthorizationCode::new("abc", "https://game.example/login", None);
    let public = ClientAuthentication::public("game");
    let server = Server::playing([statement(), reply((1 << 20) - 100), reply(1 << 20)]).await;
    let client = server.client();
    client.token(&public, &code).await.expect("tokens");
    let error = client.token(&public, &code).await.expect_err("too large");
    assert!(error.to_string().contains("whether the server acted on it is unknown"), "{error}");
}

#[tokio::test]
async fn the_browser_goes_to_authorize_as_the_server_states_it() {
    let server = Server::playing([statement()]).await;
    let request = AuthorizationRequest::new("game", "https://game.example/login", "123");
    let (url, pending) = server.client().authorize_url(&request).await.expect("a URL");
    assert!(url.as_str().starts_with("https://koppeltaal.example/OAuth2/Koppeltaal/Authorize?"), "{url}");
    assert!(url.query_pairs().any(|(key, value)| key == "state" && value == pending.state()));
}

#[tokio::test]
async fn an_activation_code_is_traded_for_a_code_at_the_configured_server() {
    let reply = json(r#"{"authorization_code":"abc"}"#);
    let server = Server::playing([statement(), reply]).await;
    let request = AuthorizationRequest::new("game", "https://game.example/login", "593740");
    let code = server.client().authorize_mobile(&request).await.expect("a code");
    assert_eq!(code.code(), "abc");
    let asked = &server.asked()[1];
    assert_eq!(path(asked), "/OAuth2/Koppeltaal/Authorize");
    assert_eq!(asked.header("authorization"), None, "the app has no credentials but the code");
    let sent = parameters(&asked.target);
    assert!(sent.contains(&("scope".to_owned(), "patient/*.read launch:593740".to_owned())), "{sent:?}");
    assert!(sent.iter().any(|(name, _)| name == "code_challenge"));

    // Authorize refuses with a redirect, as it does for a browser.
    let refusal = with_headers(302, &[("Location", "https://game.example/login?error=invalid_scope")], "");
    let server = Server::playing([statement(), refusal]).await;
    let error = server.client().authorize_mobile(&request).await.expect_err("used up");
    let Error::OAuth { error, .. } = &error else { panic!("{error:?}") };
    assert_eq!(error.code, OAuthErrorCode::InvalidScope);
}

#[tokio::test]
async fn a_code_is_traded_for_tokens_with_a_form() {
    let reply =
        r#"{"access_token":"a","token_type":"Bearer","expires_in":3600,"refresh_token":"r","patient":"p"}"#;
    for (authentication, header, client_id) in [
        (ClientAuthentication::public("game"), None, Some("game")),
        // base64 of "game:hush"
        (ClientAuthentication::basic("game", "hush").expect("ok"), Some("Basic Z2FtZTpodXNo"), None),
    ] {
        let server = Server::playing([statement(), json(reply)]).await;
        let code = AuthorizationCode::new("abc", "https://game.example/login", Some("verifier"));
        let tokens = server.client().token(&authentication, &code).await.expect("tokens");
        assert_eq!((tokens.access_token(), tokens.refresh_token()), ("a", Some("r")));
        assert_eq!(tokens.context().patient.as_deref(), Some("p"));
        let asked = &server.asked()[1];
        assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/OAuth2/Koppeltaal/Token"));
        assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
        assert_eq!(asked.header("authorization"), header, "not the application instance's password");
        let mut expected = pairs(&[
            ("grant_type", "authorization_code"),
            ("code", "abc"),
            ("redirect_uri", "https://game.example/login"),
            ("code_verifier", "verifier"),
        ]);
        expected.extend(client_id.map(|id| ("client_id".to_owned(), id.to_owned())));
        assert_eq!(parameters(&asked.body), expected);
    }
}

#[tokio::test]
async fn a_refresh_keeps_what_the_reply_does_not_say_again() {
    let reply = r#"{"access_token":"b","token_type":"bearer","expires_in":60,"refresh_token":"s"}"#;
    let server = Server::playing([statement(), json(reply)]).await;
    let old = Tokens::new("a").expect("a token").with_refresh_token("r");
    let authentication = ClientAuthentication::basic("game", "hush").expect("credentials");
    let new = server.client().refresh(&authentication, &old).await.expect("tokens");
    assert_eq!((new.access_token(), new.refresh_token()), ("b", Some("s")));
    let asked = &server.asked()[1];
    assert_eq!(parameters(&asked.body), pairs(&[("grant_type", "refresh_token"), ("refresh_token", "r")]));

    let without = Tokens::new("a").expect("a token");
    let error = server.client().refresh(&authentication, &without).await.expect_err("no refresh token");
    assert!(matches!(error, Error::NoRefreshToken), "{error:?}");
}

#[tokio::test]
async fn a_refusal_of_the_token_endpoint_is_told_apart_from_a_lost_answer() {
    fn kind(error: &Error) -> &'static str {
        match error {
            Error::OAuth { status, error } if error.code == OAuthErrorCode::InvalidGrant => {
                assert_eq!(*status, StatusCode::BAD_REQUEST);
                "invalid grant"
            }
            Error::OAuth { error, .. } if error.code == OAuthErrorCode::InvalidClient => "invalid client",
            Error::UnknownOutcome { .. } => "unknown",
            Error::RateLimited { .. } => "rate limited",
            Error::Protocol(_) => "protocol",
            _ => "other",
        }
    }
    for (step, expected) in [
        (status(400, "application/json", r#"{"error":"invalid_grant"}"#), "invalid grant"),
        (status(401, "application/json", r#"{"error":"invalid_client"}"#), "invalid client"),
        (status(429, "application/json", r#"{"error":"slow_down"}"#), "rate limited"),
        (status(400, "text/html", "<html>"), "protocol"),
        // The code may be used up.
        (json(r#"{"token_type":"Bearer"}"#), "unknown"),
        (status(200, "text/html", "<html>"), "unknown"),
        (Step::Close(Vec::new()), "unknown"),
    ] {
        let server = Server::playing([statement(), step]).await;
        let code = AuthorizationCode::new("abc", "https://game.example/login", None);
        let client = ClientAuthentication::public("game");
        let error = server.client().token(&client, &code).await.expect_err("no tokens");
        assert_eq!(kind(&error), expected, "{error:?}");
        assert!(!error.is_retryable() || expected == "rate limited");
    }
}
