//! The client against the sandbox, over real sockets: each operation in both formats, as an application uses it.

mod definitions;
mod launch;
mod mailbox;
mod queue;
mod storage;
mod world;
