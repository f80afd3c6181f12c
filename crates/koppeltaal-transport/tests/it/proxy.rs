//! Servers behind proxies: what a proxy sees, and the error when it refuses. Proxies that the environment
//! names are tested with the command, which can be started with another environment.

use std::sync::{Arc, Mutex};

use koppeltaal_transport::{BuildError, Client, ClientBuilder, Credentials, Error, RetryPolicy};
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::server::{Asked, Server, care_plan, fixture, json, read_request, status};
use crate::tls;

/// `user:Geheim2` of the proxy, and `portal:Geheim1` of the server.
const PROXY_CREDENTIALS: &str = "Basic dXNlcjpHZWhlaW0y";
const SERVER_CREDENTIALS: &str = "Basic cG9ydGFsOkdlaGVpbTE=";

fn client(server: &str, proxy: &str) -> ClientBuilder {
    Client::builder(server)
        .credentials(Credentials::basic("portal", "Geheim1").expect("credentials"))
        .retry(RetryPolicy::never())
        .proxy(proxy)
}

/// The address of a proxy with credentials.
fn with_credentials(port: u16) -> String {
    format!("http://user:Geheim2@127.0.0.1:{port}")
}

/// A proxy that opens a way to one port of this machine for whoever has its credentials, and what it was
/// asked.
async fn tunnel(to: u16) -> (u16, Arc<Mutex<Vec<Asked>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let memory = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let Some(request) = read_request(&mut socket, 0).await else { continue };
            let known = request.header("proxy-authorization") == Some(PROXY_CREDENTIALS);
            memory.lock().expect("the memory").push(request);
            let answer: &[u8] = if known {
                b"HTTP/1.1 200 Connection established\r\n\r\n"
            } else {
                b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
            };
            if socket.write_all(answer).await.is_err() || !known {
                continue;
            }
            tokio::spawn(async move {
                let mut server = TcpStream::connect(("127.0.0.1", to)).await.expect("the server");
                // Even after an error, so that the other side sees the end.
                let _ = copy_bidirectional(&mut socket, &mut server).await;
            });
        }
    });
    (port, asked)
}

#[tokio::test]
async fn a_proxy_is_asked_in_the_place_of_the_server() {
    let proxy = Server::playing([json(fixture("bundles/search-empty.json"))]).await;
    let client =
        client("http://koppeltaal.example", &with_credentials(proxy.port())).danger_allow_plain_http();
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
    let (proxy, asked) = tunnel(server).await;
    let client = client("https://koppeltaal.example", &with_credentials(proxy));
    let client = client.root_certificates_pem(tls::AUTHORITY).build().expect("a client");
    assert_eq!(client.claim().await.expect("an answer"), None);

    let tunnelled = asked.lock().expect("the memory").clone();
    assert_eq!(tunnelled.len(), 1);
    assert_eq!(
        (tunnelled[0].method.as_str(), tunnelled[0].target.as_str()),
        ("CONNECT", "koppeltaal.example:443")
    );
    assert_eq!(tunnelled[0].header("proxy-authorization"), Some(PROXY_CREDENTIALS));
    assert_eq!(tunnelled[0].header("authorization"), None);
    let served = script.asked();
    assert_eq!(served[0].header("authorization"), Some(SERVER_CREDENTIALS));
    assert_eq!(served[0].header("proxy-authorization"), None);
}

#[tokio::test]
async fn a_proxy_that_opens_no_way_means_never_sent() {
    let (server, script) = tls::server(false).await;
    let (proxy, _) = tunnel(server).await;
    let client = client("https://koppeltaal.example", &format!("http://user:Geheim3@127.0.0.1:{proxy}"));
    let client = client.root_certificates_pem(tls::AUTHORITY).build().expect("a client");
    let error = client.send(&care_plan()).await.expect_err("no way");
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("Geheim"), "{error:?}");
    assert!(script.asked().is_empty());
}

#[tokio::test]
async fn a_proxy_that_refuses_in_the_place_of_the_server_is_told_apart_from_the_server() {
    let refusal = || status(407, "text/html", "<html>Who are you?</html>");
    let proxy = Server::playing([refusal()]).await;
    let client = client("http://koppeltaal.example", &proxy.url()).danger_allow_plain_http();
    let error = client.build().expect("a client").message("1").await.expect_err("a refusal");
    let Error::Protocol(error) = error else { panic!("{error:?}") };
    assert_eq!(error.status, 407);
}

#[tokio::test]
async fn a_server_on_this_machine_is_reached_without_the_proxy() {
    let (server, proxy) =
        (Server::playing([json(fixture("bundles/search-empty.json"))]).await, Server::playing([]).await);
    let client = client(&server.url(), &proxy.url()).build().expect("a client");
    assert_eq!(client.message("1").await.expect("an answer"), None);
    assert!(proxy.asked().is_empty());
}

#[test]
fn a_proxy_that_is_none_is_refused_without_telling_its_password() {
    let builder = Client::builder("http://koppeltaal.example").danger_allow_plain_http();
    let error = builder.proxy("http://user:Geheim1@").build().expect_err("no proxy");
    assert!(matches!(error, BuildError::Proxy), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("Geheim1"));
}
