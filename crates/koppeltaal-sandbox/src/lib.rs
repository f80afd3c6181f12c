#![doc = include_str!("../README.md")]

mod compose;
mod config;
mod definition;
mod http;
mod links;
mod mailbox;
mod sandbox;
mod server;

pub use config::{ConfigError, ConfiguredDefinition, Instance, Limits, SandboxConfig};
pub use sandbox::{Sandbox, StartError};
