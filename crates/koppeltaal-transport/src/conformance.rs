//! The conformance statement: what the server says about itself, and the endpoints in it.

use std::sync::{Arc, Mutex, PoisonError};

use koppeltaal_fhir::datatypes::{Extension, ExtensionValue};
use koppeltaal_fhir::resources;
use koppeltaal_messaging::vocabulary::conformance;
use reqwest::Url;

use crate::address::is_protected;
use crate::client::{Client, Shared};
use crate::error::{Error, Result};
use crate::flight::Flight;
use crate::request::{Operation, Request};

/// What a server says about itself.
#[derive(Debug, Clone, PartialEq)]
pub struct ConformanceStatement {
    resource: Box<resources::Conformance>,
    endpoints: Arc<Endpoints>,
}

/// Where a server does what is outside FHIR. What the statement says goes before the protocol's default paths; what it says
/// relatively is meant from the server's address.
///
/// An endpoint is `None` when the statement names an address that must not be used: no URL of the web, or for `authorize`
/// neither https nor this machine nor the server. Operations that need it then fail with
/// [`Error::Endpoint`](crate::Error::Endpoint); the others work.
///
/// Passwords, codes and tokens go to `token`, `launch` and `mobile_launch`, so of what the statement says about them only
/// path and query count: they are at the configured server, or at the one that
/// [`ClientBuilder::oauth_server`](crate::ClientBuilder::oauth_server) names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoints {
    /// OAuth authorization, for the user's browser; as stated, by TLS or on this machine. Default
    /// `{server}/OAuth2/Koppeltaal/Authorize`.
    pub authorize: Option<Url>,
    /// OAuth tokens. Default `{server}/OAuth2/Koppeltaal/Token`.
    pub token: Option<Url>,
    /// Launch of a web application. Default `{server}/OAuth2/Koppeltaal/Launch`.
    pub launch: Option<Url>,
    /// Launch of a mobile application; statements do not name it. `{server}/OAuth2/Koppeltaal/MobileLaunch`.
    pub mobile_launch: Url,
}

/// What a server says it validates. `None`: it does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Validation {
    /// Requests, against the schema.
    pub requests_against_schema: Option<bool>,
    /// Replies, against the schema.
    pub replies_against_schema: Option<bool>,
    /// Requests, against the Koppeltaal profiles.
    pub requests_against_profile: Option<bool>,
    /// Replies, against the Koppeltaal profiles.
    pub replies_against_profile: Option<bool>,
}

/// The endpoints, once known, and the request for them.
#[derive(Default)]
pub(crate) struct EndpointCache {
    known: Mutex<Option<Arc<Endpoints>>>,
    request: Flight<Arc<Endpoints>>,
}

impl EndpointCache {
    fn get(&self) -> Option<Arc<Endpoints>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, endpoints: Arc<Endpoints>) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(endpoints);
    }
}

impl Client {
    /// Gets the conformance statement. Sends no credentials: none are needed, and it is how an application meets a
    /// server.
    ///
    /// # Errors
    ///
    /// Those of a read; [`NotFound`](crate::Error::NotFound) suggests that the server's address is wrong.
    pub async fn conformance(&self) -> Result<ConformanceStatement> {
        let request = Request::new(Operation::CONFORMANCE, self.server().fhir("metadata", &[]));
        let statement = self
            .exchange(request, |answer| {
                let resource = answer.resource("no conformance statement")?;
                Ok(ConformanceStatement::new(resource, self.shared()))
            })
            .await?;
        self.shared().endpoints.set(statement.endpoints.clone());
        Ok(statement)
    }

    /// The endpoints of the conformance statement, which is fetched once; [`conformance`](Self::conformance) renews
    /// them. Many who ask at the same time cause one request, and share its result.
    ///
    /// # Errors
    ///
    /// Those of [`conformance`](Self::conformance).
    pub async fn endpoints(&self) -> Result<Arc<Endpoints>> {
        let cache = &self.shared().endpoints;
        if let Some(endpoints) = cache.get() {
            return Ok(endpoints);
        }
        let client = self.clone();
        let fetch = || async move { Ok(client.conformance().await?.endpoints) };
        cache.request.join(|| cache.get(), fetch).await
    }
}

impl Endpoints {
    /// Where the user's browser is sent for an authorization.
    ///
    /// # Errors
    ///
    /// [`Error::Endpoint`].
    pub(crate) fn to_authorize(&self) -> Result<&Url> {
        self.authorize.as_ref().ok_or(Error::Endpoint { name: "authorize" })
    }

    /// Where tokens are asked for.
    ///
    /// # Errors
    ///
    /// [`Error::Endpoint`].
    pub(crate) fn to_token(&self) -> Result<&Url> {
        self.token.as_ref().ok_or(Error::Endpoint { name: "token" })
    }

    /// Where launches are asked for.
    ///
    /// # Errors
    ///
    /// [`Error::Endpoint`].
    pub(crate) fn to_launch(&self) -> Result<&Url> {
        self.launch.as_ref().ok_or(Error::Endpoint { name: "launch" })
    }
}

impl ConformanceStatement {
    fn new(resource: resources::Conformance, shared: &Shared) -> Self {
        let oauth_server = &shared.oauth_server;
        let stated = |names: &[&str]| {
            let text = match find(&resource, names) {
                Some(ExtensionValue::Uri(uri)) => uri.as_str(),
                Some(ExtensionValue::String(text)) => text.as_str(),
                _ => None,
            };
            text.filter(|text| !text.trim().is_empty())
        };
        let used = |names: &[&str], path: &str| match stated(names) {
            Some(text) => oauth_server.resolve(text).map(|url| oauth_server.localize_beside_fhir(&url)),
            None => Some(oauth_server.beside_fhir(path)),
        };
        let authorize = match stated(&conformance::AUTHORIZE) {
            Some(text) => {
                oauth_server.resolve(text).filter(|url| is_protected(url) || oauth_server.has_origin_of(url))
            }
            None => Some(oauth_server.beside_fhir("OAuth2/Koppeltaal/Authorize")),
        };
        let endpoints = Endpoints {
            authorize,
            token: used(&conformance::TOKEN, "OAuth2/Koppeltaal/Token"),
            launch: used(&[conformance::LAUNCH], "OAuth2/Koppeltaal/Launch"),
            mobile_launch: oauth_server.beside_fhir("OAuth2/Koppeltaal/MobileLaunch"),
        };
        Self { endpoints: Arc::new(endpoints), resource: Box::new(resource) }
    }

    /// The DSTU1 resource.
    pub fn resource(&self) -> &resources::Conformance {
        &self.resource
    }

    /// The name of the server, `Koppeltaal`.
    pub fn name(&self) -> Option<&str> {
        self.resource.name.as_str()
    }

    /// The version of the server, such as `v1.3.9`.
    pub fn version(&self) -> Option<&str> {
        self.resource.version.as_str()
    }

    /// The version of FHIR, 0.0.82.
    pub fn fhir_version(&self) -> Option<&str> {
        self.resource.fhir_version.as_str()
    }

    /// The endpoints, from the statement and from the defaults.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// What the server says it validates.
    pub fn validation(&self) -> Validation {
        let flag = |name: &str| match find(&self.resource, &[name]) {
            Some(ExtensionValue::Boolean(value)) => value.value,
            _ => None,
        };
        Validation {
            requests_against_schema: flag(conformance::VALIDATE_REQUESTS_AGAINST_SCHEMA),
            replies_against_schema: flag(conformance::VALIDATE_REPLIES_AGAINST_SCHEMA),
            requests_against_profile: flag(conformance::VALIDATE_REQUESTS_AGAINST_PROFILE),
            replies_against_profile: flag(conformance::VALIDATE_REPLIES_AGAINST_PROFILE),
        }
    }
}

/// The value of the first extension with one of the names; the earlier name wins. Servers put the endpoints under
/// `rest.security`, and the rest there or at the top.
fn find<'a>(resource: &'a resources::Conformance, names: &[&str]) -> Option<&'a ExtensionValue> {
    let security =
        resource.rest.iter().filter_map(|rest| rest.security.as_ref()).map(|security| &security.extension);
    let places: Vec<&[Extension]> =
        security.map(Vec::as_slice).chain([resource.extension.as_slice()]).collect();
    names.iter().find_map(|name| places.iter().find_map(|extensions| find_named(extensions, name)))
}

/// Looks into extensions inside extensions as well: SMART's own profile nests them.
fn find_named<'a>(extensions: &'a [Extension], name: &str) -> Option<&'a ExtensionValue> {
    extensions.iter().find_map(|extension| {
        let own = extension.value.as_ref().filter(|_| extension.url == name);
        own.or_else(|| find_named(&extension.extension, name))
    })
}
