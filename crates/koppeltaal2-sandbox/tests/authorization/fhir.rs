//! The authorization service and the FHIR interface together: what tokens open, and what is written down
//! about logins.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::Method;
use koppeltaal_smart::{AuthorizationRequest, sign_jwt};
use koppeltaal2_sandbox::{Lifetimes, LogInError, Switches};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::http::{Answer, get, send};
use crate::{JORIS, MIRTE, REDIRECT_URI, World, config, key, sign};

impl World {
    /// A request of an application to the FHIR interface.
    async fn fhir(&self, name: &str, method: Method, path: &str, body: &Value) -> Answer {
        let token = self.client(name).access_token("").await.expect("a token");
        self.fhir_with(token.as_str(), method, path, body).await
    }

    async fn fhir_with(&self, token: &str, method: Method, path: &str, body: &Value) -> Answer {
        let headers = [
            ("authorization", &*format!("Bearer {token}")),
            ("content-type", "application/fhir+json"),
            ("accept", "application/fhir+json"),
        ];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        send(method, &format!("{}/{path}", self.sandbox.fhir_base()), &headers, &body).await
    }

    /// The resources that the administration finds.
    async fn found(&self, search: &str) -> Vec<Value> {
        let answer = self.fhir("administration", Method::GET, search, &Value::Null).await;
        assert_eq!(answer.status.as_u16(), 200, "{}", answer.body);
        let bundle = answer.json();
        let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
        entries.into_iter().map(|mut entry| entry["resource"].take()).collect()
    }

    fn authorize_url(&self, launch: &str) -> String {
        let client_id = self.sandbox.application("module").client_id();
        let request = AuthorizationRequest::new(client_id, REDIRECT_URI, self.sandbox.fhir_base(), launch);
        request.begin(&self.authorization_endpoint()).expect("randomness").0.to_string()
    }
}

fn patient(login: &str) -> Value {
    json!({
        "resourceType": "Patient",
        "meta": {"profile": ["http://koppeltaal.nl/fhir/StructureDefinition/KT2Patient"]},
        "identifier": [{"system": "https://epd.example/login", "value": login}],
        "active": true,
        "name": [{"use": "official", "family": "Bloemsma", "given": ["Ineke"]}],
        "gender": "female",
        "birthDate": "1979-02-17",
    })
}

#[tokio::test]
async fn a_token_opens_what_the_role_of_its_application_allows() {
    let world = World::start().await;
    let created = world.fhir("epd", Method::POST, "Patient", &patient("ineke@example.nl")).await;
    assert_eq!(created.status.as_u16(), 201, "{}", created.body);
    let patient_id = created.json()["id"].as_str().expect("an id").to_owned();
    let path = format!("Patient/{patient_id}");
    assert_eq!(world.fhir("module", Method::GET, &path, &Value::Null).await.status.as_u16(), 200);
    let refused = world.fhir("module", Method::POST, "Patient", &patient("x@example.nl")).await;
    assert_eq!(refused.status.as_u16(), 403);
    // Its origin is the Device of the application, which is there from the start.
    let epd = world.sandbox.application("epd");
    let origin = &created.json()["extension"][0]["valueReference"]["reference"];
    assert_eq!(origin.as_str(), Some(epd.device()));
    let devices = world.found(&format!("Device?identifier={}", epd.client_id())).await;
    assert_eq!(devices[0]["deviceName"][0]["name"], "epd");
    assert_eq!(devices[0]["id"], epd.client_id());
    assert_eq!(world.found("Organization").await.len(), 1);
}

#[tokio::test]
async fn a_person_whom_an_application_registered_can_be_launched() {
    let world = World::start().await;
    let created = world.fhir("epd", Method::POST, "Patient", &patient("ineke@example.nl")).await;
    let user = format!("Patient/{}", created.json()["id"].as_str().expect("an id"));
    let url = world.authorize_url(&world.launch(&user).await);
    let redirected = world.sandbox.log_in(&url, &user).await.expect("let in");
    assert!(redirected.starts_with(REDIRECT_URI), "{redirected}");
}

#[tokio::test]
async fn a_person_without_identifiers_cannot_log_in() {
    let mut switches = Switches::default();
    switches.without_profile_rules = true;
    let world = World::with(config().switches(switches)).await;
    let mut nobody = patient("");
    nobody.as_object_mut().expect("an object").remove("identifier");
    let created = world.fhir("epd", Method::POST, "Patient", &nobody).await;
    let user = format!("Patient/{}", created.json()["id"].as_str().expect("an id"));
    let refused = world.sandbox.log_in(&world.authorize_url(&world.launch(&user).await), &user).await;
    let refused = refused.expect_err("nobody knows the person").to_string();
    assert!(refused.contains("has no claim email"), "{refused}");
}

#[tokio::test]
async fn what_is_no_access_token_of_this_domain_opens_nothing() {
    let mut lifetimes = Lifetimes::default();
    lifetimes.access_token = Duration::from_secs(3);
    let world = World::with(config().lifetimes(lifetimes)).await;
    let other = World::start().await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let epd = world.sandbox.application("epd");
    let claims = json!({
        "iss": world.configuration.issuer, "aud": "fhir-server", "azp": epd.client_id(), "type": "access",
        "scope": "system/*.cruds", "iat": now, "nbf": now, "exp": now + 60,
    });
    let open =
        async |token: &str| world.fhir_with(token, Method::GET, "Device", &Value::Null).await.status.as_u16();
    let good = world.client("epd").access_token("").await.expect("a token");
    let other_domain = other.client("epd").access_token("").await.expect("a token");
    assert_eq!(open(good.as_str()).await, 200);
    assert_eq!(open(good.as_str()).await, 200, "also from the memory of good tokens");
    for token in [
        String::new(),
        "NOOP".to_owned(),
        sign(sign_jwt(&key(), &claims).await),
        // Of a key that the domain knows, but that may not make access tokens.
        sign(sign_jwt(&*epd.key(), &claims).await),
        world.assertion("epd").await,
        world.launch(MIRTE).await,
        other_domain.as_str().to_owned(),
        format!("{}x", good.as_str()),
    ] {
        assert_eq!(open(&token).await, 401, "{token}");
    }
    assert_eq!(get(&format!("{}/Device", world.sandbox.fhir_base())).await.status.as_u16(), 401);
    tokio::time::sleep(Duration::from_millis(3100)).await;
    assert_eq!(open(good.as_str()).await, 401, "it has expired");
}

#[tokio::test]
async fn every_step_of_a_login_is_found_by_the_trace_of_the_launch() {
    let world = World::start().await;
    let launch = world.launch_of(MIRTE);
    let jti = launch.jti().to_owned();
    let url = world.authorize_url(&world.sign(launch).await);
    world.sandbox.log_in(&url, MIRTE).await.expect("let in");
    let mut events = world.found(&format!("AuditEvent?traceId={jti}")).await;
    events.sort_by_key(|event| event["recorded"].as_str().map(str::to_owned));
    let of = |event: &Value, name: &str| event[name].as_str().map(str::to_owned);
    let subtypes: Vec<_> = events.iter().filter_map(|event| of(&event["subtype"][0], "code")).collect();
    assert_eq!(subtypes, ["110122", "110144", "110145"]);
    let module = world.sandbox.application("module").device();
    for event in &events {
        assert_eq!(event["type"]["code"], "110114");
        assert_eq!(event["outcome"], "0");
        assert_eq!(event["agent"][0]["who"]["reference"], module);
        assert_eq!(event["entity"][0]["what"]["reference"], MIRTE);
        assert_eq!(event["entity"][0]["role"]["code"], "1");
    }
    assert_eq!(events[2]["agent"][1]["who"]["display"], "sandbox");
    let issuer = format!("{}/idp", world.sandbox.url());
    assert_eq!(events[2]["agent"][1]["who"]["identifier"]["value"], issuer.as_str());
}

#[tokio::test]
async fn a_login_that_fails_is_found_by_the_reference_that_the_user_sees() {
    let world = World::start().await;
    // Another person logs in.
    let url = world.authorize_url(&world.launch(MIRTE).await);
    let refused = world.sandbox.log_in(&url, JORIS).await.expect_err("another person");
    assert!(matches!(refused, LogInError::Refused { status: 403, .. }));
    let reference = world.sandbox.refusals().pop().expect("a refusal").reference;
    let events = world.found(&format!("AuditEvent?requestId={reference}")).await;
    assert_eq!(events.len(), 1);
    assert_eq!((&events[0]["outcome"], &events[0]["subtype"][0]["code"]), (&json!("4"), &json!("110145")));
    let description = events[0]["outcomeDesc"].as_str().expect("a description");
    assert!(description.starts_with("idp login: ") && !description.contains("joris"), "{description}");
    // The request is wrong.
    let reference = get(&url).await.json()["reference"].as_str().expect("a reference").to_owned();
    let events = world.found(&format!("AuditEvent?requestId={reference}")).await;
    assert_eq!((&events[0]["outcome"], &events[0]["subtype"][0]["code"]), (&json!("4"), &json!("110122")));
    let module = world.sandbox.application("module").device();
    assert_eq!(events[0]["entity"][0]["what"]["reference"], module, "nobody knows whom the launch is about");
}

#[tokio::test]
async fn introspection_of_a_launch_is_written_down_as_well() {
    let world = World::start().await;
    let launch = world.launch_of(MIRTE);
    let jti = launch.jti().to_owned();
    let launch = world.sign(launch).await;
    let module = world.client("module");
    module.introspect(&launch).await.expect("an answer").launch().expect("a launch");
    let events = world.found(&format!("AuditEvent?traceId={jti}")).await;
    assert_eq!((events.len(), &events[0]["subtype"][0]["code"]), (1, &json!("110143")));
    module.introspect(&launch).await.expect("an answer").launch().expect_err("it is spent");
    let failed = world.found("AuditEvent?subtype=110143&outcome=4").await;
    assert_eq!(failed[0]["outcomeDesc"], "introspect: the token was used before; each can be used once");
}

#[tokio::test]
async fn the_capability_statement_has_the_same_addresses_as_the_smart_configuration() {
    let world = World::start().await;
    let statement = get(&format!("{}/metadata", world.sandbox.fhir_base())).await.json();
    let addresses = statement["rest"][0]["security"]["extension"][0]["extension"].as_array().cloned();
    let address = |name: &str| {
        let found = addresses.iter().flatten().find(|extension| extension["url"] == name);
        found.and_then(|extension| extension["valueUri"].as_str()).map(str::to_owned)
    };
    let configuration = &world.configuration;
    for (name, member) in [
        ("token", &configuration.token_endpoint),
        ("authorize", &configuration.authorization_endpoint),
        ("introspect", &configuration.introspection_endpoint),
        ("jwks", &configuration.jwks_uri),
        ("issuer", &configuration.issuer),
    ] {
        assert_eq!(&address(name), member, "{name}");
    }
}

#[tokio::test]
async fn notifications_are_lost_when_a_test_wants_it() {
    let world = World::start().await;
    let profile =
        |name: &str| json!({"profile": [format!("http://koppeltaal.nl/fhir/StructureDefinition/{name}")]});
    let subscription = json!({
        "resourceType": "Subscription", "meta": profile("KT2Subscription"), "status": "requested",
        "reason": "to work on tasks", "criteria": "Task?status=ready",
        "channel": {"type": "rest-hook", "endpoint": "http://127.0.0.1:9/hook"},
    });
    let created = world.fhir("module", Method::POST, "Subscription", &subscription).await;
    assert_eq!(created.status.as_u16(), 201, "{}", created.body);
    world.sandbox.lose_notifications(1);
    let task = json!({
        "resourceType": "Task", "meta": profile("KT2Task"), "status": "ready", "intent": "order",
        "identifier": [{"system": "https://portal.example/tasks", "value": "1"}],
        "for": {"reference": MIRTE, "type": "Patient"}, "owner": {"reference": MIRTE, "type": "Patient"},
    });
    let created = world.fhir("portal", Method::POST, "Task", &task).await;
    assert_eq!(created.status.as_u16(), 201, "{}", created.body);
    let events = world.found("AuditEvent?type=transmit").await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["outcomeDesc"], "the notification was lost on purpose");
}

#[tokio::test]
async fn the_statuses_in_which_servers_differ_can_be_chosen() {
    let mut switches = Switches::default();
    switches.stale_version_status = 412;
    switches.missing_if_match_status = 428;
    let world = World::with(config().switches(switches)).await;
    let mut created = world.fhir("epd", Method::POST, "Patient", &patient("ineke@example.nl")).await.json();
    let path = format!("Patient/{}", created["id"].as_str().expect("an id"));
    created["active"] = json!(false);
    let update = world.fhir("epd", Method::PUT, &path, &created).await;
    assert_eq!(update.status.as_u16(), 428);
    let token = world.client("epd").access_token("").await.expect("a token");
    let headers = [
        ("authorization", &*format!("Bearer {}", token.as_str())),
        ("content-type", "application/fhir+json"),
        ("if-match", "W/\"7\""),
    ];
    let url = format!("{}/{path}", world.sandbox.fhir_base());
    assert_eq!(send(Method::PUT, &url, &headers, &created.to_string()).await.status.as_u16(), 412);
}

#[tokio::test]
async fn what_a_profile_forbids_is_refused_with_its_place_and_without_its_content() {
    let world = World::start().await;
    let mut wrong = patient("ineke@example.nl");
    wrong["gender"].take();
    wrong.as_object_mut().expect("an object").remove("gender");
    wrong["maritalStatus"] = json!({"text": "gescheiden"});
    let refused = world.fhir("epd", Method::POST, "Patient", &wrong).await;
    assert_eq!(refused.status.as_u16(), 422, "{}", refused.body);
    let outcome = refused.json();
    let issues: Vec<_> = outcome["issue"]
        .as_array()
        .expect("issues")
        .iter()
        .map(|issue| {
            let text = |member: &str| issue[member].as_str().unwrap_or_default().to_owned();
            (
                text("code"),
                issue["expression"][0].as_str().unwrap_or_default().to_owned(),
                text("diagnostics"),
            )
        })
        .collect();
    let expected = [
        ("required", "Patient.gender", "profile-cardinality-min: expected at least one"),
        ("structure", "Patient.maritalStatus", "profile-forbidden: expected none"),
    ];
    let expected = expected.map(|(code, place, text)| (code.to_owned(), place.to_owned(), text.to_owned()));
    assert_eq!(issues, expected, "{}", refused.body);
    assert!(!refused.body.contains("gescheiden"));

    let mut switches = Switches::default();
    switches.without_profile_rules = true;
    let lenient = World::with(config().switches(switches)).await;
    let created = lenient.fhir("epd", Method::POST, "Patient", &wrong).await;
    assert_eq!(created.status.as_u16(), 201, "{}", created.body);
}

#[tokio::test]
async fn what_the_domain_writes_itself_keeps_the_rules_of_the_profiles() {
    let world = World::start().await;
    let user = MIRTE.to_owned();
    let url = world.authorize_url(&world.launch(&user).await);
    world.sandbox.log_in(&url, &user).await.expect("let in");
    let mut seen = 0;
    for resource_type in ["Device", "Organization", "Patient", "Practitioner", "RelatedPerson", "AuditEvent"]
    {
        for resource in world.found(resource_type).await {
            let text = resource.to_string();
            let read = koppeltaal_r4::ReadOptions::strict().json(text.as_bytes()).expect("R4");
            let findings = koppeltaal2::validate(&read.document);
            assert!(findings.is_empty(), "{resource_type}: {findings:?}");
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen}");
}

#[tokio::test]
async fn an_address_that_is_none_says_where_the_domain_is() {
    let world = World::start().await;
    for path in ["/fhir/OTHER/metadata", "/fhir/DEFAULT/"] {
        let elsewhere = get(&format!("{}{path}", world.sandbox.url())).await;
        assert_eq!(elsewhere.status.as_u16(), 404);
        assert!(elsewhere.body.contains(world.sandbox.fhir_base()), "{}", elsewhere.body);
    }
}

#[tokio::test]
async fn a_body_whose_length_is_too_long_is_refused_before_it_comes() {
    let world = World::start().await;
    let token = world.client("epd").access_token("").await.expect("a token");
    let address = world.sandbox.address();
    let mut socket = tokio::net::TcpStream::connect(address).await.expect("it listens");
    let head = format!(
        "POST /fhir/DEFAULT/Patient HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/fhir+json\r\nContent-Length: 100000000\r\n\r\n{{",
        token.as_str()
    );
    socket.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 413");
}
