#![doc = include_str!("../README.md")]

mod carried;
mod compose;
mod config;
mod definition;
mod faults;
mod http;
mod hub;
mod links;
mod mailbox;
mod oauth;
mod sandbox;
mod server;
mod storage;
mod store;
mod webhook;

pub use config::{
    Application, ConfigError, ConfiguredDefinition, Fault, FaultKind, Instance, Lifetimes, Limits, Push,
    SandboxConfig, Webhook,
};
pub use sandbox::{Sandbox, StartError};
pub use store::StoreError;
