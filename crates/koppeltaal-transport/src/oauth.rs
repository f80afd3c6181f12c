//! Launching users into applications, and the tokens of their sessions (OAuth 2, after SMART on FHIR).
//!
//! Written here and not taken from the `oauth2` crate: what Koppeltaal adds (launches, activation codes, a code as JSON,
//! `patient` and `domain` in the reply, `launch:ID` in the scope) is most of it; that crate keeps secrets in plain
//! strings, and would bring second versions of sha2, rand, base64 and thiserror.

pub(crate) mod authorize;
pub(crate) mod error;
pub(crate) mod launch;
pub(crate) mod session;
pub(crate) mod token;
pub(crate) mod tokens;
