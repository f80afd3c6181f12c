//! [`AuthorizationService`]: what its endpoints share.

use std::collections::HashMap;
use std::sync::Arc;

use koppeltaal_smart::{HttpClient, Jwks, KeyPair, MemoryReplayGuard, Signer as _};
use uuid::Uuid;

use crate::application::Applications;
use crate::authorization::checked_tokens::CheckedTokens;
use crate::authorization::grant::{Launched, Login};
use crate::authorization::provider::Provider;
use crate::config::{Lifetimes, OWN_IDENTITY_PROVIDER, SandboxConfig, Switches};
use crate::expiring::ExpiringMap;
use crate::refusal::Refusals;
use crate::store::Store;
use crate::urls::Urls;

/// The authorization service of the domain. Clones share everything.
#[derive(Clone)]
pub(crate) struct AuthorizationService {
    pub(crate) shared: Arc<Shared>,
}

/// The state of the service.
pub(crate) struct Shared {
    pub(crate) urls: Urls,
    pub(crate) key: Arc<KeyPair>,
    pub(crate) keys: Jwks,
    pub(crate) applications: Applications,
    pub(crate) store: Store,
    pub(crate) login_claim: String,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) switches: Switches,
    pub(crate) refusals: Refusals,
    /// The identity providers by name.
    pub(crate) providers: HashMap<String, Arc<Provider>>,
    /// The `jti` of client assertions.
    pub(crate) assertions: MemoryReplayGuard,
    /// The `jti` of launches, which introspection and authorization spend alike.
    pub(crate) launches: Arc<MemoryReplayGuard>,
    /// Users who are at an identity provider, by `state`.
    pub(crate) logins: ExpiringMap<Login>,
    /// Codes that can be exchanged.
    pub(crate) codes: ExpiringMap<Arc<Launched>>,
    pub(crate) checked: CheckedTokens,
}

/// How many logins there may be at a time, and how many codes. Each takes some kilobytes.
const CAPACITY: usize = 10_000;

impl AuthorizationService {
    pub(crate) fn new(
        config: &SandboxConfig,
        urls: &Urls,
        key: &Arc<KeyPair>,
        http: &HttpClient,
        applications: Applications,
        store: Store,
        refusals: Refusals,
    ) -> Self {
        let mut providers: HashMap<String, Arc<Provider>> = config
            .identity_providers
            .iter()
            .map(|configured| (configured.name.clone(), Arc::new(Provider::new(configured, urls, http, key))))
            .collect();
        providers.insert(OWN_IDENTITY_PROVIDER.to_owned(), Arc::new(Provider::own(urls, http, key)));
        let lifetimes = config.lifetimes;
        let shared = Shared {
            urls: urls.clone(),
            key: Arc::clone(key),
            keys: Jwks::new([key.public_key().clone()]),
            applications,
            store,
            login_claim: config.login_claim.clone(),
            lifetimes,
            switches: config.switches,
            refusals,
            providers,
            assertions: MemoryReplayGuard::default(),
            launches: Arc::new(MemoryReplayGuard::default()),
            logins: ExpiringMap::new(CAPACITY, lifetimes.login),
            codes: ExpiringMap::new(CAPACITY, lifetimes.code),
            checked: CheckedTokens::new(lifetimes.access_token),
        };
        Self { shared: Arc::new(shared) }
    }
}

/// A secret that nobody guesses: 64 hexadecimal digits, of which 244 bits are random. Long enough for a
/// verifier of PKCE.
pub(crate) fn secret() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}
