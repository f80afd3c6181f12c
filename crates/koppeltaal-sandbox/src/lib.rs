#![doc = include_str!("../README.md")]

mod compose;
mod config;
mod definition;
mod http;
mod links;
mod mailbox;
mod oauth;
mod sandbox;
mod server;
mod storage;
mod store;

pub use config::{
    Application, ConfigError, ConfiguredDefinition, Instance, Lifetimes, Limits, SandboxConfig,
};
pub use sandbox::{Sandbox, StartError};
pub use store::StoreError;
