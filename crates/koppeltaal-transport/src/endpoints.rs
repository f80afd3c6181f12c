//! [`Endpoints`]: where a server offers launches, authorization and tokens; and the cache of them that
//! clients share.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Url;

use crate::error::{Error, Result};
use crate::oauth::single_flight::SingleFlight;

/// The URLs of a server's services outside FHIR. What the conformance statement says takes precedence over
/// the protocol's default paths. A relative URL in it is relative to the server's address.
///
/// An endpoint is `None` when the statement names a URL that must not be used. Operations that need it then
/// fail with [`Error::Endpoint`]; the others work. A URL must have https or http. That of `authorize` must
/// also be protected: it has https, or is on this machine, or at the server.
///
/// Passwords, codes and tokens go to `token`, `launch` and `mobile_launch`. So these are always at the
/// configured server, or at the one that [`ClientBuilder::oauth_server`](crate::ClientBuilder::oauth_server)
/// names: of the URLs in the statement, only path and query are used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoints {
    /// OAuth authorization, for the user's browser; at whichever host the statement names. Default
    /// `{server}/OAuth2/Koppeltaal/Authorize`.
    pub authorize: Option<Url>,
    /// OAuth tokens. Default `{server}/OAuth2/Koppeltaal/Token`.
    pub token: Option<Url>,
    /// Launch of a web application. Default `{server}/OAuth2/Koppeltaal/Launch`.
    pub launch: Option<Url>,
    /// Launch of a mobile application. Statements do not name it: always
    /// `{server}/OAuth2/Koppeltaal/MobileLaunch`.
    pub mobile_launch: Url,
}

/// The endpoints, once they are known, and the request for them while it is under way.
#[derive(Default)]
pub(crate) struct EndpointCache {
    known: Mutex<Option<Arc<Endpoints>>>,
    request: SingleFlight<Arc<Endpoints>>,
}

impl EndpointCache {
    /// The endpoints. If they are not known, `fetch` gets them, once for all who ask at the same time.
    pub(crate) async fn get_or_fetch<F>(&self, fetch: impl FnOnce() -> F) -> Result<Arc<Endpoints>>
    where
        F: Future<Output = Result<Arc<Endpoints>>> + Send + 'static,
    {
        match self.get() {
            Some(endpoints) => Ok(endpoints),
            None => self.request.join(|| self.get(), fetch).await,
        }
    }

    fn get(&self) -> Option<Arc<Endpoints>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set(&self, endpoints: Arc<Endpoints>) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(endpoints);
    }
}

impl Endpoints {
    /// Where the user's browser is sent for an authorization.
    pub(crate) fn to_authorize(&self) -> Result<&Url> {
        self.authorize.as_ref().ok_or(Error::Endpoint { name: "authorize" })
    }

    /// Where tokens are asked for.
    pub(crate) fn to_token(&self) -> Result<&Url> {
        self.token.as_ref().ok_or(Error::Endpoint { name: "token" })
    }

    /// Where launches are asked for.
    pub(crate) fn to_launch(&self) -> Result<&Url> {
        self.launch.as_ref().ok_or(Error::Endpoint { name: "launch" })
    }
}
