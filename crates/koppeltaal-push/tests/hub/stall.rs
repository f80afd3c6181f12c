//! A network that goes silent: connections, idle ones included, stay open, but nothing comes over them any
//! more.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use koppeltaal_push::{ConnectionState, HubConnection, KOPPELTAAL_HUB, Transport};
use koppeltaal_transport::Client;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::server::{SERVER_2_4, Server};
use crate::{SHORT, client, until, until_connections};

/// A relay to a server. Connections from before the last stall carry nothing any more.
struct Relay {
    address: SocketAddr,
    /// Connections of earlier numbers are dead.
    stalls: Arc<AtomicU64>,
    /// Requests over dead connections.
    lost: Arc<AtomicU64>,
}

impl Relay {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stalls, lost) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (counter, losses) = (Arc::clone(&stalls), Arc::clone(&lost));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(server).await.expect("the server");
                let born = counter.load(Ordering::SeqCst);
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                for (mut from, mut to) in [(from_client, to_server), (from_server, to_client)] {
                    let (counter, losses) = (Arc::clone(&counter), Arc::clone(&losses));
                    tokio::spawn(async move {
                        let mut bytes = [0; 4096];
                        while let Ok(count @ 1..) = from.read(&mut bytes).await {
                            let is_dead = counter.load(Ordering::SeqCst) != born;
                            let is_request = bytes.starts_with(b"GET ") || bytes.starts_with(b"POST ");
                            if is_dead && is_request {
                                losses.fetch_add(1, Ordering::SeqCst);
                            }
                            if !is_dead && to.write_all(&bytes[..count]).await.is_err() {
                                break;
                            }
                        }
                    });
                }
            }
        });
        Self { address, stalls, lost }
    }

    fn stall(&self) {
        self.stalls.fetch_add(1, Ordering::SeqCst);
    }

    /// How many requests came over dead connections.
    fn lost_requests(&self) -> u64 {
        self.lost.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn after_a_silence_no_request_waits_for_a_connection_of_before() {
    for transport in Transport::ALL {
        let server = Server::start(SERVER_2_4).await;
        let relay = Relay::to(server.address).await;
        let client = client(Client::builder(&format!("http://{}", relay.address)));
        let connection = HubConnection::builder(&client, KOPPELTAAL_HUB)
            .transport(transport)
            .request_timeout(Duration::from_secs(10))
            .reconnect_delay(SHORT)
            .start()
            .await
            .expect("started");
        // This leaves some connections idle.
        let echo = || connection.invoke("Echo", vec![json!(1)]);
        let (first, second, third) = tokio::join!(echo(), echo(), echo());
        assert!(first.is_ok() && second.is_ok() && third.is_ok());
        tokio::time::sleep(Duration::from_millis(700)).await;
        let mut status = connection.status();
        relay.stall();
        until(&mut status, |status| status.state == ConnectionState::Reconnecting).await;
        let lost_before = relay.lost_requests();
        until_connections(&mut status, 2).await;
        assert_eq!(connection.invoke("Echo", vec![json!(2)]).await.expect("a result"), json!([2]));
        assert_eq!(relay.lost_requests(), lost_before, "{transport}");
    }
}
