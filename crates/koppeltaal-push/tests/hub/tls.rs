//! The hub over TLS: the same trust as the client's, on sockets and streams alike.

use std::net::SocketAddr;
use std::sync::Arc;

use koppeltaal_push::{ConnectError, HubConnection, Transport};
use koppeltaal_transport::Client;
use serde_json::json;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

use crate::client;
use crate::server::{SERVER_2_4, Server};

pub(crate) const AUTHORITY: &[u8] = include_bytes!("../../../koppeltaal-transport/tests/tls/authority.pem");
const SERVER: &[u8] = include_bytes!("../../../koppeltaal-transport/tests/tls/server.pem");
const SERVER_KEY: &[u8] = include_bytes!("../../../koppeltaal-transport/tests/tls/server.key");

/// Terminates TLS in front of a server, and returns the port. The names in the certificate are `localhost`
/// and `koppeltaal.example`.
pub(crate) async fn tls(to: SocketAddr) -> u16 {
    let provider = Arc::new(crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let chain = vec![CertificateDer::from_pem_slice(SERVER).expect("PEM")];
    let key = PrivateKeyDer::from_pem_slice(SERVER_KEY).expect("PEM");
    let configuration = builder.expect("versions").with_no_client_auth().with_single_cert(chain, key);
    let acceptor = TlsAcceptor::from(Arc::new(configuration.expect("a configuration")));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((from, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let (Ok(mut from), Ok(mut to)) =
                    (acceptor.accept(from).await, TcpStream::connect(to).await)
                {
                    // Even after an error, so that the other side sees the end.
                    let _ = copy_bidirectional(&mut from, &mut to).await;
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn every_transport_works_over_tls_and_only_with_trust() {
    let server = Server::start(SERVER_2_4).await;
    let url = format!("https://localhost:{}", tls(server.address).await);
    let trusting = client(Client::builder(&url).root_certificates_pem(AUTHORITY));
    for transport in Transport::ALL {
        let connection = HubConnection::builder(&trusting, "KoppeltaalHub")
            .transport(transport)
            .start()
            .await
            .expect("started");
        let echoed = connection.invoke("Echo", vec![json!(1)]).await.expect("a result");
        assert_eq!(echoed, json!([1]), "{transport}");
    }
    let distrusting = client(Client::builder(&url));
    let seen = server.seen().len();
    let error = HubConnection::builder(&distrusting, "KoppeltaalHub").start().await.expect_err("no trust");
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error:?}");
    // Goodbyes of the dropped connections may still come in.
    assert!(server.seen()[seen..].iter().all(|seen| seen.endpoint == "abort"));
}
