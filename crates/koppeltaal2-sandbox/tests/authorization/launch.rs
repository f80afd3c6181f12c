//! A launched user: from the module by way of the identity provider to the exchange of the code.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use koppeltaal_smart::{
    AuthorizationCode, AuthorizationRequest, CLIENT_ASSERTION_TYPE, Error, HtiLaunch, Introspection,
    PendingAuthorization, Url, code_challenge, sign_jwt,
};
use koppeltaal2_sandbox::{Application, Lifetimes, LogInError, Role, Switches};
use serde_json::json;

use crate::http::{encode, get, post, send};
use crate::{JORIS, MIRTE, NADIA, REDIRECT_URI, SANNE, World, config};

/// A request of the module for a launch token.
fn begin(world: &World, launch: &str) -> (Url, PendingAuthorization) {
    let client_id = world.sandbox.application("module").client_id();
    AuthorizationRequest::new(client_id, REDIRECT_URI, world.sandbox.fhir_base(), launch)
        .begin(&world.authorization_endpoint())
        .expect("randomness")
}

/// The code for a user who was launched and logs in.
async fn code(world: &World, user: &str) -> AuthorizationCode {
    let (url, pending) = begin(world, &world.launch(user).await);
    let redirected = world.sandbox.log_in(url.as_str(), user).await.expect("a login");
    assert!(redirected.starts_with("https://module.example/cb?from=koppeltaal&code="), "{redirected}");
    pending.finish(&redirected).expect("a code")
}

#[tokio::test]
async fn a_launched_user_logs_in_and_the_module_learns_who_it_is_and_why() {
    let world = World::start().await;
    let launch = world.launch_of(SANNE).patient(MIRTE).intent("plan");
    let (url, pending) = begin(&world, &world.sign(launch).await);
    let redirected = world.sandbox.log_in(url.as_str(), SANNE).await.expect("a login");
    let module = world.client("module");
    let result = module.exchange(&pending.finish(&redirected).expect("a code")).await.expect("a launch");
    assert_eq!(result.context.subject.as_deref(), Some(SANNE));
    assert_eq!(result.context.resource.as_deref(), Some("Task/1"));
    assert_eq!(result.context.definition.as_deref(), Some("ActivityDefinition/2"));
    assert_eq!(result.context.patient.as_deref(), Some(MIRTE));
    assert_eq!(result.context.intent.as_deref(), Some("plan"));
    assert!(result.user_token.is_none(), "the access token is NOOP");
    // The client has checked its signature, issuer, audience and times.
    let token = result.id_token.expect("an id_token");
    assert_eq!(token.subject(), SANNE);
    let user = format!("{}/{SANNE}", world.sandbox.fhir_base());
    assert_eq!(token.claims().text("fhirUser"), Some(user.as_str()));
}

#[tokio::test]
async fn every_kind_of_user_can_be_launched() {
    let world = World::start().await;
    for user in [MIRTE, JORIS, NADIA] {
        let launch = world.client("module").exchange(&code(&world, user).await).await.expect("a launch");
        assert_eq!(launch.context.subject.as_deref(), Some(user));
        assert_eq!(launch.context.patient, None);
    }
}

#[tokio::test]
async fn an_authorization_request_can_be_posted() {
    let world = World::start().await;
    let (url, _) = begin(&world, &world.launch(MIRTE).await);
    let form: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let answer = post(world.authorization_endpoint().as_str(), &form).await;
    assert_eq!(answer.status.as_u16(), 303);
    assert!(answer.header("location").starts_with(&format!("{}/idp/authorize?", world.sandbox.url())));
}

#[tokio::test]
async fn a_request_that_is_wrong_shows_a_reference_and_redirects_nowhere() {
    let config = config().application(Application::new("new").redirect_uri(REDIRECT_URI).approved(false));
    let world = World::with(config).await;
    let new = world.sandbox.application("new").client_id().to_owned();
    let module = world.sandbox.application("module").device().to_owned();
    let portal = world.sandbox.application("portal").client_id().to_owned();
    let launch = |launch: HtiLaunch| world.sign(launch);
    let elsewhere = launch(HtiLaunch::new(&portal, "Device/other", MIRTE, "Task/1")).await;
    let device = launch(HtiLaunch::new(&portal, &module, "Device/1", "Task/1")).await;
    let forged = world.launch_of(MIRTE).sign(&crate::key(), SystemTime::now()).await.expect("a token");
    let base = format!("{}/", world.sandbox.fhir_base());
    for (name, value, code, reason) in [
        ("client_id", "", "invalid_request", "client_id is missing"),
        ("client_id", "nobody", "unauthorized_client", "no approved client"),
        ("client_id", &new, "unauthorized_client", "no approved client"),
        ("redirect_uri", "", "invalid_request", "redirect_uri is missing"),
        ("redirect_uri", "https://evil.example/", "invalid_request", "not registered"),
        ("redirect_uri", "https://module.example/cb", "invalid_request", "not registered"),
        ("response_type", "token", "unsupported_response_type", "response_type has to be code"),
        ("aud", "https://other.example", "invalid_request", "aud is not"),
        ("aud", &base, "invalid_request", "aud is not"),
        ("scope", "launch openid", "invalid_scope", "launch openid fhirUser"),
        ("scope", "launch openid fhirUser offline_access", "invalid_scope", "launch openid fhirUser"),
        ("state", "", "invalid_request", "state is missing"),
        ("state", &"s".repeat(2049), "invalid_request", "more than 2048 bytes"),
        ("nonce", &"n".repeat(2049), "invalid_request", "more than 2048 bytes"),
        ("code_challenge", "", "invalid_request", "code_challenge is missing"),
        ("code_challenge", "short", "invalid_request", "SHA-256"),
        ("code_challenge_method", "plain", "invalid_request", "S256"),
        ("prompt", "create", "invalid_request", "prompt"),
        ("launch", "", "invalid_request", "launch is missing"),
        ("launch", "abc", "invalid_request", "no signed token"),
        ("launch", &elsewhere, "invalid_request", "another audience"),
        ("launch", forged.as_str(), "invalid_request", "no key"),
        ("launch", &device, "invalid_request", "no Patient, Practitioner or RelatedPerson"),
    ] {
        let (mut url, _) = begin(&world, &world.launch(MIRTE).await);
        let mut pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        pairs.retain(|(known, _)| known != name);
        pairs.push((name.to_owned(), value.to_owned()));
        url.query_pairs_mut().clear().extend_pairs(pairs);
        let answer = get(url.as_str()).await;
        assert_eq!((answer.status.as_u16(), answer.error().as_str()), (400, code), "{name}={value}");
        assert!(world.reason().contains(reason), "{name}: {}", world.reason());
        assert!(answer.headers.get("location").is_none());
        // The answer has the reference only.
        let reference = world.sandbox.refusals().pop().expect("a refusal").reference;
        assert_eq!(answer.json(), json!({"error": code, "reference": reference}));
        // The same as a page, for people.
        let page = send(http::Method::GET, url.as_str(), &[("accept", "text/html,*/*")], "").await;
        let reference = world.sandbox.refusals().pop().expect("a refusal").reference;
        assert!(page.body.contains(&reference) && !page.body.contains(reason), "{}", page.body);
        assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    }
}

#[tokio::test]
async fn a_launch_is_spent_by_authorization_and_introspection_alike() {
    let world = World::start().await;
    let launch = world.launch(MIRTE).await;
    assert_eq!(get(begin(&world, &launch).0.as_str()).await.status.as_u16(), 303);
    assert_eq!(get(begin(&world, &launch).0.as_str()).await.status.as_u16(), 400);
    assert!(world.reason().contains("used before"));
    let module = world.client("module");
    assert_eq!(module.introspect(&launch).await.expect("an answer"), Introspection::Inactive);
    let launch = world.launch(MIRTE).await;
    assert!(module.introspect(&launch).await.expect("an answer").launch().is_ok());
    assert_eq!(get(begin(&world, &launch).0.as_str()).await.status.as_u16(), 400);
    // A request with another mistake does not spend it.
    let launch = world.launch(MIRTE).await;
    let wrong = begin(&world, &launch).0.as_str().replace("response_type=code", "response_type=token");
    assert_eq!(get(&wrong).await.status.as_u16(), 400);
    assert_eq!(get(begin(&world, &launch).0.as_str()).await.status.as_u16(), 303);
}

#[tokio::test]
async fn only_the_launched_person_is_let_in() {
    let world = World::start().await;
    for (launch, person, reason) in [
        (world.launch_of(MIRTE), JORIS, "no identifier with the value of the claim email"),
        (world.launch_of(MIRTE), SANNE, "no identifier"),
        (world.launch_of("Patient/unknown"), MIRTE, "nobody in the store"),
        (world.launch_of(SANNE), SANNE, "the related person is not one of the launch's patient"),
        (world.launch_of(SANNE).patient(JORIS), SANNE, "the related person is not"),
    ] {
        let (url, _) = begin(&world, &world.sign(launch).await);
        let refused = world.sandbox.log_in(url.as_str(), person).await.expect_err("not this one");
        let LogInError::Refused { status: 403, reason: found } = &refused else { panic!("{refused}") };
        assert!(found.contains(reason), "{found}");
    }
}

#[tokio::test]
async fn a_code_works_once_for_its_client_its_redirect_uri_and_its_verifier() {
    let world = World::start().await;
    let verifier = "v".repeat(43);
    let exchange = |name: &'static str, code: String, redirect_uri: &'static str, verifier: String| {
        let world = &world;
        async move {
            let assertion = world.assertion(name).await;
            let form = [
                ("grant_type", "authorization_code"),
                ("code", code.as_str()),
                ("redirect_uri", redirect_uri),
                ("code_verifier", verifier.as_str()),
                ("client_assertion_type", CLIENT_ASSERTION_TYPE),
                ("client_assertion", assertion.as_str()),
            ];
            post(world.token_endpoint(), &form).await
        }
    };
    let authorize = async || {
        let (mut url, _) = begin(&world, &world.launch(MIRTE).await);
        let mut pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        pairs.retain(|(name, _)| name != "code_challenge");
        pairs.push(("code_challenge".to_owned(), code_challenge(&"v".repeat(43))));
        url.query_pairs_mut().clear().extend_pairs(pairs);
        let redirected = world.sandbox.log_in(url.as_str(), MIRTE).await.expect("a login");
        let redirected = Url::parse(&redirected).expect("a URL");
        redirected.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned()
    };
    for (name, redirect_uri, wrong, reason) in [
        ("portal", REDIRECT_URI, verifier.clone(), "of another client"),
        ("module", "https://module.example/cb", verifier.clone(), "redirect_uri"),
        ("module", REDIRECT_URI, "w".repeat(43), "does not meet"),
        ("module", REDIRECT_URI, String::new(), "code_verifier is missing"),
    ] {
        let code = authorize().await;
        let answer = exchange(name, code.clone(), redirect_uri, wrong).await;
        assert_eq!((answer.status.as_u16(), answer.error().as_str()), (400, "invalid_grant"), "{reason}");
        assert!(world.reason().contains(reason), "{}", world.reason());
        let again = exchange("module", code, REDIRECT_URI, verifier.clone()).await;
        assert_eq!(again.error(), "invalid_grant", "a wrong try uses the code up");
    }
    let code = authorize().await;
    let answer = exchange("module", code.clone(), REDIRECT_URI, verifier.clone()).await;
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.body);
    assert_eq!(answer.json()["access_token"], json!("NOOP"));
    assert_eq!(exchange("module", code, REDIRECT_URI, verifier.clone()).await.error(), "invalid_grant");
    assert_eq!(exchange("module", "x".to_owned(), REDIRECT_URI, verifier).await.error(), "invalid_grant");
}

#[tokio::test]
async fn a_code_expires() {
    let mut lifetimes = Lifetimes::default();
    lifetimes.code = Duration::from_secs(1);
    let world = World::with(config().lifetimes(lifetimes)).await;
    let code = code(&world, MIRTE).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert!(matches!(world.client("module").exchange(&code).await, Err(Error::Refused { .. })));
}

#[tokio::test]
async fn a_sandbox_can_be_as_tolerant_as_the_reference_service() {
    let mut switches = Switches::default();
    switches.without_code_challenge = true;
    switches.any_redirect_uri = true;
    let config = config().application(Application::new("module").role(Role::Module)).switches(switches);
    let world = World::with(config).await;
    let launch = world.launch(MIRTE).await;
    let client_id = world.sandbox.application("module").client_id();
    let query = encode(&[
        ("response_type", "code"),
        ("client_id", client_id),
        ("redirect_uri", "https://anywhere.example/"),
        ("scope", "openid fhirUser launch"),
        ("state", "s"),
        ("aud", world.sandbox.fhir_base()),
        ("launch", &launch),
    ]);
    let url = format!("{}?{query}", world.authorization_endpoint());
    let redirected = world.sandbox.log_in(&url, MIRTE).await.expect("a login");
    let code = redirected.strip_prefix("https://anywhere.example/?code=").expect("a code");
    let code = code.strip_suffix("&state=s").expect("the state");
    let assertion = world.assertion("module").await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", "https://anywhere.example/"),
        ("client_assertion_type", CLIENT_ASSERTION_TYPE),
        ("client_assertion", assertion.as_str()),
    ];
    assert_eq!(post(world.token_endpoint(), &form).await.status.as_u16(), 200);
}

#[tokio::test]
async fn a_nonce_of_the_client_comes_back_in_the_id_token() {
    let world = World::start().await;
    let (mut url, pending) = begin(&world, &world.launch(MIRTE).await);
    url.query_pairs_mut().append_pair("nonce", "n-0S6_WzA2Mj");
    let redirected = world.sandbox.log_in(url.as_str(), MIRTE).await.expect("a login");
    let code = pending.finish(&redirected).expect("a code");
    let launch = world.client("module").exchange(&code).await.expect("a launch");
    assert_eq!(launch.id_token.expect("an id_token").claims().text("nonce"), Some("n-0S6_WzA2Mj"));
    let other = world.client("module").exchange(&self::code(&world, MIRTE).await).await.expect("a launch");
    assert!(
        other.id_token.expect("an id_token").claims().text("nonce").is_some_and(|nonce| nonce.len() == 36)
    );
}

#[tokio::test]
async fn a_launch_is_valid_for_as_long_as_the_domain_allows() {
    for (minutes, status) in [(5, 400), (15, 303)] {
        let mut lifetimes = Lifetimes::default();
        lifetimes.launch = Duration::from_secs(60 * minutes);
        let world = World::with(config().lifetimes(lifetimes)).await;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let portal = world.sandbox.application("portal");
        let claims = json!({
            "iss": portal.client_id(), "aud": world.sandbox.application("module").device(), "sub": MIRTE,
            "resource": "Task/1", "jti": "1", "iat": now, "exp": now + 900,
        });
        let launch = crate::sign(sign_jwt(&*portal.key(), &claims).await);
        let answer = get(begin(&world, &launch).0.as_str()).await;
        assert_eq!(answer.status.as_u16(), status, "{minutes}");
    }
}

#[tokio::test]
async fn a_user_who_takes_too_long_starts_again() {
    let mut lifetimes = Lifetimes::default();
    lifetimes.login = Duration::from_secs(1);
    let world = World::with(config().lifetimes(lifetimes)).await;
    let (url, _) = begin(&world, &world.launch(MIRTE).await);
    let provider = get(url.as_str()).await.header("location").to_owned();
    let page = get(&provider).await.header("location").to_owned();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let answer = send(http::Method::GET, &page, &[("accept", "text/html")], "").await;
    assert_eq!(answer.status.as_u16(), 400);
    assert!(answer.body.contains("start again") && world.reason().contains("expired"));
}

#[tokio::test]
async fn people_are_recognized_by_another_claim_if_the_domain_says_so() {
    let world = World::with(config().login_claim("preferred_username")).await;
    assert!(world.client("module").exchange(&code(&world, NADIA).await).await.is_ok());
}
