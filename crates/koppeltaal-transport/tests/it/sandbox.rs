//! The client against the sandbox: each operation in both formats, as an application uses it.

mod definitions;
mod launch;
mod mailbox;
mod queue;
mod storage;
mod world;
