#![doc = include_str!("../README.md")]

// The FHIR interface.
mod caller;
mod moment;
mod resources;
mod search;
mod store;
