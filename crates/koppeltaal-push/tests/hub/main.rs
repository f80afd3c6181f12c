//! The hub connection over real sockets, against a scripted server and against the sandbox.

mod connection;
#[path = "../../../koppeltaal-transport/tests/support/forward_proxy.rs"]
mod forward_proxy;
mod frames;
#[path = "../support/options.rs"]
mod options;
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

use koppeltaal_push::HubConnectionBuilder;
use koppeltaal_transport::Client;

use options::{PATIENCE, SHORT, client, until, until_connections};
use server::Server;

/// Options with short times, for a connection to the scripted server.
fn options(server: &Server) -> HubConnectionBuilder {
    options::options(&client(Client::builder(&server.url())))
}
