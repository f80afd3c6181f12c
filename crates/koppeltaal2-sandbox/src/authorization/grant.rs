//! What the authorization service remembers between the steps of a launch.

use std::sync::Arc;

use koppeltaal_smart::HtiClaims;
use serde_json::{Map, Value};

use crate::application::RegisteredApplication;
use crate::authorization::provider::Provider;

/// An authorization request that passed all checks.
pub(crate) struct Launched {
    pub(crate) application: RegisteredApplication,
    pub(crate) redirect_uri: String,
    pub(crate) state: String,
    pub(crate) scope: String,
    /// What the `id_token` repeats, if the client asked for it.
    pub(crate) nonce: Option<String>,
    /// The challenge of PKCE, method S256.
    pub(crate) challenge: Option<String>,
    pub(crate) launch: HtiClaims,
    /// All that the HTI token says.
    pub(crate) claims: Map<String, Value>,
}

/// A user who is at the identity provider.
#[derive(Clone)]
pub(crate) struct Login {
    pub(crate) launched: Arc<Launched>,
    pub(crate) provider: Arc<Provider>,
    pub(crate) nonce: String,
    pub(crate) code_verifier: String,
}
