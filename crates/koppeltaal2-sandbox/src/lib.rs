#![doc = include_str!("../README.md")]

// The FHIR interface.
mod audit;
mod caller;
mod domain;
mod fhir;
mod moment;
mod notification;
mod resources;
mod search;
mod store;
mod trace;

// The applications, the authorization service, the identity provider.
mod application;
mod authorization;
mod browser;
mod config;
mod expiring;
mod form;
mod identity_provider;
mod page;
mod permissions;
mod person;
mod refusal;
mod urls;

// The running domain.
mod home;
mod sandbox;
mod seed;
mod server;

pub use application::RegisteredApplication;
pub use browser::LogInError;
pub use config::{
    Application, ConfigError, IdentityProvider, Lifetimes, Reach, Role, SandboxConfig, Switches, UserType,
};
pub use refusal::RefusedRequest;
pub use sandbox::{Sandbox, StartError};

#[cfg(test)]
mod tests;
