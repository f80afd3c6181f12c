//! The `koppeltaal` command, run as a program.

mod arguments;
mod convert;
mod demo;
mod failures;
#[cfg(unix)]
mod files;
mod folders;
#[cfg(unix)]
#[path = "../../../koppeltaal-transport/tests/support/forward_proxy.rs"]
mod forward_proxy;
mod outbox;
mod pages;
#[cfg(unix)]
mod proxy;
mod readme;
mod remote;
mod sandbox;
mod support;
mod validate;
mod work;
