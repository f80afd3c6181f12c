//! What the domain says about itself, and its life.

use koppeltaal2_sandbox::{
    Application, ConfigError, RegisteredApplication, Sandbox, SandboxConfig, StartError,
};

use crate::World;
use crate::http::{get, send};

#[tokio::test]
async fn the_smart_configuration_is_whole_and_open_to_every_page() {
    let world = World::start().await;
    assert_eq!(world.configuration.missing(), [""; 0]);
    let base = world.sandbox.fhir_base();
    assert_eq!(base, format!("{}/fhir/DEFAULT", world.sandbox.url()));
    let answer = get(&format!("{base}/.well-known/smart-configuration")).await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("content-type"), "application/json");
    for capability in ["launch-ehr", "authorize-post", "context-ehr-hti", "permission-v2"] {
        assert!(world.configuration.capabilities.iter().any(|known| known == capability), "{capability}");
    }
}

#[tokio::test]
async fn libraries_of_openid_find_what_they_need() {
    let world = World::start().await;
    for issuer in ["oauth2", "idp"] {
        let issuer = format!("{}/{issuer}", world.sandbox.url());
        let document = get(&format!("{issuer}/.well-known/openid-configuration")).await.json();
        assert_eq!(document["issuer"], issuer.as_str());
        assert_eq!(document["id_token_signing_alg_values_supported"][0], "ES384");
        let keys = get(document["jwks_uri"].as_str().expect("a URL")).await.json();
        assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1));
        assert!(keys["keys"][0].get("d").is_none(), "a private key is never in it");
    }
}

#[tokio::test]
async fn sandboxes_run_side_by_side_and_stop() {
    let (one, other) = (Sandbox::start().await.expect("one"), Sandbox::start().await.expect("another"));
    assert_ne!(one.url(), other.url());
    assert_ne!(one.application("epd").client_id(), other.application("epd").client_id());
    let names: Vec<_> = one.applications().iter().map(RegisteredApplication::name).collect();
    assert_eq!(names, ["epd", "portal", "module", "administration"]);
    let address = one.address();
    one.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    let address = other.address();
    drop(other);
    tokio::task::yield_now().await;
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_sandbox_does_not_start_when_it_cannot() {
    let taken = Sandbox::start().await.expect("it starts");
    let again = Sandbox::builder().listen(taken.address()).start().await;
    assert!(matches!(again, Err(StartError::Listen { .. })));
    let twice = Sandbox::builder()
        .application(Application::new("a").client_id("1"))
        .application(Application::new("b").client_id("1"))
        .start()
        .await;
    assert!(matches!(twice, Err(StartError::Config(ConfigError::DuplicateClientId(_)))));
}

#[tokio::test]
async fn a_public_url_is_in_every_address() {
    let config = Sandbox::builder().public_url("https://kt.example/sandbox/");
    let sandbox = config.start().await.expect("it starts");
    assert_eq!(sandbox.fhir_base(), "https://kt.example/sandbox/fhir/DEFAULT");
    let local = format!("http://{}/fhir/DEFAULT/.well-known/smart-configuration", sandbox.address());
    let document = get(&local).await.json();
    assert_eq!(document["token_endpoint"], "https://kt.example/sandbox/oauth2/token");
}

#[tokio::test]
async fn a_configuration_file_starts_a_sandbox() {
    let file =
        "listen = 0\npeople = true\n[[applications]]\nname = 'game'\nrole = 'module'\nclient_id = 'game-1'\n";
    let sandbox = SandboxConfig::from_toml(file).expect("it reads").start().await.expect("it starts");
    assert!(sandbox.address().ip().is_loopback());
    let clients: Vec<_> = sandbox.applications().iter().map(RegisteredApplication::client_id).collect();
    assert_eq!(clients, ["game-1"]);
}

#[tokio::test]
async fn a_request_keeps_its_identifiers() {
    let world = World::start().await;
    let headers = [("x-request-id", "r-1"), ("x-trace-id", "t-1")];
    let answer = send(http::Method::POST, world.token_endpoint(), &headers, "").await;
    assert_eq!((answer.header("x-request-id"), answer.header("x-trace-id")), ("r-1", "t-1"));
    assert_eq!(answer.json()["reference"], "r-1");
    let made = send(http::Method::POST, world.token_endpoint(), &[], "").await;
    assert_eq!(made.header("x-request-id").len(), 36);
}

#[tokio::test]
async fn the_page_at_the_root_tells_what_there_is_and_what_was_refused() {
    let world = World::start().await;
    send(http::Method::POST, world.token_endpoint(), &[], "grant_type=password").await;
    let page = get(&format!("{}/", world.sandbox.url())).await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let module = world.sandbox.application("module");
    for part in [world.sandbox.fhir_base(), module.client_id(), "administration", "grant_type has to be"] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert!(!page.body.contains("PRIVATE"));
    assert_eq!(world.configuration.management_endpoint, Some(format!("{}/", world.sandbox.url())));
}
