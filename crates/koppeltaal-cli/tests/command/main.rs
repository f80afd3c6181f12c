//! The `koppeltaal` command, run as a program.

mod convert;
mod demo;
mod failures;
#[cfg(unix)]
mod files;
#[cfg(unix)]
#[path = "../../../koppeltaal-transport/tests/support/forward_proxy.rs"]
mod forward_proxy;
mod pages;
#[cfg(unix)]
mod proxy;
mod readme;
mod remote;
mod sandbox;
mod support;
mod validate;
