//! [`IdentityProvider`]: an identity provider other than the sandbox's own.

use std::collections::BTreeMap;

use koppeltaal_smart::Url;
use serde::Deserialize;

use super::ConfigError;

/// An `OpenID` provider that logs users in, in place of the sandbox's own. The sandbox authenticates there
/// with its key (`private_key_jwt`), whose JWKS is at `/oauth2/.well-known/jwks.json`.
///
/// ```
/// use koppeltaal2_sandbox::IdentityProvider;
///
/// let provider = IdentityProvider::new("hospital", "https://login.example")
///     .client_id("koppeltaal")
///     .authorization_endpoint("https://login.example/authorize")
///     .token_endpoint("https://login.example/token")
///     .jwks_uri("https://login.example/keys");
/// assert_eq!(provider.name, "hospital");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct IdentityProvider {
    /// Its logical name, which `idp_hint` and the applications use.
    pub name: String,
    /// `iss` of its tokens.
    pub issuer: String,
    /// What it calls the sandbox.
    pub client_id: String,
    /// Where browsers are sent to.
    pub authorization_endpoint: String,
    /// Where codes are exchanged.
    pub token_endpoint: String,
    /// Where its keys are.
    pub jwks_uri: String,
}

/// The name of the sandbox's own identity provider.
pub(crate) const OWN_IDENTITY_PROVIDER: &str = "sandbox";

impl IdentityProvider {
    /// A provider with this name and issuer, whose endpoints are still to be told.
    #[must_use]
    pub fn new(name: impl Into<String>, issuer: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            issuer: issuer.into(),
            client_id: "koppeltaal".to_owned(),
            authorization_endpoint: String::new(),
            token_endpoint: String::new(),
            jwks_uri: String::new(),
        }
    }

    /// What it calls the sandbox. Default `koppeltaal`.
    #[must_use]
    pub fn client_id(self, client_id: impl Into<String>) -> Self {
        Self { client_id: client_id.into(), ..self }
    }

    /// Where browsers are sent to.
    #[must_use]
    pub fn authorization_endpoint(self, url: impl Into<String>) -> Self {
        Self { authorization_endpoint: url.into(), ..self }
    }

    /// Where codes are exchanged.
    #[must_use]
    pub fn token_endpoint(self, url: impl Into<String>) -> Self {
        Self { token_endpoint: url.into(), ..self }
    }

    /// Where its keys are.
    #[must_use]
    pub fn jwks_uri(self, url: impl Into<String>) -> Self {
        Self { jwks_uri: url.into(), ..self }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.name.is_empty() || self.name == OWN_IDENTITY_PROVIDER {
            return Err(ConfigError::IdentityProviderName(self.name.clone()));
        }
        let urls = [&self.issuer, &self.authorization_endpoint, &self.token_endpoint, &self.jwks_uri];
        match urls.into_iter().find(|url| !is_http_url(url)) {
            Some(url) => Err(ConfigError::Url(url.clone())),
            None => Ok(()),
        }
    }
}

/// Whether a text is an absolute URL of http or https, without user name and fragment.
pub(crate) fn is_http_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
    })
}

/// The kinds of people who are launched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[non_exhaustive]
pub enum UserType {
    /// A patient.
    Patient,
    /// A practitioner.
    Practitioner,
    /// A relative or another person close to a patient.
    RelatedPerson,
}

/// The names of identity providers, for each kind of user.
pub(crate) type IdentityProviders = BTreeMap<UserType, Vec<String>>;

impl UserType {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Patient, Self::Practitioner, Self::RelatedPerson];

    /// The name of the resource type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Patient => "Patient",
            Self::Practitioner => "Practitioner",
            Self::RelatedPerson => "RelatedPerson",
        }
    }

    /// The kind and the id in a reference such as `Patient/1`.
    pub(crate) fn of_reference(reference: &str) -> Option<(Self, &str)> {
        let (name, id) = reference.split_once('/')?;
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name)?;
        (!id.is_empty() && !id.contains('/')).then_some((found, id))
    }
}
