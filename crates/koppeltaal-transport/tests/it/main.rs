//! The client against small servers made of bytes, over real sockets.

mod failures;
mod launch;
mod network;
mod operations;
mod proxy;
mod retries;
mod search;
mod server;
mod session;
mod storage;
mod tls;
