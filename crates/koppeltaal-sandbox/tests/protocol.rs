//! What surrounds every operation: authentication, CORS, formats, links, limits, addresses.

mod common;

use common::{Client, DOMAIN, FORMATS, Format, fixture, plan, start, world};
use koppeltaal_fhir::datatypes::ExtensionValue;
use koppeltaal_fhir::resources::Conformance;
use koppeltaal_sandbox::{ConfigError, Instance, Limits, SandboxConfig, StartError};
use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};

const CLAIM: &str = "MessageHeader/_search?_query=MessageHeader.GetNextNewAndClaim";

#[tokio::test]
async fn a_sandbox_is_usable_in_two_lines() {
    let sandbox = SandboxConfig::new().portal_and_game().start().await.expect("a sandbox");
    let answer = common::http()
        .get(format!("{}/FHIR/Koppeltaal/metadata", sandbox.url()))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn credentials_are_asked_for_everywhere_but_at_the_conformance_statement() {
    for format in FORMATS {
        let sandbox = start().await;
        let nobody = Client::anonymous(&sandbox, format);
        let impostor = Client::new(&sandbox, "portal", "wrong", format);
        let unknown = Client::new(&sandbox, "nobody", "wacht:wöord", format);
        nobody.get("metadata").await.resource::<Conformance>();
        for client in [&nobody, &impostor, &unknown] {
            let refused = client.get(CLAIM).await;
            assert!(refused.issues(401)[0].is("login"));
            assert!(refused.header("www-authenticate").starts_with("Basic realm="));
            client.send_message(plan("m1", "1")).await.details(401);
            client
                .put("MessageHeader/1", koppeltaal_fhir::resources::MessageHeader::default())
                .await
                .details(401);
            client.get("Other?code=ActivityDefinition").await.details(401);
        }
        let token = nobody.request(Method::GET, CLAIM).header(AUTHORIZATION, "Bearer abc");
        nobody.send(token).await.details(401);
    }
}

#[tokio::test]
async fn credentials_are_checked_before_the_body_is() {
    let sandbox = start().await;
    let nobody = Client::anonymous(&sandbox, Format::Json);
    nobody.with_body(Method::POST, "Mailbox", "no message".into()).await.details(401);
}

#[tokio::test]
async fn the_conformance_statement_says_where_everything_is() {
    for format in FORMATS {
        let sandbox = start().await;
        let statement = Client::anonymous(&sandbox, format).get("metadata").await.resource::<Conformance>();
        assert_eq!(statement.name.as_str(), Some("Koppeltaal"));
        assert_eq!(statement.version.as_str(), Some("v1.3.9"));
        assert_eq!(statement.fhir_version.as_str(), Some("0.0.82"));
        let security = statement.rest[0].security.as_ref().expect("a security part");
        assert_eq!(security.cors.get(), Some(&true));
        let uris: Vec<_> = security
            .extension
            .iter()
            .map(|extension| match &extension.value {
                Some(ExtensionValue::Uri(uri)) => (extension.url.as_str(), uri.as_str().unwrap_or_default()),
                other => panic!("not a URI: {other:?}"),
            })
            .collect();
        for (url, path) in [
            ("http://fhir-registry.smarthealthit.org/Profile/oauth-uris#authorize", "Authorize"),
            ("http://fhir-registry.smarthealthit.org/Profile/oauth-uris#token", "Token"),
            ("http://fhir-registry.smartplatforms.org/Profile/oauth-uris#authorize", "Authorize"),
            ("http://fhir-registry.smartplatforms.org/Profile/oauth-uris#token", "Token"),
            ("http://fhir.vitalhealthsoftware.com/Profile/Conformance#Launch", "Launch"),
        ] {
            let expected = format!("{}/OAuth2/Koppeltaal/{path}", sandbox.url());
            assert!(uris.contains(&(url, expected.as_str())), "{url} in {uris:?}");
        }
        for name in [
            "RequestsAgainstSchema",
            "RepliesAgainstSchema",
            "RequestsAgainstProfile",
            "RepliesAgainstProfile",
        ] {
            let url = format!("http://fhir.vitalhealthsoftware.com/Profile/Conformance#Validate{name}");
            let found = statement.extension.iter().find(|extension| extension.url == url).expect(&url);
            assert!(matches!(&found.value, Some(ExtensionValue::Boolean(value)) if value.get().is_some()));
        }
    }
}

#[tokio::test]
async fn a_preflight_is_answered_before_any_login() {
    let sandbox = start().await;
    let browser = common::http();
    for path in [
        "metadata",
        "Mailbox",
        "MessageHeader/_search",
        "MessageHeader/1",
        "Other",
        "Other/ActivityDefinition:1",
    ] {
        let url = format!("{}/FHIR/Koppeltaal/{path}", sandbox.url());
        let preflight = browser
            .request(Method::OPTIONS, url)
            .header("origin", "https://portal.example")
            .header("access-control-request-method", "PUT")
            .header("access-control-request-headers", "authorization,content-type");
        let answer = preflight.send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
        let header = |name: &str| answer.headers()[name].to_str().expect("text").to_ascii_lowercase();
        assert_eq!(header("access-control-allow-origin"), "*");
        for method in ["get", "post", "put"] {
            assert!(header("access-control-allow-methods").contains(method));
        }
        for name in ["authorization", "content-type"] {
            assert!(header("access-control-allow-headers").contains(name));
        }
        assert!(header("content-type").starts_with("application/json"));
    }
}

#[tokio::test]
async fn a_browser_may_read_every_answer_errors_included() {
    let sandbox = start().await;
    let game = Client::game(&sandbox, Format::Json);
    for (path, status) in [("metadata", 200), (CLAIM, 200), ("nowhere", 404), ("Mailbox", 405)] {
        let answer =
            game.send(game.request(Method::GET, path).header("origin", "https://portal.example")).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert!(
            answer.header("access-control-expose-headers").to_ascii_lowercase().contains("content-location")
        );
    }
    let anonymous = Client::anonymous(&sandbox, Format::Json);
    let refused = anonymous
        .send(anonymous.request(Method::GET, CLAIM).header("origin", "https://portal.example"))
        .await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (401, "*"));
}

#[tokio::test]
async fn errors_come_as_an_outcome_in_the_format_that_was_asked_for() {
    let sandbox = start().await;
    for (format, content_type) in [(Format::Json, "application/json"), (Format::Xml, "application/xml+fhir")]
    {
        let game = Client::game(&sandbox, format);
        for (method, path, status) in [
            (Method::GET, "nowhere", 404),
            (Method::DELETE, "Mailbox", 405),
            (Method::GET, "MessageHeader/_search?_count=x", 400),
        ] {
            let answer = game.send(game.request(method, path)).await;
            answer.details(status);
            assert!(
                answer.header("content-type").starts_with(content_type),
                "{}",
                answer.header("content-type")
            );
        }
    }
    let url = format!("{}/nowhere", sandbox.url());
    let outside = reqwest::get(url).await.expect("an answer");
    assert_eq!(outside.status(), 404);
    assert!(
        outside.headers()[CONTENT_TYPE].to_str().is_ok_and(|found| found.starts_with("application/json"))
    );
}

#[tokio::test]
async fn accept_decides_the_reply_and_content_type_the_request() {
    let sandbox = start().await;
    let portal = Client::portal(&sandbox, Format::Json);
    let xml = fixture("messages/CreateOrUpdatePatient-minimal", Format::Xml);
    for (content_type, accept, expected) in [
        ("application/atom+xml", "application/json+fhir", "application/json; charset=utf-8"),
        ("text/xml; charset=utf-8", "text/xml", "application/atom+xml; charset=utf-8"),
        ("application/xml+fhir", "*/*", "application/atom+xml; charset=utf-8"),
    ] {
        let request = common::http()
            .post(format!("{}/FHIR/Koppeltaal/Mailbox", sandbox.url()))
            .basic_auth("portal", Some("wacht:wöord"))
            .header(CONTENT_TYPE, content_type)
            .header(ACCEPT, accept)
            .body(xml.clone());
        let answer = portal.send(request).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, expected), "{}", answer.body);
    }
    let html = portal.request(Method::POST, "Mailbox").header(CONTENT_TYPE, "text/html").body("<p>");
    portal.send(html).await.details(415);
}

#[tokio::test]
async fn a_message_may_declare_utf16_above_its_utf8_as_stringwriter_does() {
    let sandbox = start().await;
    let portal = Client::portal(&sandbox, Format::Xml);
    let xml = fixture("messages/CreateOrUpdatePatient-minimal", Format::Xml);
    let start = xml.find("<feed").expect("a feed");
    let xml = format!("<?xml version=\"1.0\" encoding=\"utf-16\"?>\n{}", &xml[start..]);
    for content_type in ["application/atom+xml; charset=utf-8", "application/atom+xml"] {
        let post =
            portal.request(Method::POST, "Mailbox").header(CONTENT_TYPE, content_type).body(xml.clone());
        let answer = portal.send(post).await;
        assert_eq!(answer.status, 200, "{content_type}: {}", answer.body);
    }
}

#[tokio::test]
async fn slashes_at_the_start_of_the_path_may_be_double() {
    let sandbox = start().await;
    let game = Client::game(&sandbox, Format::Json);
    for path in ["//FHIR/Koppeltaal/metadata", "///FHIR/Koppeltaal/metadata?a=b"] {
        game.get(&format!("{}{path}", sandbox.url())).await.resource::<Conformance>();
    }
    game.get(&format!("{}//FHIR/Koppeltaal/{CLAIM}", sandbox.url())).await.bundle();
}

#[tokio::test]
async fn links_use_the_address_that_the_client_used() {
    let sandbox = start().await;
    Client::portal(&sandbox, Format::Json).send_message(plan("m1", "1")).await.bundle();
    let game = Client::game(&sandbox, Format::Json);
    let list = "MessageHeader/_search?_summary=true";
    let direct = game.send(game.request(Method::GET, list).header(HOST, "localhost:99")).await.bundle();
    assert!(
        direct.entry[0]
            .id
            .as_deref()
            .is_some_and(|id| id.starts_with("http://localhost:99/FHIR/Koppeltaal/"))
    );
    let proxied = game
        .request(Method::GET, list)
        .header("x-forwarded-host", "k.example")
        .header("x-forwarded-proto", "https");
    let proxied = game.send(proxied).await.bundle();
    assert!(
        proxied.entry[0].id.as_deref().is_some_and(|id| id.starts_with("https://k.example/FHIR/Koppeltaal/"))
    );
    assert!(proxied.link("fhir-base").is_some_and(|base| base == "https://k.example/FHIR/Koppeltaal"));

    // Whatever address an id was handed out under, it is the same message.
    let id = proxied.entry[0].id.as_deref().expect("an id");
    assert_eq!(game.get(&format!("MessageHeader/_search?_id={id}")).await.bundle().entry.len(), 4);
}

#[tokio::test]
async fn a_public_url_is_put_into_all_links() {
    let sandbox = world().public_url("https://koppeltaal.example/sandbox/").start().await.expect("a sandbox");
    assert_eq!(sandbox.url(), "https://koppeltaal.example/sandbox");
    let url = format!("http://{}/FHIR/Koppeltaal/metadata", sandbox.address());
    let statement = Client::anonymous(&sandbox, Format::Json).get(&url).await;
    assert!(statement.body.contains("https://koppeltaal.example/sandbox/OAuth2/Koppeltaal/Token"));
    assert!(!statement.body.contains("127.0.0.1"));
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused() {
    let mut limits = Limits::default();
    limits.body_bytes = 1000;
    let sandbox = world().limits(limits).start().await.expect("a sandbox");
    let portal = Client::portal(&sandbox, Format::Json);
    let refused = portal.with_body(Method::POST, "Mailbox", " ".repeat(1001)).await;
    assert_eq!(refused.details(413), "The body is longer than 1000 bytes.");
    assert!(refused.issues(413)[0].is("too-long"));
    assert_eq!(portal.with_body(Method::POST, "Mailbox", " ".repeat(1000)).await.status, 400);
}

#[tokio::test]
async fn domains_do_not_see_each_other() {
    let sandbox = start().await;
    Client::portal(&sandbox, Format::Json).send_message(plan("m1", "1")).await.bundle();
    let stranger = Client::stranger(&sandbox, Format::Json);
    assert!(stranger.claim().await.bundle().entry.is_empty());
    assert!(stranger.get("MessageHeader/_search").await.bundle().entry.is_empty());
}

#[tokio::test]
async fn a_sandbox_stops_when_it_is_dropped_or_told_to() {
    let dropped = SandboxConfig::new().portal_and_game().start().await.expect("a sandbox");
    let address = dropped.address();
    drop(dropped);
    // Dropping cannot wait; the port is free soon after.
    let mut tries = 0;
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tries += 1;
        assert!(tries < 200, "still listening");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let stopped = SandboxConfig::new().portal_and_game().start().await.expect("a sandbox");
    let address = stopped.address();
    stopped.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_configuration_that_contradicts_itself_does_not_start() {
    let config = world().instance(Instance::new("second", "p", DOMAIN).application("portal"));
    let error = config.start().await.expect_err("no sandbox");
    let StartError::Config(ConfigError::DuplicateApplicationInstance(application)) = error else {
        panic!("{error:?}");
    };
    assert_eq!(application, "portal");
    let taken = SandboxConfig::new().portal_and_game().start().await.expect("a sandbox");
    let error = SandboxConfig::new().listen(taken.address()).start().await.expect_err("no sandbox");
    assert!(matches!(error, StartError::Listen { .. }));
}
