//! The client over real sockets: against small servers that send given bytes, and against the sandbox. Tests
//! that need a process of their own, for its log or its metrics, are beside this folder.

mod failures;
#[path = "../support/forward_proxy.rs"]
mod forward_proxy;
mod launch;
mod network;
mod operations;
mod proxy;
mod retries;
mod sandbox;
mod search;
mod server;
mod session;
mod stopped_clock;
mod storage;
mod tls;
