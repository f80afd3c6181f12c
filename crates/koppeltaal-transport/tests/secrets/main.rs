//! What a session leaves in logs. In a process of its own ([`log`] says why).

mod log;
#[allow(dead_code, reason = "the other tests use the rest of it")]
#[path = "../it/server.rs"]
mod server;
mod session;
