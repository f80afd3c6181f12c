//! Webhooks over real sockets, plain and with TLS.

mod common;

use std::sync::Arc;

use common::push::{fast, post};
use common::{PATIENCE, world};
use koppeltaal_messaging::Event;
use koppeltaal_sandbox::{Instance, Sandbox, Webhook};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// A receiver of webhooks that answers with these statuses, one after the other, and passes on each call.
async fn receiver(statuses: &'static [u16]) -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let (sender, received) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        for status in statuses {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.expect("a byte"));
            }
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.expect("sent");
            sender.send(String::from_utf8(request).expect("text")).expect("somebody listens");
        }
    });
    (url, received)
}

async fn with_webhook(url: &str) -> Sandbox {
    let webhook = Webhook::new(url).header("X-Koppeltaal-Secret", "hush");
    let epd =
        Instance::new("epd", "e", common::DOMAIN).subscribe([Event::CreateOrUpdateCarePlan]).webhook(webhook);
    world().instance(epd).push(fast()).start().await.expect("a sandbox")
}

#[tokio::test]
async fn a_webhook_is_called_with_the_documented_headers() {
    let (url, mut received) = receiver(&[200, 204]).await;
    let sandbox = with_webhook(&url).await;
    post(&sandbox, 1).await;
    let call =
        timeout(PATIENCE, received.recv()).await.expect("in time").expect("a call").to_ascii_lowercase();
    assert!(call.starts_with("post /hook http/1.1\r\n"), "{call}");
    for header in [
        "content-length: 0",
        "content-type: application/json",
        "accept: application/json",
        "koppeltaalmessageidentifier: m1",
        "x-koppeltaal-secret: hush",
        "category: http://ggz.koppeltaal.nl/fhir/koppeltaal/domain#zonnedauw; \
         scheme=\"http://hl7.org/fhir/tag/security\"; label=\"zonnedauw\"",
    ] {
        assert!(call.contains(&format!("\r\n{header}\r\n")), "{header} in {call}");
    }
    post(&sandbox, 2).await;
    let call = timeout(PATIENCE, received.recv()).await.expect("in time").expect("a call");
    assert!(call.to_ascii_lowercase().contains("identifier: m2"));
}

#[tokio::test]
async fn a_webhook_over_https_is_called_only_where_its_certificate_is_trusted() {
    const TLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../koppeltaal-transport/tests/tls");
    let pem = |file: &str| std::fs::read(format!("{TLS}/{file}")).expect("the file");
    let chain = vec![CertificateDer::from_pem_slice(&pem("server.pem")).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_slice(&pem("server.key")).expect("a key");
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
    let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).expect("a certificate")));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("https://localhost:{}/hook", listener.local_addr().expect("an address").port());

    let authority = String::from_utf8(pem("authority.pem")).expect("text");
    let stranger = Webhook::new(&url).root_certificates(String::from_utf8(pem("client.pem")).expect("text"));
    let friend = Webhook::new(&url).root_certificates(authority);
    let instance = |name: &str, webhook| {
        Instance::new(name, "x", common::DOMAIN).subscribe([Event::CreateOrUpdateCarePlan]).webhook(webhook)
    };
    let world = world().instance(instance("stranger-hook", stranger)).instance(instance("friend", friend));
    let sandbox = world.push(fast()).start().await.expect("a sandbox");
    post(&sandbox, 1).await;
    // The stranger tries five times, the friend once.
    let (mut refused, mut called) = (0, 0);
    while refused + called < 6 {
        let (stream, _) = timeout(PATIENCE, listener.accept()).await.expect("in time").expect("a connection");
        match acceptor.accept(stream).await {
            Ok(mut stream) => {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else { break };
                    request.push(byte);
                }
                if request.is_empty() {
                    refused += 1;
                    continue;
                }
                assert!(request.starts_with(b"POST /hook HTTP/1.1\r\n"));
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.expect("sent");
                called += 1;
            }
            Err(_) => refused += 1,
        }
    }
    assert_eq!((refused, called), (5, 1));
}

#[tokio::test]
async fn a_sandbox_does_not_start_with_root_certificates_that_are_not_pem() {
    let webhook = Webhook::new("https://epd.example/hook").root_certificates("no PEM");
    let config = world().instance(Instance::new("epd", "e", common::DOMAIN).webhook(webhook));
    let error = config.start().await.expect_err("no sandbox").to_string();
    assert_eq!(
        error,
        r#""https://epd.example/hook" cannot be called over TLS: there is no certificate in the PEM text"#
    );
}

#[tokio::test]
async fn a_webhook_is_tried_five_times() {
    let (url, mut received) = receiver(&[500, 404, 503, 302, 500, 200]).await;
    let sandbox = with_webhook(&url).await;
    post(&sandbox, 1).await;
    for _ in 0..5 {
        let call = timeout(PATIENCE, received.recv()).await.expect("in time").expect("a call");
        assert!(call.to_ascii_lowercase().contains("identifier: m1"));
    }
    // The next call is of the next message.
    post(&sandbox, 2).await;
    let call = timeout(PATIENCE, received.recv()).await.expect("in time").expect("a call");
    assert!(call.to_ascii_lowercase().contains("identifier: m2"));
}
