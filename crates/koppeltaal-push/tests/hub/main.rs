//! The hub connection over real sockets, against a scripted server and against the sandbox.

mod connection;
#[path = "../../../koppeltaal-transport/tests/support/forward_proxy.rs"]
mod forward_proxy;
mod frames;
mod plan;
mod promise;
mod proxy;
mod sandbox;
mod server;
mod soak;
mod stall;
mod start;
mod subscription;
mod tls;

use std::time::Duration;

use koppeltaal_push::{
    ConnectionState, ConnectionStatus, HubConnection, HubConnectionBuilder, KOPPELTAAL_HUB,
};
use koppeltaal_transport::{Client, Credentials};
use tokio::sync::watch;

use server::Server;

/// Longer than anything takes, so that what hangs fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const SHORT: Duration = Duration::from_millis(50);

/// Options with short times.
pub(crate) fn options(server: &Server) -> HubConnectionBuilder {
    let credentials = Credentials::basic("game", "Geheim1").expect("credentials");
    let client = Client::builder(&server.url()).credentials(credentials).build().expect("a client");
    HubConnection::builder(&client, KOPPELTAAL_HUB)
        .request_timeout(Duration::from_secs(1))
        .invoke_timeout(Duration::from_secs(1))
        .reconnect_delay(SHORT)
        .restart_delay(SHORT, SHORT * 4)
}

/// Waits until the status is one of these.
pub(crate) async fn until(
    status: &mut watch::Receiver<ConnectionStatus>,
    is_it: impl Fn(&ConnectionStatus) -> bool,
) -> ConnectionStatus {
    let found = tokio::time::timeout(PATIENCE, status.wait_for(|status| is_it(status))).await;
    found.expect("in time").expect("a connection").clone()
}

pub(crate) async fn until_connections(status: &mut watch::Receiver<ConnectionStatus>, connections: u64) {
    until(status, |status| status.state == ConnectionState::Connected && status.connections >= connections)
        .await;
}
