//! The `koppeltaal` command, run as a program.

mod convert;
mod demo;
mod readme;
mod remote;
mod sandbox;
mod support;
mod validate;
