//! The `Connector` over sockets, against a sandbox.

mod check;
mod definitions;
mod deliveries;
mod formats;
mod forward;
mod guide;
mod launch;
mod relearn;
mod send;
mod worker;
mod worker_faults;
mod worker_stop;
mod world;
