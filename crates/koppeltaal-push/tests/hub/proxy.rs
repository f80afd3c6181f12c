//! The hub behind proxies: every transport through a proxy that asks for the server, and through one that
//! opens a way to an https server.

use std::sync::{Arc, Mutex};

use koppeltaal_push::{HubConnection, Transport};
use koppeltaal_transport::{Client, ClientBuilder, Credentials};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::server::{SERVER_2_4, Server};
use crate::tls::{AUTHORITY, tls};

/// `user:Geheim2`.
const CREDENTIALS: &str = "Basic dXNlcjpHZWhlaW0y";

/// A proxy to one port of this machine, and the heads of the first request of each connection. A request for
/// a way is answered; any other is passed on as it is, since servers take absolute addresses too.
async fn proxy(to: u16) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://user:Geheim2@{}", listener.local_addr().expect("an address"));
    let heads = Arc::new(Mutex::new(Vec::new()));
    let memory = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let memory = Arc::clone(&memory);
            tokio::spawn(async move {
                let mut bytes = Vec::new();
                while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
                    if from.read_buf(&mut bytes).await.unwrap_or_default() == 0 {
                        return;
                    }
                }
                let head = String::from_utf8_lossy(&bytes).into_owned();
                let mut to = TcpStream::connect(("127.0.0.1", to)).await.expect("the server");
                let begun = if head.starts_with("CONNECT ") {
                    from.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await
                } else {
                    to.write_all(&bytes).await
                };
                memory.lock().expect("the memory").push(head);
                if begun.is_ok() {
                    // Even after an error, so that the other side sees the end.
                    let _ = copy_bidirectional(&mut from, &mut to).await;
                }
            });
        }
    });
    (url, heads)
}

/// Uses every transport; gives the heads that the proxy saw.
async fn echo(builder: impl Fn() -> ClientBuilder, heads: &Mutex<Vec<String>>) -> Vec<String> {
    for transport in Transport::ALL {
        let client = builder().credentials(Credentials::basic("game", "Geheim1").expect("credentials"));
        let client = client.build().expect("a client");
        let connection = HubConnection::builder(&client, "KoppeltaalHub").transport(transport).start();
        let connection = connection.await.expect("started");
        let echoed = connection.invoke("Echo", vec![json!(1)]).await.expect("a result");
        assert_eq!(echoed, json!([1]), "{transport}");
        connection.stop().await;
    }
    heads.lock().expect("the memory").clone()
}

#[tokio::test]
async fn every_transport_works_through_a_proxy() {
    let server = Server::start(SERVER_2_4).await;
    let (proxy, heads) = proxy(server.address.port()).await;
    let builder = || Client::builder("http://koppeltaal.example").danger_allow_plain_http().proxy(&proxy);
    let heads = echo(builder, &heads).await;
    for head in &heads {
        assert!(head.contains(" http://koppeltaal.example/signalr/"), "{head}");
        assert!(
            head.to_ascii_lowercase()
                .contains(&format!("proxy-authorization: {CREDENTIALS}").to_ascii_lowercase()),
            "{head}"
        );
    }
    assert!(heads.iter().any(|head| head.contains("transport=webSockets")), "{heads:?}");
}

#[tokio::test]
async fn every_transport_works_through_a_proxy_that_opens_a_way_to_an_https_server() {
    let server = Server::start(SERVER_2_4).await;
    let (proxy, heads) = proxy(tls(server.address).await).await;
    let builder =
        || Client::builder("https://koppeltaal.example").root_certificates_pem(AUTHORITY).proxy(&proxy);
    let heads = echo(builder, &heads).await;
    for head in &heads {
        assert!(head.starts_with("CONNECT koppeltaal.example:443 HTTP/1.1\r\n"), "{head}");
        let head = head.to_ascii_lowercase();
        assert!(
            head.contains(&format!("\r\nproxy-authorization: {CREDENTIALS}").to_ascii_lowercase()),
            "{head}"
        );
        assert!(!head.contains("\r\nauthorization:"), "{head}");
    }
    assert!(server.count("connect webSockets") == 1 && !heads.is_empty());
}
