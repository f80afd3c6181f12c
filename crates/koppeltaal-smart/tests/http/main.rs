//! The client against servers on sockets of this machine.

mod keys;
mod launch;
mod server;
mod tokens;

use std::sync::Arc;

use koppeltaal_smart::{Algorithm, HttpClient, KeyPair, SmartClient, SmartConfiguration};
use serde_json::json;

use crate::server::Server;

fn key() -> KeyPair {
    KeyPair::generate(Algorithm::Es384).expect("a key")
}

fn http() -> HttpClient {
    HttpClient::new("module/1.0").expect("a client")
}

/// What a server at this address says about itself.
fn configuration(server: &Server) -> SmartConfiguration {
    let at = |path: &str| format!("{}{path}", server.url());
    let document = json!({
        "issuer": at("/"),
        "jwks_uri": at("/jwks"),
        "token_endpoint": at("/token"),
        "introspection_endpoint": at("/introspect"),
    });
    SmartConfiguration::from_json(document.to_string().as_bytes()).expect("a document")
}

fn module(server: &Server, key: KeyPair) -> SmartClient {
    SmartClient::new(http(), configuration(server), "module", Arc::new(key))
}
