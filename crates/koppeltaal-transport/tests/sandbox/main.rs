//! The client against the sandbox, over real sockets: each operation in both formats, as an application uses it.

mod definitions;
mod mailbox;
mod queue;
mod world;
