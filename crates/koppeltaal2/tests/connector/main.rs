//! The connector over real sockets, against a small server whose answers each test chooses.

mod changes;
mod discovery;
mod launch;
mod resources;
mod retries;
mod sandbox;
mod search;
#[path = "../support/server.rs"]
mod server;
mod webhook;
