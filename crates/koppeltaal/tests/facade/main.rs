//! The `Connector` over sockets, against a sandbox.

mod check;
mod deliveries;
mod guide;
mod launch;
mod relearn;
mod send;
mod worker;
mod worker_faults;
mod worker_stop;
mod world;
