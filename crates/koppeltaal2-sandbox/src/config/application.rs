//! [`Application`]: an application, as it is registered with the domain.

use koppeltaal_smart::Jwk;
use serde::Deserialize;

use super::ConfigError;
use super::identity_provider::{IdentityProviders, UserType, is_http_url};
use super::role::{Permission, Reach, Role};

/// An application of the domain: its name, its role, its keys, and where browsers may be sent back to.
///
/// Without a key of its own, the sandbox makes one for it when it starts
/// ([`RegisteredApplication::key`](crate::RegisteredApplication::key)).
///
/// ```
/// use koppeltaal2_sandbox::{Application, Role};
///
/// let game = Application::new("game")
///     .role(Role::Module)
///     .redirect_uri("http://127.0.0.1:8481/login")
///     .jwks_url("http://127.0.0.1:8481/keys/7d4a");
/// assert_eq!(game.name, "game");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Application {
    /// Its name, for people and for [`Sandbox::application`](crate::Sandbox::application); unique.
    pub name: String,
    /// Its `client_id`, which is the id of its Device too. A new UUID when it is left out.
    pub client_id: Option<String>,
    /// What it may do.
    #[serde(default)]
    pub role: Role,
    /// Where browsers may be sent back to; compared as text.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// Where its keys are.
    pub jwks_url: Option<String>,
    /// Its public key in PEM, in place of a JWKS.
    pub public_key: Option<String>,
    /// Whether the administration approved it. One that was not approved gets no token.
    #[serde(default = "yes")]
    pub approved: bool,
    /// Permissions beside those of the role.
    #[serde(default)]
    pub(crate) permissions: Vec<Permission>,
    /// The names of the applications whose resources GRANTED permissions reach.
    #[serde(default)]
    pub(crate) granted: Vec<String>,
    #[serde(default)]
    pub(crate) identity_providers: IdentityProviders,
    #[serde(skip)]
    pub(crate) jwks: Vec<Jwk>,
}

fn yes() -> bool {
    true
}

impl Application {
    /// An approved application without permissions, whose key the sandbox makes.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            client_id: None,
            role: Role::Custom,
            redirect_uris: Vec::new(),
            jwks_url: None,
            public_key: None,
            approved: true,
            permissions: Vec::new(),
            granted: Vec::new(),
            identity_providers: IdentityProviders::new(),
            jwks: Vec::new(),
        }
    }

    /// With this `client_id`. It is the id of a Device, so it has at most 64 letters, digits, `-` and `.`.
    #[must_use]
    pub fn client_id(self, client_id: impl Into<String>) -> Self {
        Self { client_id: Some(client_id.into()), ..self }
    }

    /// With this role.
    #[must_use]
    pub fn role(self, role: Role) -> Self {
        Self { role, ..self }
    }

    /// With one more page that browsers may be sent back to.
    #[must_use]
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uris.push(uri.into());
        self
    }

    /// With the keys at this URL, which the sandbox fetches as a real server does.
    #[must_use]
    pub fn jwks_url(self, url: impl Into<String>) -> Self {
        Self { jwks_url: Some(url.into()), ..self }
    }

    /// With this public key in PEM (`PUBLIC KEY`).
    #[must_use]
    pub fn public_key(self, pem: impl Into<String>) -> Self {
        Self { public_key: Some(pem.into()), ..self }
    }

    /// With one more public key.
    #[must_use]
    pub fn jwk(mut self, key: Jwk) -> Self {
        self.jwks.push(key);
        self
    }

    /// Approved by the administration, or waiting for it.
    #[must_use]
    pub fn approved(self, approved: bool) -> Self {
        Self { approved, ..self }
    }

    /// With one more permission beside those of the role. `letters` is a choice of `cruds`; `r` brings `s`.
    #[must_use]
    pub fn permission(
        mut self,
        resource_type: impl Into<String>,
        letters: impl Into<String>,
        reach: Reach,
    ) -> Self {
        let (resource_type, letters) = (resource_type.into(), letters.into());
        self.permissions.push(Permission { resource_type, letters, reach });
        self
    }

    /// Permissions of [`Reach::Granted`] reach the resources of the application with this name, too.
    #[must_use]
    pub fn granted(mut self, application: impl Into<String>) -> Self {
        self.granted.push(application.into());
        self
    }

    /// Users of this kind, when they are launched into the application, log in at the identity provider with
    /// this name. With several, `idp_hint` of the launch chooses, else the first is taken. Without any, it is
    /// the sandbox's own, `sandbox`.
    #[must_use]
    pub fn identity_provider(mut self, users: UserType, name: impl Into<String>) -> Self {
        self.identity_providers.entry(users).or_default().push(name.into());
        self
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.name.is_empty() {
            return Err(ConfigError::ApplicationName);
        }
        if let Some(id) = &self.client_id
            && !is_fhir_id(id)
        {
            return Err(ConfigError::ClientId(id.clone()));
        }
        if let Some(uri) = self.redirect_uris.iter().find(|uri| !is_target(uri)) {
            return Err(ConfigError::RedirectUri(uri.clone()));
        }
        let kinds = [self.jwks_url.is_some(), self.public_key.is_some(), !self.jwks.is_empty()];
        if kinds.into_iter().filter(|is_there| *is_there).count() > 1 {
            return Err(ConfigError::SeveralKeys(self.name.clone()));
        }
        if let Some(url) = self.jwks_url.as_ref().filter(|url| !is_http_url(url)) {
            return Err(ConfigError::Url(url.clone()));
        }
        if let Some(pem) = &self.public_key {
            Jwk::from_pem(pem.as_bytes())
                .map_err(|error| ConfigError::PublicKey { application: self.name.clone(), error })?;
        }
        let is_known = |letters: &str| !letters.is_empty() && letters.bytes().all(|c| b"cruds".contains(&c));
        match self.permissions.iter().find(|permission| !is_known(&permission.letters)) {
            Some(permission) => Err(ConfigError::Letters(permission.letters.clone())),
            None => Ok(()),
        }
    }
}

/// Whether a text can be the id of a resource (R4 datatypes, `id`).
fn is_fhir_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
}

/// Whether a text is an absolute URI without fragment that a `Location` can have. Schemes of apps
/// (`nl.example.app:/login`) are as good as https.
fn is_target(uri: &str) -> bool {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    uri.split_once(':').is_some_and(|(scheme, rest)| is_scheme(scheme) && !rest.is_empty())
        && uri.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}
