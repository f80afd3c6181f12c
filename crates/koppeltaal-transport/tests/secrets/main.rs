//! What a session leaves in logs. In a process of its own: `tracing` remembers for the whole process which places nobody
//! listened to when they were first reached, and tests beside this one reach them unheard.

mod log;
#[allow(dead_code, reason = "the other tests use the rest of it")]
#[path = "../it/server.rs"]
mod server;
mod session;
