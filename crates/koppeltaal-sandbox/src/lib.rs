#![doc = include_str!("../README.md")]

mod app;
mod browse;
mod clock;
mod config;
mod definition;
mod faults;
mod http;
mod hub;
mod instance;
mod links;
mod mailbox;
mod oauth;
#[cfg_attr(not(feature = "data-file"), allow(dead_code, reason = "nothing is written without a file"))]
mod persistence;
mod queued_message;
mod refusal;
mod refusals;
mod representation;
mod sandbox;
mod server;
mod storage;
mod webhook;

pub use browse::BrowseError;
pub use config::{
    Application, ConfigError, Fault, FaultKind, Instance, Lifetimes, Limits, Push, SandboxConfig, Webhook,
};
pub use persistence::DataFileError;
pub use queued_message::QueuedMessage;
pub use refusals::RefusedRequest;
pub use sandbox::{Sandbox, StartError};
