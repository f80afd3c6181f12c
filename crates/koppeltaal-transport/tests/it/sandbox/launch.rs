//! From a launch to a user's session, as portal, browser and game go through it together.

use std::time::{Duration, SystemTime};

use koppeltaal_messaging::ResourceUrl;
use koppeltaal_transport::{
    AuthorizationCode, AuthorizationRequest, Client, ClientAuthentication, Credentials, Error, LaunchRequest,
    OAuthErrorCode, ReceivedLaunch, Session, Tokens, Url,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::world::{LOGIN, World, plan};

fn patient() -> ResourceUrl {
    let bundle = plan("m", "1");
    let header = koppeltaal_messaging::Header::all_from_bundle(&bundle).next().expect("a header");
    header.patient().expect("a patient").parse().expect("an address")
}

fn launch() -> LaunchRequest {
    LaunchRequest::new("game", patient(), patient(), "activity-1").intent("play")
}

fn authentication() -> ClientAuthentication {
    ClientAuthentication::basic("game", "hush").expect("credentials")
}

/// What a browser does with the URL of Authorize: it is sent back to the game.
async fn browse(url: &Url) -> String {
    let host = format!("{}:{}", url.host_str().expect("a host"), url.port().expect("a port"));
    let target = format!("{}?{}", url.path(), url.query().expect("a query"));
    let mut socket = TcpStream::connect(&host).await.expect("a connection");
    let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("an answer");
    let location = answer.lines().find_map(|line| line.strip_prefix("location: "));
    location.unwrap_or_else(|| panic!("no redirect: {answer}")).to_owned()
}

/// All steps of a web launch.
async fn tokens(world: &World) -> (Client, Tokens, AuthorizationCode) {
    let page = world.portal.launch(&launch()).await.expect("a launch");
    assert!(page.as_str().starts_with("https://game.example/start?"), "{page}");
    let received = ReceivedLaunch::read(page.as_str()).expect("a launch");
    let app = world.portal.with_credentials(Credentials::anonymous());
    assert!(app.is_issuer(&received.iss), "{}", received.iss);
    let request = AuthorizationRequest::new("game", LOGIN, received.launch);
    let (url, pending) = app.authorize_url(&request).await.expect("a URL");
    let code = pending.finish(&browse(&url).await).expect("a code");
    let tokens = app.token(&authentication(), &code).await.expect("tokens");
    (app, tokens, code)
}

#[tokio::test]
async fn a_launched_user_gets_tokens_about_the_patient() {
    for world in World::both().await {
        let (app, tokens, code) = tokens(&world).await;
        let context = tokens.context();
        assert_eq!(context.patient.as_deref(), Some(patient().as_str()));
        assert_eq!(context.resource.as_deref(), Some("activity-1"));
        assert_eq!(context.intent.as_deref(), Some("play"));
        assert_eq!(context.domain.as_deref(), Some(super::world::DOMAIN));
        assert!(tokens.refresh_token().is_some() && tokens.expires_at().is_some());

        let error = app.token(&authentication(), &code).await.expect_err("a code works once");
        let Error::OAuth { error, .. } = &error else { panic!("{error:?}") };
        assert_eq!(error.code, OAuthErrorCode::InvalidGrant);
    }
}

#[tokio::test]
async fn a_session_is_refreshed_when_the_server_says_that_its_token_has_expired() {
    for world in World::both().await {
        let (app, tokens, _) = tokens(&world).await;
        let old = tokens.clone().with_expires_at(SystemTime::now());
        let first = tokens.access_token().to_owned();
        let session = Session::new(tokens).with_refresh(authentication());
        let game = app.with_credentials(Credentials::bearer(session.clone()));
        world.post_plans(1).await;
        game.claim().await.expect("an answer").expect("the patient's message");
        assert_eq!(session.tokens().access_token(), first, "no need for another one yet");

        world.sandbox.advance_clock(Duration::from_secs(2 * 60 * 60));
        let message = game.claim().await.expect("an answer").expect("the claim ran out as well");
        assert_ne!(session.tokens().access_token(), first);
        assert_eq!(session.tokens().context().patient.as_deref(), Some(patient().as_str()));
        game.acknowledge(&message.header, &koppeltaal_messaging::Acknowledgement::Success)
            .await
            .expect("accepted");

        // The old refresh token no longer works.
        let old = Session::new(old).with_refresh(authentication());
        let error = app.with_credentials(Credentials::bearer(old)).claim().await.expect_err("dead");
        assert!(matches!(error, Error::TokenRefresh { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn an_activation_code_leads_to_tokens_once() {
    for world in World::both().await {
        let mobile = world.portal.mobile_launch(&launch()).await.expect("a launch");
        assert_eq!(mobile.expires_in_days, Some(7));
        let app = world.portal.with_credentials(Credentials::anonymous());
        let request = AuthorizationRequest::new("game", LOGIN, mobile.activation_code);
        let code = app.authorize_mobile(&request).await.expect("a code");
        let tokens = app.token(&authentication(), &code).await.expect("tokens");
        assert_eq!(tokens.context().patient.as_deref(), Some(patient().as_str()));
        let error = app.authorize_mobile(&request).await.expect_err("used up");
        assert!(matches!(error, Error::OAuth { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn an_unknown_application_cannot_be_launched() {
    for world in World::both().await {
        let unknown = LaunchRequest::new("nothing", patient(), patient(), "activity-1");
        let error = world.portal.launch(&unknown).await.expect_err("no such application");
        assert!(error.outcome().is_some(), "{error:?}");
        let anonymous = world.portal.with_credentials(Credentials::anonymous());
        let error = anonymous.launch(&launch()).await.expect_err("a portal has to say who it is");
        assert!(matches!(error, Error::Authentication { .. }), "{error:?}");
    }
}
