//! TLS: which servers the client trusts, and its error for the others. The certificates come from
//! `tests/tls/make.sh`.

use std::sync::Arc;

use koppeltaal_transport::{BuildError, Client, ClientBuilder, Error, RetryPolicy, UnreachableReason};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto};

use crate::server::{Script, care_plan, fixture, json};

pub(crate) const AUTHORITY: &[u8] = include_bytes!("../tls/authority.pem");
const SERVER: &[u8] = include_bytes!("../tls/server.pem");
const SERVER_KEY: &[u8] = include_bytes!("../tls/server.key");
const CLIENT: &[u8] = include_bytes!("../tls/client.pem");
const CLIENT_KEY: &[u8] = include_bytes!("../tls/client.key");

/// Serves an empty queue over TLS; the names in its certificate are `localhost` and `koppeltaal.example`.
pub(crate) async fn server(demand_client_certificate: bool) -> (u16, Script) {
    let provider = Arc::new(crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let builder = builder.expect("versions");
    let builder = if demand_client_certificate {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(AUTHORITY).expect("PEM")).expect("an authority");
        let verifier =
            WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().expect("a verifier");
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let chain = vec![CertificateDer::from_pem_slice(SERVER).expect("PEM")];
    let key = PrivateKeyDer::from_pem_slice(SERVER_KEY).expect("PEM");
    let acceptor =
        TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).expect("a configuration")));
    let script = Script::new([json(fixture("bundles/search-empty.json"))]);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let serve = {
        let script = script.clone();
        async move {
            while let Ok((socket, _)) = listener.accept().await {
                if let Ok(socket) = acceptor.accept(socket).await {
                    script.clone().serve(0, socket).await;
                }
            }
        }
    };
    tokio::spawn(serve);
    (port, script)
}

fn client(url: &str) -> ClientBuilder {
    Client::builder(url).retry(RetryPolicy::never()).root_certificates_pem(AUTHORITY)
}

async fn tls_failure(client: ClientBuilder) {
    let error = client.build().expect("a client").send(&care_plan()).await.expect_err("no trust");
    assert!(matches!(error, Error::Unreachable { reason: UnreachableReason::Tls, .. }), "{error:?}");
    assert!(!error.is_retryable(), "trying again does not mend a certificate");
}

#[tokio::test]
async fn an_authority_of_the_application_is_trusted() {
    let (port, script) = server(false).await;
    let client = client(&format!("https://localhost:{port}")).build().expect("a client");
    assert_eq!(client.claim().await.expect("an answer"), None);
    assert_eq!(script.asked().len(), 1);
}

#[tokio::test]
async fn certificates_for_another_name_are_not_trusted() {
    let (port, script) = server(false).await;
    tls_failure(client(&format!("https://127.0.0.1:{port}"))).await;
    assert!(script.asked().is_empty());
}

#[tokio::test]
async fn unknown_authorities_are_not_trusted() {
    let (port, script) = server(false).await;
    // The client's certificate stands in for some other authority: without any, a machine without a
    // certificate store could not build a client.
    let client = Client::builder(&format!("https://localhost:{port}")).retry(RetryPolicy::never());
    tls_failure(client.root_certificates_pem(CLIENT)).await;
    assert!(script.asked().is_empty());
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_a_tls_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.expect("a client that listens");
    });
    tls_failure(client(&format!("https://localhost:{port}"))).await;
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_a_server_that_asks() {
    let (port, _) = server(true).await;
    let url = format!("https://localhost:{port}");
    let with = client(&url).client_certificate_pem(CLIENT, CLIENT_KEY).build().expect("a client");
    assert_eq!(with.claim().await.expect("an answer"), None);

    let (port, script) = server(true).await;
    let without = client(&format!("https://localhost:{port}")).build().expect("a client");
    without.claim().await.expect_err("no certificate");
    assert!(script.asked().is_empty());
}

#[test]
fn bad_certificates_are_refused_before_anything_is_sent() {
    let url = "https://localhost";
    for builder in [
        Client::builder(url).root_certificates_pem(b"nothing"),
        Client::builder(url).client_certificate_pem(CLIENT, b"nothing"),
        Client::builder(url).client_certificate_pem(CLIENT_KEY, CLIENT),
    ] {
        let error = builder.build().expect_err("no certificate");
        assert!(matches!(error, BuildError::Certificate(_)), "{error:?}");
    }
}
