//! [`IdentityProviderService`]: what the endpoints of the sandbox's own identity provider share.

use std::sync::Arc;

use koppeltaal_smart::{Jwks, KeyPair, MemoryReplayGuard, Signer as _};

use crate::config::SandboxConfig;
use crate::expiring::ExpiringMap;
use crate::refusal::Refusals;
use crate::store::Store;
use crate::urls::Urls;

/// The sandbox's own identity provider. Its one client is the authorization service. Clones share everything.
#[derive(Clone)]
pub(crate) struct IdentityProviderService {
    pub(crate) shared: Arc<Shared>,
}

/// The state of the provider.
pub(crate) struct Shared {
    pub(crate) urls: Urls,
    pub(crate) key: KeyPair,
    pub(crate) keys: Jwks,
    pub(crate) store: Store,
    pub(crate) refusals: Refusals,
    pub(crate) login_claim: String,
    /// The keys of the authorization service.
    pub(crate) client_keys: Jwks,
    pub(crate) assertions: MemoryReplayGuard,
    /// Users who look at the page, by the secret of the page.
    pub(crate) sessions: ExpiringMap<Arc<LoginRequest>>,
    pub(crate) codes: ExpiringMap<LoggedIn>,
}

/// What the authorization service asked for.
pub(crate) struct LoginRequest {
    pub(crate) state: String,
    pub(crate) nonce: Option<String>,
    pub(crate) challenge: String,
    /// Who was launched, to be shown first.
    pub(crate) hint: Option<String>,
}

/// Somebody who was chosen, until the code is exchanged.
#[derive(Clone)]
pub(crate) struct LoggedIn {
    pub(crate) request: Arc<LoginRequest>,
    /// `Patient/1`.
    pub(crate) person: String,
}

/// How many people may look at the page at a time.
const CAPACITY: usize = 10_000;

impl IdentityProviderService {
    pub(crate) fn new(
        config: &SandboxConfig,
        urls: &Urls,
        key: KeyPair,
        client_keys: Jwks,
        store: Store,
        refusals: Refusals,
    ) -> Self {
        let shared = Shared {
            urls: urls.clone(),
            keys: Jwks::new([key.public_key().clone()]),
            key,
            store,
            refusals,
            login_claim: config.login_claim.clone(),
            client_keys,
            assertions: MemoryReplayGuard::default(),
            sessions: ExpiringMap::new(CAPACITY, config.lifetimes.login),
            codes: ExpiringMap::new(CAPACITY, config.lifetimes.code),
        };
        Self { shared: Arc::new(shared) }
    }
}
