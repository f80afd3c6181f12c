//! The `koppeltaal` command, run as a program.

mod arguments;
mod convert;
mod demo;
#[cfg(target_os = "linux")]
#[path = "../../../koppeltaal-sandbox/tests/common/disk.rs"]
mod disk;
mod failures;
#[cfg(unix)]
mod files;
mod folders;
#[cfg(unix)]
mod follow;
#[cfg(unix)]
#[path = "../../../koppeltaal-transport/tests/support/forward_proxy.rs"]
mod forward_proxy;
mod messages;
mod new;
mod operator;
mod outbox;
mod pages;
#[cfg(unix)]
mod proxy;
mod readme;
mod remote;
mod sandbox;
mod support;
mod v2;
mod validate;
