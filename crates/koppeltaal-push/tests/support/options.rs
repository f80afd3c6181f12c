//! The client and the options of a hub connection in tests, with short times.

use std::time::Duration;

use koppeltaal_push::{
    ConnectionState, ConnectionStatus, HubConnection, HubConnectionBuilder, KOPPELTAAL_HUB,
};
use koppeltaal_transport::{Client, ClientBuilder, Credentials};
use tokio::sync::watch;

/// Longer than anything takes, so that what hangs fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const SHORT: Duration = Duration::from_millis(50);

/// The user name and password of the game, with which most tests log in.
pub(crate) fn credentials() -> Credentials {
    Credentials::basic("game", "Geheim1").expect("credentials")
}

/// A client that logs in as the game.
pub(crate) fn client(builder: ClientBuilder) -> Client {
    builder.credentials(credentials()).build().expect("a client")
}

/// Options with short times.
pub(crate) fn options(client: &Client) -> HubConnectionBuilder {
    HubConnection::builder(client, KOPPELTAAL_HUB)
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

/// Waits until there is a connection, after at least so many were made.
pub(crate) async fn until_connections(status: &mut watch::Receiver<ConnectionStatus>, connections: u64) {
    until(status, |status| status.state == ConnectionState::Connected && status.connections >= connections)
        .await;
}
