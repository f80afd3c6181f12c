//! The `koppeltaal` command, run as a program.

mod convert;
mod demo;
mod readme;
mod sandbox;
mod support;
mod validate;
