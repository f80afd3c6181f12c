//! [`AuthorizationService`]: what its endpoints share.

use std::collections::HashMap;
use std::sync::Arc;

use koppeltaal_smart::{HttpClient, Jwks, KeyPair, MemoryReplayGuard, Signer as _};
use uuid::Uuid;

use crate::application::Applications;
use crate::audit::Audit;
use crate::authorization::checked_tokens::CheckedTokens;
use crate::authorization::grant::{Launched, Login};
use crate::authorization::provider::Provider;
use crate::config::{Lifetimes, OWN_IDENTITY_PROVIDER, SandboxConfig, Switches};
use crate::domain::Domain;
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
    pub(crate) domain: Arc<Domain>,
    /// The base of all addresses.
    pub(crate) base: String,
    pub(crate) key: Arc<KeyPair>,
    pub(crate) keys: Jwks,
    pub(crate) applications: Applications,
    pub(crate) store: Store,
    pub(crate) audit: Audit,
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

/// What the service is made of.
pub(crate) struct ServiceParts {
    pub(crate) urls: Urls,
    pub(crate) domain: Arc<Domain>,
    pub(crate) key: Arc<KeyPair>,
    pub(crate) http: HttpClient,
    pub(crate) applications: Applications,
    pub(crate) store: Store,
    pub(crate) audit: Audit,
    pub(crate) refusals: Refusals,
}

impl AuthorizationService {
    pub(crate) fn new(config: &SandboxConfig, parts: ServiceParts) -> Self {
        let ServiceParts { urls, domain, key, http, applications, store, audit, refusals } = parts;
        let configured = config.identity_providers.iter();
        let mut providers: HashMap<String, Arc<Provider>> = configured
            .map(|other| (other.name.clone(), Arc::new(Provider::new(other, &urls, &http, &key))))
            .collect();
        providers.insert(OWN_IDENTITY_PROVIDER.to_owned(), Arc::new(Provider::own(&urls, &http, &key)));
        let lifetimes = config.lifetimes;
        let shared = Shared {
            domain,
            base: urls.base,
            keys: Jwks::new([key.public_key().clone()]),
            key,
            applications,
            store,
            audit,
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
