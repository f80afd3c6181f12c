//! The `koppeltaal` command, run as a program.

mod convert;
mod demo;
#[cfg(unix)]
mod files;
mod pages;
#[cfg(unix)]
mod proxy;
mod readme;
mod remote;
mod sandbox;
mod support;
mod validate;
