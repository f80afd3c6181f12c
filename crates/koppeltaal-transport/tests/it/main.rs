//! The client against small servers made of bytes, over real sockets.

mod failures;
mod network;
mod operations;
mod retries;
mod search;
mod server;
mod tls;
