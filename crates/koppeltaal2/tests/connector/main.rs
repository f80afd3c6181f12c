//! The connector over real sockets, against a small server whose answers each test chooses.

mod discovery;
mod resources;
mod retries;
mod search;
mod server;
