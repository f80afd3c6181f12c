//! The hub behind a proxy: every transport, to an http server and through a tunnel to an https server.

use koppeltaal_push::{HubConnection, Transport};
use koppeltaal_transport::{Client, ClientBuilder};
use serde_json::json;

use crate::client;
use crate::forward_proxy::{ForwardProxy, PROXY_CREDENTIALS, ProxyRequest};
use crate::server::{SERVER_2_4, Server};
use crate::tls::{AUTHORITY, tls};

/// Uses every transport. Returns what the proxy was asked.
async fn echo(builder: impl Fn() -> ClientBuilder, proxy: &ForwardProxy) -> Vec<ProxyRequest> {
    for transport in Transport::ALL {
        let connection =
            HubConnection::builder(&client(builder()), "KoppeltaalHub").transport(transport).start();
        let connection = connection.await.expect("started");
        let echoed = connection.invoke("Echo", vec![json!(1)]).await.expect("a result");
        assert_eq!(echoed, json!([1]), "{transport}");
        connection.stop().await;
    }
    proxy.requests()
}

#[tokio::test]
async fn every_transport_works_through_a_proxy() {
    let server = Server::start(SERVER_2_4).await;
    let proxy = ForwardProxy::start(server.address.port()).await;
    let builder =
        || Client::builder("http://koppeltaal.example").danger_allow_plain_http().proxy(proxy.url());
    let requests = echo(builder, &proxy).await;
    for request in &requests {
        assert!(request.line().contains(" http://koppeltaal.example/signalr/"), "{request:?}");
        assert_eq!(request.header("proxy-authorization"), Some(PROXY_CREDENTIALS), "{request:?}");
    }
    assert!(requests.iter().any(|request| request.line().contains("transport=webSockets")), "{requests:?}");
}

#[tokio::test]
async fn every_transport_works_through_the_tunnel_of_a_proxy_to_an_https_server() {
    let server = Server::start(SERVER_2_4).await;
    let proxy = ForwardProxy::start(tls(server.address).await).await;
    let builder =
        || Client::builder("https://koppeltaal.example").root_certificates_pem(AUTHORITY).proxy(proxy.url());
    let requests = echo(builder, &proxy).await;
    for request in &requests {
        assert_eq!(request.line(), "CONNECT koppeltaal.example:443 HTTP/1.1");
        assert_eq!(request.header("proxy-authorization"), Some(PROXY_CREDENTIALS), "{request:?}");
        assert_eq!(request.header("authorization"), None, "{request:?}");
    }
    assert!(server.count("connect webSockets") == 1 && !requests.is_empty());
}
