//! Introspection: a launch is active once, for the application that it is for.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use koppeltaal_smart::{CLIENT_ASSERTION_TYPE, HtiLaunch, HtiVersion, Introspection, JwtError, sign_jwt};
use koppeltaal2_sandbox::{Application, Switches};
use serde_json::json;

use crate::http::post;
use crate::{MIRTE, World, config, key, sign};

#[tokio::test]
async fn a_launch_is_active_once_for_the_module_that_it_is_for() {
    let world = World::start().await;
    let launch = world.launch(MIRTE).await;
    let portal = world.client("portal").introspect(&launch).await.expect("an answer");
    assert_eq!(portal, Introspection::Inactive, "it is for the module, and the portal does not spend it");
    let module = world.client("module");
    let claims = module.introspect(&launch).await.expect("an answer").launch().expect("a launch");
    assert_eq!(claims.subject, MIRTE);
    assert_eq!(claims.resource, "Task/1");
    assert_eq!(claims.definition.as_deref(), Some("ActivityDefinition/2"));
    assert_eq!(claims.version, HtiVersion::V2_0);
    let again = module.introspect(&launch).await.expect("an answer");
    assert_eq!(again.launch(), Err(JwtError::Inactive));
}

#[tokio::test]
async fn a_launch_of_the_older_version_is_active_too() {
    let world = World::start().await;
    let (portal, module) = (world.sandbox.application("portal"), world.sandbox.application("module"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let claims = json!({
        "iss": portal.client_id(), "aud": module.device(), "sub": MIRTE, "jti": "1", "iat": now, "exp": now + 60,
        "task": {"resourceType": "Task", "id": "1", "instantiatesCanonical": "ActivityDefinition/2"},
    });
    let launch = sign(sign_jwt(&*portal.key(), &claims).await);
    let read = world.client("module").introspect(&launch).await.expect("an answer").launch();
    assert_eq!(read.expect("a launch").resource, "Task/1");
}

#[tokio::test]
async fn a_token_that_is_not_good_is_inactive_and_nothing_else() {
    let world = World::with(config().application(Application::new("new").approved(false))).await;
    let module = world.sandbox.application("module").device().to_owned();
    let signed = |launch: HtiLaunch| {
        let key = world.sandbox.application("portal").key();
        async move { sign(launch.sign(&*key, SystemTime::now()).await) }
    };
    let portal = world.sandbox.application("portal").client_id();
    let forged = sign(world.launch_of(MIRTE).sign(&key(), SystemTime::now()).await);
    let old = SystemTime::now() - Duration::from_secs(900);
    let expired = world.launch_of(MIRTE).sign(&*world.sandbox.application("portal").key(), old).await;
    let new = world.sandbox.application("new");
    let unapproved = HtiLaunch::new(new.client_id(), &module, MIRTE, "Task/1");
    let unapproved = sign(unapproved.sign(&*new.key(), SystemTime::now()).await);
    for token in [
        "abc".to_owned(),
        "a.b.c".to_owned(),
        "eyJhbGciOiJub25lIn0.e30.".to_owned(),
        forged,
        sign(expired),
        unapproved,
        signed(HtiLaunch::new("nobody", &module, MIRTE, "Task/1")).await,
        signed(HtiLaunch::new(portal, "Device/other", MIRTE, "Task/1")).await,
        signed(HtiLaunch::new(portal, "", MIRTE, "Task/1")).await,
    ] {
        let assertion = world.assertion("module").await;
        let form = [
            ("client_assertion_type", CLIENT_ASSERTION_TYPE),
            ("client_assertion", assertion.as_str()),
            ("token", token.as_str()),
        ];
        let answer = post(world.introspection_endpoint(), &form).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({"active": false})), "{token}");
    }
}

#[tokio::test]
async fn access_tokens_can_be_introspected_as_often_as_one_likes() {
    let world = World::start().await;
    let token = world.client("module").access_token("").await.expect("a token");
    for _ in 0..2 {
        let answer = world.client("epd").introspect(token.as_str()).await.expect("an answer");
        let Introspection::Active(claims) = answer else { panic!("the token is good") };
        assert_eq!(claims.text("azp"), Some(world.sandbox.application("module").client_id()));
    }
}

#[tokio::test]
async fn the_assertion_is_for_either_endpoint_unless_the_switch_says_otherwise() {
    let mut switches = Switches::default();
    for strict in [false, true] {
        switches.introspection_for_token_endpoint_only = strict;
        let world = World::with(config().switches(switches)).await;
        let own = world.assertion_for("module", world.introspection_endpoint()).await;
        let token = world.assertion("module").await;
        for (assertion, status) in [(own, if strict { 401 } else { 200 }), (token, 200)] {
            let form = [
                ("client_assertion_type", CLIENT_ASSERTION_TYPE),
                ("client_assertion", assertion.as_str()),
                ("token", "abc"),
            ];
            assert_eq!(post(world.introspection_endpoint(), &form).await.status.as_u16(), status);
        }
    }
}

#[tokio::test]
async fn introspection_needs_a_token_and_a_client() {
    let world = World::start().await;
    let assertion = world.assertion("module").await;
    let proof = [("client_assertion_type", CLIENT_ASSERTION_TYPE), ("client_assertion", assertion.as_str())];
    let answer = post(world.introspection_endpoint(), &proof).await;
    assert_eq!((answer.status.as_u16(), answer.error().as_str()), (400, "invalid_request"));
    let answer = post(world.introspection_endpoint(), &[("token", "abc")]).await;
    assert_eq!((answer.status.as_u16(), answer.error().as_str()), (400, "invalid_request"));
}
