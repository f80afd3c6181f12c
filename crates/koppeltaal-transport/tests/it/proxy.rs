//! Servers behind proxies: what a proxy sees, and the error when it refuses. The CLI's tests cover proxies
//! that the environment names, because they can start a process with another environment.

use koppeltaal_transport::{BuildError, Client, ClientBuilder, Credentials, Error, RetryPolicy};

use crate::forward_proxy::{ForwardProxy, PROXY_CREDENTIALS};
use crate::server::{Server, care_plan, fixture, json, status};
use crate::tls;

/// `portal:Geheim1`.
const SERVER_CREDENTIALS: &str = "Basic cG9ydGFsOkdlaGVpbTE=";

fn client(server: &str, proxy: &str) -> ClientBuilder {
    Client::builder(server)
        .credentials(Credentials::basic("portal", "Geheim1").expect("credentials"))
        .retry(RetryPolicy::never())
        .proxy(proxy)
}

#[tokio::test]
async fn a_proxy_gets_the_requests_for_a_plain_http_server() {
    let proxy = Server::playing([json(fixture("bundles/search-empty.json"))]).await;
    let proxy_url = format!("http://user:Geheim2@127.0.0.1:{}", proxy.port());
    let client = client("http://koppeltaal.example", &proxy_url).danger_allow_plain_http();
    let client = client.build().expect("a client");
    assert_eq!(client.message("1").await.expect("an answer"), None);
    let asked = proxy.only();
    assert_eq!(asked.target, "http://koppeltaal.example/FHIR/Koppeltaal/MessageHeader/_search?_id=1");
    assert_eq!(asked.header("proxy-authorization"), Some(PROXY_CREDENTIALS));
    assert_eq!(asked.header("authorization"), Some(SERVER_CREDENTIALS));
}

#[tokio::test]
async fn a_proxy_on_the_way_to_an_https_server_sees_its_name_and_nothing_else() {
    let (server, script) = tls::server(false).await;
    let proxy = ForwardProxy::start(server).await;
    let client = client("https://koppeltaal.example", &proxy.url());
    let client = client.root_certificates_pem(tls::AUTHORITY).build().expect("a client");
    assert_eq!(client.claim().await.expect("an answer"), None);

    let requests = proxy.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].line(), "CONNECT koppeltaal.example:443 HTTP/1.1");
    assert_eq!(requests[0].header("proxy-authorization"), Some(PROXY_CREDENTIALS));
    assert_eq!(requests[0].header("authorization"), None);
    let served = script.asked();
    assert_eq!(served[0].header("authorization"), Some(SERVER_CREDENTIALS));
    assert_eq!(served[0].header("proxy-authorization"), None);
}

#[tokio::test]
async fn a_message_is_never_sent_when_the_proxy_opens_no_tunnel() {
    let (server, script) = tls::server(false).await;
    let proxy = ForwardProxy::start(server).await;
    let client = client("https://koppeltaal.example", &proxy.url().replace("Geheim2", "Geheim3"));
    let client = client.root_certificates_pem(tls::AUTHORITY).build().expect("a client");
    let error = client.send(&care_plan()).await.expect_err("no tunnel");
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("Geheim"), "{error:?}");
    assert!(script.asked().is_empty());
}

#[tokio::test]
async fn a_refusal_by_the_proxy_is_not_taken_for_one_by_the_server() {
    let refusal = status(407, "text/html", "<html>Who are you?</html>");
    let proxy = Server::playing([refusal]).await;
    let client = client("http://koppeltaal.example", &proxy.url()).danger_allow_plain_http();
    let error = client.build().expect("a client").message("1").await.expect_err("a refusal");
    let Error::Protocol(error) = error else { panic!("{error:?}") };
    assert_eq!(error.status, 407);
}

#[tokio::test]
async fn a_server_on_this_machine_is_reached_without_the_proxy() {
    let server = Server::playing([json(fixture("bundles/search-empty.json"))]).await;
    let proxy = Server::playing([]).await;
    let client = client(&server.url(), &proxy.url()).build().expect("a client");
    assert_eq!(client.message("1").await.expect("an answer"), None);
    assert!(proxy.asked().is_empty());
}

#[test]
fn an_unusable_proxy_address_is_an_error_that_hides_its_password() {
    let builder = Client::builder("http://koppeltaal.example").danger_allow_plain_http();
    let error = builder.proxy("http://user:Geheim1@").build().expect_err("no proxy");
    assert!(matches!(error, BuildError::Proxy), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("Geheim1"));
}
