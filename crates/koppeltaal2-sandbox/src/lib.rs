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
#[cfg(test)]
mod tests;
mod trace;
