//! Launching users into applications, and the tokens of their sessions (OAuth 2, after SMART on FHIR).
//!
//! The `oauth2` crate is not used. It would save little, since most of this is what Koppeltaal adds:
//! launches, activation codes, a code as JSON, `patient` and `domain` in the reply, `launch:ID` in the scope.
//! It also keeps secrets in plain strings, and would bring second versions of sha2, rand, base64 and
//! thiserror.

pub(crate) mod authorize;
pub(crate) mod client_authentication;
mod description;
pub(crate) mod error;
pub(crate) mod launch;
pub(crate) mod members;
pub(crate) mod session;
pub(crate) mod single_flight;
pub(crate) mod token;
pub(crate) mod tokens;
