//! [`RegisteredApplication`]: an application of a running sandbox, and [`Applications`], all of them.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use koppeltaal_smart::{
    Algorithm, HttpClient, Jwk, Jwks, JwksClient, KeyError, KeyPair, KeySource, Scopes, Signer as _, Url,
};
use uuid::Uuid;

use crate::config::{Application, ConfigError, OWN_IDENTITY_PROVIDER, Role, SandboxConfig, UserType};
use crate::permissions;

/// An application of a running sandbox. Cheap to clone.
#[derive(Clone)]
pub struct RegisteredApplication {
    shared: Arc<Shared>,
}

struct Shared {
    configured: Application,
    client_id: String,
    device: String,
    scopes: Arc<Scopes>,
    keys: Arc<dyn KeySource>,
    /// The key that the sandbox made, with its text.
    made: Option<(Arc<KeyPair>, String)>,
}

impl RegisteredApplication {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.shared.configured.name
    }

    /// Its `client_id`.
    pub fn client_id(&self) -> &str {
        &self.shared.client_id
    }

    /// Its Device, `Device/<client_id>`: the audience of launches, and the resource-origin of what it
    /// creates.
    pub fn device(&self) -> &str {
        &self.shared.device
    }

    /// Its role.
    pub fn role(&self) -> Role {
        self.shared.configured.role
    }

    /// What its access tokens allow.
    pub fn scopes(&self) -> &Scopes {
        &self.shared.scopes
    }

    /// Where browsers may be sent back to.
    pub fn redirect_uris(&self) -> &[String] {
        &self.shared.configured.redirect_uris
    }

    /// The key that the sandbox made for it; `None` if it was registered with one of its own.
    pub fn made_key(&self) -> Option<&Arc<KeyPair>> {
        self.shared.made.as_ref().map(|(key, _)| key)
    }

    /// The key that the sandbox made for it.
    ///
    /// # Panics
    ///
    /// The application was registered with a key of its own, which the sandbox does not have:
    /// [`made_key`](Self::made_key) asks.
    pub fn key(&self) -> Arc<KeyPair> {
        match self.made_key() {
            Some(key) => Arc::clone(key),
            None => panic!("the application {:?} was registered with a key of its own", self.name()),
        }
    }

    /// The private key that the sandbox made for it, in PEM (PKCS#8), for a program that runs elsewhere.
    /// `None` if it was registered with a key of its own. It is worth nothing outside this sandbox.
    pub fn private_key_pem(&self) -> Option<&str> {
        self.shared.made.as_ref().map(|(_, pem)| pem.as_str())
    }

    /// The public keys that check what it signs.
    pub(crate) fn keys(&self) -> &Arc<dyn KeySource> {
        &self.shared.keys
    }

    pub(crate) fn shared_scopes(&self) -> &Arc<Scopes> {
        &self.shared.scopes
    }

    pub(crate) fn is_approved(&self) -> bool {
        self.shared.configured.approved
    }

    /// The name of the identity provider for such a user: the one that the launch names, if it is registered
    /// for the application, else the first of these, else the sandbox's own.
    pub(crate) fn identity_provider(&self, user: UserType, hint: Option<&str>) -> &str {
        let registered = self.shared.configured.identity_providers.get(&user).map_or(&[][..], Vec::as_slice);
        let hinted = registered.iter().find(|name| Some(name.as_str()) == hint);
        hinted.or(registered.first()).map_or(OWN_IDENTITY_PROVIDER, String::as_str)
    }
}

impl fmt::Debug for RegisteredApplication {
    /// Leaves the private key out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisteredApplication")
            .field("name", &self.name())
            .field("client_id", &self.client_id())
            .field("role", &self.role())
            .finish_non_exhaustive()
    }
}

/// All applications of a sandbox, in the order of its configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Applications {
    all: Vec<RegisteredApplication>,
    by_client_id: HashMap<String, usize>,
}

/// An application cannot be registered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegistrationError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl Applications {
    /// Registers the applications of a configuration.
    pub(crate) fn register(config: &SandboxConfig, http: &HttpClient) -> Result<Self, RegistrationError> {
        let client_id = |configured: &Application| {
            configured.client_id.clone().unwrap_or_else(|| Uuid::new_v4().to_string())
        };
        let ids: Vec<String> = config.applications.iter().map(client_id).collect();
        let device_of = |name: &String| {
            let place = config.applications.iter().position(|other| other.name == *name)?;
            Some(device(&ids[place]))
        };
        let mut registered = Self::default();
        for (configured, client_id) in config.applications.iter().zip(&ids) {
            let device = device(client_id);
            let granted: Vec<String> = configured.granted.iter().filter_map(device_of).collect();
            let scopes = permissions::scopes(configured.role, &configured.permissions, &device, &granted);
            let scopes = Arc::new(scopes);
            let (keys, made) = keys(configured, http)?;
            let configured = configured.clone();
            let shared = Shared { configured, client_id: client_id.clone(), device, scopes, keys, made };
            registered.by_client_id.insert(client_id.clone(), registered.all.len());
            registered.all.push(RegisteredApplication { shared: Arc::new(shared) });
        }
        Ok(registered)
    }

    pub(crate) fn all(&self) -> &[RegisteredApplication] {
        &self.all
    }

    /// The application with this `client_id`.
    pub(crate) fn by_client_id(&self, client_id: &str) -> Option<&RegisteredApplication> {
        self.by_client_id.get(client_id).and_then(|place| self.all.get(*place))
    }

    /// The application with this name.
    pub(crate) fn named(&self, name: &str) -> Option<&RegisteredApplication> {
        self.all.iter().find(|application| application.name() == name)
    }
}

/// The Device of a client.
fn device(client_id: &str) -> String {
    format!("Device/{client_id}")
}

type Keys = (Arc<dyn KeySource>, Option<(Arc<KeyPair>, String)>);

/// Where the keys of an application come from, and the key that is made if it has none.
fn keys(configured: &Application, http: &HttpClient) -> Result<Keys, RegistrationError> {
    if let Some(text) = &configured.jwks_url {
        let url = Url::parse(text).map_err(|_| ConfigError::Url(text.clone()))?;
        return Ok((Arc::new(JwksClient::new(http.clone(), url)), None));
    }
    if let Some(pem) = &configured.public_key {
        let key = Jwk::from_pem(pem.as_bytes())
            .map_err(|error| ConfigError::PublicKey { application: configured.name.clone(), error })?;
        return Ok((Arc::new(AnyKid(key)), None));
    }
    if !configured.jwks.is_empty() {
        return Ok((Arc::new(Jwks::new(configured.jwks.clone())), None));
    }
    let (pair, pem) = KeyPair::generate_with_pem(Algorithm::Es384)?;
    let keys = Jwks::new([pair.public_key().clone()]);
    Ok((Arc::new(keys), Some((Arc::new(pair), pem.to_string()))))
}

/// The one key of an application that registered it as PEM, where it has no `kid`: tokens may name any.
struct AnyKid(Jwk);

impl KeySource for AnyKid {
    fn keys_for<'a>(
        &'a self,
        header: &'a koppeltaal_smart::JwtHeader,
    ) -> koppeltaal_smart::BoxFuture<'a, Result<Vec<Jwk>, koppeltaal_smart::KeySourceError>> {
        let fits = self.0.is_for(header.algorithm);
        Box::pin(std::future::ready(Ok(fits.then(|| self.0.clone()).into_iter().collect())))
    }
}
