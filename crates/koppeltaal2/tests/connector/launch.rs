//! Launches at both ends, against a server that answers as a test wants. The whole way with logins is in
//! `sandbox.rs`.

use std::sync::Arc;

use koppeltaal_smart::{Jwks, Signer as _, UnverifiedJwt};
use koppeltaal2::valuesets::Expansion;
use koppeltaal2::{FailureReason, LaunchError, LaunchReceiver, LaunchRequest, Launcher, Objection};
use serde_json::{Value, json};

use crate::server::{Reply, Server, key, task};

/// The resources of a launch, changed by `change`, which gets them by their references.
async fn domain(change: impl Fn(&str, &mut Value) + Send + 'static) -> Server {
    Server::start(move |asked| {
        if asked.on("AuditEvent") == "POST" {
            let mut event = asked.json();
            event["id"] = "1".into();
            event["meta"]["versionId"] = "1".into();
            return Some(Reply::json(201, &event));
        }
        let reference = asked.target.strip_prefix("/fhir/")?;
        let (resource_type, id) = reference.split_once('/')?;
        let mut resource = match reference {
            "Task/7" | "Task/8" => {
                let mut task = task(id, 3, "ready");
                task["extension"] = json!([{"url": "http://vzvz.nl/fhir/StructureDefinition/instantiates",
                    "valueReference": {"reference": "ActivityDefinition/2"}}]);
                task
            }
            "ActivityDefinition/2" => json!({"extension": [
                {"url": "http://koppeltaal.nl/fhir/StructureDefinition/KT2EndpointExtension", "valueReference": {"reference": "Endpoint/3"}},
                {"url": "http://koppeltaal.nl/fhir/StructureDefinition/resource-origin", "valueReference": {"reference": "Device/module"}}]}),
            "Endpoint/3" => json!({"status": "active", "address": "https://module.example/launch"}),
            "Patient/1" | "Practitioner/4" => json!({"active": true}),
            "RelatedPerson/5" => json!({"active": true, "patient": {"reference": "Patient/1"}}),
            _ => return None,
        };
        resource["resourceType"] = resource_type.into();
        resource["id"] = id.into();
        resource["meta"]["versionId"] = "3".into();
        change(reference, &mut resource);
        Some(Reply::json(200, &resource))
    })
    .await
}

/// The value of a hidden field of the page.
fn field(html: &str, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let (_, rest) = html.split_once(&start).expect("the field");
    rest.split('"').next().expect("a value").to_owned()
}

#[tokio::test]
async fn a_portal_launches_a_user_with_a_token_that_its_key_signed() {
    let server = domain(|_, _| ()).await;
    let connector = server.connector().await;
    let launcher = Launcher::new(&connector);
    for (user, patient) in
        [("Patient/1", None), ("Practitioner/4", Some("Patient/1")), ("RelatedPerson/5", Some("Patient/1"))]
    {
        let request = LaunchRequest::new("Task/7", user).intent("plan").idp_hint("huisarts");
        let launch = launcher.launch(&request).await.expect("a launch");
        assert_eq!((&*launch.address, &*launch.module), ("https://module.example/launch", "Device/module"));
        assert_eq!(field(launch.page.html(), "iss"), server.base());
        let token = field(launch.page.html(), "launch");
        let token = UnverifiedJwt::parse(&token).expect("a token");
        let claims = token.verify(&Jwks::new([key().public_key().clone()])).expect("the portal's key");
        let text = |name| claims.text(name);
        assert_eq!(
            (text("iss"), text("sub"), text("resource")),
            (Some("module"), Some(user), Some("Task/7"))
        );
        assert_eq!((text("definition"), text("patient")), (Some("ActivityDefinition/2"), patient));
        assert_eq!((text("intent"), text("idp_hint")), (Some("plan"), Some("huisarts")));
        assert_eq!(text("jti"), Some(&*launch.trace_id));
        assert_eq!(claims.audiences().collect::<Vec<_>>(), ["Device/module"]);

        connector.flush_events().await;
        let asked = server.asked();
        let of_launch: Vec<_> =
            asked.iter().filter(|asked| asked.header("x-trace-id") == Some(&launch.trace_id)).collect();
        assert!(of_launch.len() >= 5, "all requests belong to the chain");
        let event = of_launch.last().expect("the event").json();
        assert_eq!(
            (&event["outcome"], &event["entity"][0]["what"]["reference"]),
            (&json!("0"), &json!("Task/7/_history/3"))
        );
        assert_eq!(event["extension"][0]["valueId"], *launch.trace_id);
        assert_eq!(event["agent"][0]["type"]["coding"][0]["code"], "110151");
    }
}

#[tokio::test]
async fn what_a_portal_must_check_is_checked_and_recorded() {
    type Change = fn(&str, &mut Value);
    let cases: [(Change, &str, Objection); 9] = [
        (
            |reference, resource| {
                if reference == "Task/7" {
                    resource["status"] = "cancelled".into();
                }
            },
            "Patient/1",
            Objection::TaskEnded("cancelled".into()),
        ),
        (
            |reference, resource| {
                if reference == "Patient/1" {
                    resource["active"] = false.into();
                }
            },
            "Patient/1",
            Objection::PatientInactive,
        ),
        (
            |reference, resource| {
                if reference == "Practitioner/4" {
                    resource["active"] = false.into();
                }
            },
            "Practitioner/4",
            Objection::User("is not active"),
        ),
        (|_, _| (), "Patient/9", Objection::User("is another patient than the Task is for")),
        (|_, _| (), "Device/9", Objection::User("is no Patient, Practitioner or RelatedPerson")),
        (
            |reference, resource| {
                if reference == "RelatedPerson/5" {
                    resource["patient"]["reference"] = "Patient/9".into();
                }
            },
            "RelatedPerson/5",
            Objection::User("is a relative of another patient"),
        ),
        (
            |reference, resource| {
                if reference == "Endpoint/3" {
                    resource["status"] = "off".into();
                }
            },
            "Patient/1",
            Objection::EndpointOff,
        ),
        (
            |reference, resource| {
                if reference == "Task/7" {
                    resource["code"] = json!({"coding": [{"system": "http://vzvz.nl/fhir/CodeSystem/koppeltaal-task-code", "code": "view"}]});
                    resource["partOf"] = json!([{"reference": "Task/8"}]);
                }
                if reference == "Task/8" {
                    resource["for"]["reference"] = "Patient/9".into();
                }
            },
            "Patient/1",
            Objection::View("the one that it is part of is about another patient"),
        ),
        (
            |reference, resource| {
                if reference == "ActivityDefinition/2" {
                    resource["useContext"] = json!([{"code": {"code": "koppeltaal-expansion"}, "valueCodeableConcept": {"coding": [{"system": "http://vzvz.nl/fhir/CodeSystem/koppeltaal-expansion", "code": "026-RolvdNaaste"}]}}]);
                }
            },
            "Patient/1",
            Objection::Expansion(Expansion::RoleOfRelatedPerson),
        ),
    ];
    for (change, user, expected) in cases {
        let server = domain(change).await;
        let connector = server.connector().await;
        match Launcher::new(&connector).launch(&LaunchRequest::new("Task/7", user)).await {
            Err(LaunchError::Objection(objection)) => assert_eq!(objection, expected),
            other => panic!("{expected:?}: {other:?}"),
        }
        connector.flush_events().await;
        let event = server.asked().last().expect("the event").json();
        assert_eq!(
            (&event["outcome"], &event["entity"][0]["what"]["reference"]),
            (&json!("4"), &json!("Task/7/_history/3"))
        );
    }
}

/// A module at a server that finds a token good, with these claims.
async fn module(
    claims: impl Fn() -> Value + Send + 'static,
) -> (Server, LaunchReceiver, koppeltaal2::Connector) {
    let server = Server::start(move |asked| match &*asked.target {
        "/introspect" => Some(Reply::json(200, &claims())),
        "/fhir/Task/7" => Some(Reply::json(200, &task("7", 3, "ready"))),
        "/fhir/AuditEvent" => {
            let mut event = asked.json();
            event["id"] = "1".into();
            event["meta"]["versionId"] = "1".into();
            Some(Reply::json(201, &event))
        }
        _ => None,
    })
    .await;
    let connector = server.connector().await;
    (server, LaunchReceiver::new(&connector), connector)
}

/// The form of a launch that a portal signed.
async fn form(base: &str) -> (String, String) {
    let launch = koppeltaal_smart::HtiLaunch::new("portal", "Device/module", "Patient/1", "Task/7");
    let jti = launch.jti().to_owned();
    let token = launch.sign(&*Arc::clone(&key()), std::time::SystemTime::now()).await.expect("a token");
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("launch", token.as_str())
        .append_pair("iss", base)
        .finish();
    (form, jti)
}

#[tokio::test]
async fn a_module_asks_the_domain_about_a_launch() {
    let claims = || {
        json!({"active": true, "iss": "portal", "aud": "Device/module", "sub": "Practitioner/4", "resource": "Task/7",
        "patient": "Patient/1", "jti": "the-jti", "exp": 4_000_000_000_u64})
    };
    let (server, receiver, connector) = module(claims).await;
    let (form, _) = form(&server.base()).await;
    let launch = receiver.receive(form.as_bytes()).expect("a launch");
    let context = receiver.introspect(&launch).await.expect("a user");
    assert_eq!(
        (&*context.task, &*context.user, context.patient.as_deref()),
        ("Task/7", "Practitioner/4", Some("Patient/1"))
    );
    assert_eq!(context.trace.trace_id(), Some("the-jti"));
    assert!(!format!("{context:?} {launch:?}").contains("Practitioner"));

    connector.flush_events().await;
    let event = server.asked().last().expect("the event").json();
    assert_eq!(
        (&event["outcome"], &event["entity"][0]["what"]["reference"]),
        (&json!("0"), &json!("Task/7/_history/3"))
    );
    assert_eq!(
        (&event["agent"][0]["requestor"], &event["extension"][0]["valueId"]),
        (&json!(false), &json!("the-jti"))
    );
}

#[tokio::test]
async fn a_launch_that_the_domain_does_not_find_good_ends_on_a_page_with_a_reference() {
    let (server, receiver, connector) = module(|| json!({"active": false})).await;
    let (form, jti) = form(&server.base()).await;
    let launch = receiver.receive(form.as_bytes()).expect("a launch");
    let failure = receiver.introspect(&launch).await.expect_err("not good");
    assert!(matches!(failure.reason, FailureReason::Inactive), "{failure}");
    let page = receiver.failure(&failure);
    assert_eq!((page.status.as_u16(), &page.reference), (403, &jti));
    assert!(page.html.contains(&jti) && !page.html.contains("token"), "{}", page.html);

    connector.flush_events().await;
    let event = server.asked().last().expect("the event").json();
    assert_eq!((&event["outcome"], &event["extension"][0]["valueId"]), (&json!("4"), &json!(jti)));
    assert_eq!(event["entity"][0]["what"]["reference"], "Device/module");
}

#[tokio::test]
async fn a_launch_for_another_module_is_refused_even_if_the_domain_does_not_mind() {
    let claims = || {
        json!({"active": true, "iss": "portal", "aud": "Device/other", "sub": "Patient/1", "resource": "Task/7",
        "jti": "j", "exp": 4_000_000_000_u64})
    };
    let (server, receiver, _) = module(claims).await;
    let (form, _) = form(&server.base()).await;
    let launch = receiver.receive(form.as_bytes()).expect("a launch");
    assert!(receiver.introspect(&launch).await.is_err());
}

#[tokio::test]
async fn only_launches_of_the_domain_are_received() {
    let (server, receiver, _) = module(|| json!({})).await;
    let (form_of_another, jti) = form("https://evil.example/fhir").await;
    let failure = receiver.receive(form_of_another.as_bytes()).expect_err("another domain");
    assert!(matches!(failure.reason, FailureReason::UnknownIssuer) && failure.reference == jti, "{failure}");
    assert_eq!(failure.status().as_u16(), 400);
    let failure = receiver.receive(b"token=a.b.c").expect_err("no issuer");
    assert!(matches!(failure.reason, FailureReason::UnknownIssuer), "{failure}");
    let failure = receiver.receive(b"hello").expect_err("no launch");
    assert!(matches!(failure.reason, FailureReason::NotALaunch(_)), "{failure}");
    assert!(receiver.also_known_as("https://evil.example/fhir").receive(form_of_another.as_bytes()).is_ok());
    assert!(server.asked().is_empty(), "nobody was asked anything");
}

#[tokio::test]
async fn a_login_begins_at_the_domain_and_only_its_own_answer_ends_it() {
    let (server, receiver, _) = module(|| json!({})).await;
    let (form, jti) = form(&server.base()).await;
    let launch = receiver.receive(form.as_bytes()).expect("a launch");
    let (url, pending) = receiver.begin(&launch, "https://module.example/cb").expect("a login");
    assert!(url.as_str().starts_with(&format!("{}/authorize?", server.url())), "{url}");
    let pairs: std::collections::HashMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!((&pairs["aud"], &pairs["launch"]), (&server.base(), &launch.token().to_owned()));
    assert_eq!(pending.trace_id(), Some(&*jti));
    assert!(!format!("{pending:?}").contains(pending.code_verifier()));

    let failure = receiver
        .finish(&pending, "https://module.example/cb?code=abc&state=guessed")
        .await
        .expect_err("forged");
    assert!(
        matches!(failure.reason, FailureReason::Authorization(_)) && failure.reference == jti,
        "{failure}"
    );
    assert_eq!(server.tokens(), 0, "no code was traded");
}
