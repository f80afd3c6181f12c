//! How a domain is found.

use koppeltaal2::{DiscoveryError, Domain};
use serde_json::json;

use crate::server::{Reply, Server, capabilities, smart_configuration};

#[tokio::test]
async fn a_domain_says_where_everything_is() {
    let server = Server::start(|_| None).await;
    let domain = Domain::discover(&format!("{}/", server.base())).await.expect("a domain");
    assert_eq!(domain.base(), server.base());
    assert_eq!((domain.fhir_version(), domain.package_version()), (Some("4.0.1"), Some("0.16.3")));
    assert_eq!(domain.configuration().token_endpoint, Some(format!("{}/token", server.url())));
    let connector = domain.connect("module", crate::server::key());
    assert_eq!((connector.client_id(), connector.device()), ("module", "Device/module"));
}

#[tokio::test]
async fn without_a_smart_configuration_the_capability_statement_says_it() {
    let server = Server::start(|asked| {
        asked.target.ends_with("smart-configuration").then(|| Reply::text(404, "text/plain", ""))
    })
    .await;
    let domain = Domain::discover(&server.base()).await.expect("a domain");
    let configuration = domain.configuration();
    assert_eq!(configuration.authorization_endpoint, Some(format!("{}/authorize", server.url())));
    assert_eq!(configuration.jwks_uri, None, "the statement does not say it");
}

#[tokio::test]
async fn what_the_smart_configuration_lacks_is_in_the_capability_statement() {
    let server = Server::start(|asked| {
        asked
            .target
            .ends_with("smart-configuration")
            .then(|| Reply::json(200, &json!({"issuer": "https://auth.example"})))
    })
    .await;
    let domain = Domain::discover(&server.base()).await.expect("a domain");
    assert_eq!(domain.configuration().issuer.as_deref(), Some("https://auth.example"));
    assert_eq!(domain.configuration().token_endpoint, Some(format!("{}/token", server.url())));
}

#[tokio::test]
async fn without_a_capability_statement_the_versions_are_unknown() {
    let server = Server::start(|asked| {
        asked.target.ends_with("metadata").then(|| Reply::text(404, "text/html", "<html>"))
    })
    .await;
    let domain = Domain::discover(&server.base()).await.expect("a domain");
    assert_eq!((domain.fhir_version(), domain.package_version()), (None, None));
    assert!(domain.configuration().to_token().is_ok());
}

#[tokio::test]
async fn a_domain_that_lacks_a_token_endpoint_says_so() {
    let server = Server::start(|asked| match &*asked.target {
        "/fhir/.well-known/smart-configuration" => {
            Some(Reply::json(200, &json!({"issuer": "https://auth.example"})))
        }
        "/fhir/metadata" => Some(Reply::json(200, &json!({"resourceType": "CapabilityStatement"}))),
        _ => None,
    })
    .await;
    let failure = Domain::discover(&server.base()).await.expect_err("no token endpoint");
    assert!(matches!(failure, DiscoveryError::Missing { member: "token_endpoint", .. }), "{failure}");
    let text = failure.to_string();
    assert!(text.contains(&server.base()) && text.contains("DomainBuilder::configuration"), "{text}");

    let mut own = koppeltaal_smart::SmartConfiguration::default();
    own.token_endpoint = Some("https://auth.example/token".to_owned());
    let domain = server.domain().configuration(own).discover().await.expect("a domain");
    assert!(domain.configuration().to_token().is_ok(), "the application may say it itself");
}

#[tokio::test]
async fn an_address_where_no_domain_is_says_what_was_tried() {
    let server = Server::start(|_| Some(Reply::text(404, "text/html", "<html>Not here</html>"))).await;
    let failure = server.domain().discover().await.expect_err("no domain");
    assert!(matches!(failure, DiscoveryError::Unreadable { .. }), "{failure}");
    let text = failure.to_string();
    assert!(
        text.contains(&server.base()) && text.contains("smart-configuration") && text.contains("metadata"),
        "{text}"
    );
}

#[tokio::test]
async fn a_domain_that_is_busy_is_asked_again_and_not_taken_for_half_of_one() {
    let mut failures = 2;
    let server = Server::start(move |asked| {
        let is_busy = asked.target.ends_with("smart-configuration") && failures > 0;
        failures -= i32::from(is_busy);
        is_busy.then(|| Reply::text(503, "text/plain", ""))
    })
    .await;
    let domain = server.domain().discover().await.expect("a domain");
    assert_eq!(domain.configuration().jwks_uri, Some(format!("{}/jwks.json", server.url())));

    let is_configuration = |target: &str| target.ends_with("smart-configuration");
    let server = Server::start(move |asked| {
        is_configuration(&asked.target).then(|| Reply::text(503, "text/plain", ""))
    })
    .await;
    let failure = server.domain().discover().await.expect_err("busy");
    assert!(matches!(failure, DiscoveryError::Unavailable { .. }), "{failure}");
}

#[tokio::test]
async fn another_version_of_fhir_is_refused() {
    let server = Server::start(|asked| {
        asked.target.ends_with("metadata").then(|| {
            Reply::json(200, &json!({"resourceType": "CapabilityStatement", "fhirVersion": "5.0.0"}))
        })
    })
    .await;
    let failure = server.domain().discover().await.expect_err("FHIR 5");
    assert!(matches!(&failure, DiscoveryError::FhirVersion { found, .. } if found == "5.0.0"), "{failure}");
}

#[tokio::test]
async fn plain_http_is_for_this_machine() {
    let failure = Domain::discover("http://kt.example/fhir").await.expect_err("plain http");
    assert!(matches!(failure, DiscoveryError::PlainHttp { .. }), "{failure}");
    // The documents that the test's server gives are those that it has.
    assert!(smart_configuration("x").is_object() && capabilities("x").is_object());
}
