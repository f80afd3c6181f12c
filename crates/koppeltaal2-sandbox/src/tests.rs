//! Tests of the FHIR interface over a real socket, with tokens that say what they allow.

mod audit;
mod common;
mod load;
mod notifications;
mod permissions;
mod rest;
mod searches;
