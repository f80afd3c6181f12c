//! [`Caller`]: the application behind a request, and [`TokenCheck`], which knows it by its access token.

use std::fmt;
use std::sync::Arc;

use koppeltaal_smart::Scopes;

/// An application that calls the FHIR interface, by its access token. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The id of the application, which is also the id of its Device.
    pub(crate) client_id: Arc<str>,
    /// What the token allows.
    pub(crate) scopes: Arc<Scopes>,
}

impl Caller {
    /// The reference to the application's Device, which is the resource-origin of what it creates.
    pub(crate) fn device(&self) -> String {
        format!("Device/{}", self.client_id)
    }
}

/// Knows applications by their access tokens. The authorization service does.
pub(crate) trait TokenCheck: Send + Sync {
    /// The application that a token was given to, with what the token allows.
    ///
    /// # Errors
    ///
    /// A token that this domain did not give, or that has expired.
    fn caller(&self, bearer: &str) -> Result<Caller, RefusedToken>;

    /// What an application may do now, without a token: whether it may read what it is notified of. `None`
    /// for an application that is not known.
    fn scopes_of(&self, client_id: &str) -> Option<Arc<Scopes>>;
}

/// A token that is no access token of this domain. Why is for the log, not for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefusedToken {
    /// Why, in words without the token.
    pub(crate) reason: String,
}

impl RefusedToken {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

impl fmt::Display for RefusedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the access token is refused: {}", self.reason)
    }
}

impl std::error::Error for RefusedToken {}
