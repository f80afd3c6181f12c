//! The parts that speak HTTP: token requests, introspection, discovery, other applications' keys.

pub(crate) mod access_token;
pub(crate) mod access_tokens;
pub(crate) mod error;
pub(crate) mod http_client;
pub(crate) mod introspection;
pub(crate) mod jwks_cache;
pub(crate) mod jwks_client;
pub(crate) mod launch_result;
pub(crate) mod reply;
pub(crate) mod smart_client;
mod tls;
