//! [`Credentials`]: who the client is to the server. Secrets are wiped from memory on drop and never shown.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;

use crate::authorization::{self, CredentialsError};
use crate::error::Result;
use crate::oauth::session::{Session, TokenClient};

/// How the client authenticates itself: with Basic, or with the token of a launched user. Credentials belong
/// to one application instance in one domain, so they determine the domain.
///
/// Cheap to clone. `Debug` shows the user name and no secret.
#[derive(Clone)]
pub struct Credentials(Kind);

#[derive(Clone)]
enum Kind {
    Anonymous,
    Basic(Arc<Basic>),
    Bearer(Session),
}

struct Basic {
    username: String,
    header: HeaderValue,
}

impl Credentials {
    /// No credentials. That is enough for the conformance statement.
    pub fn anonymous() -> Self {
        Self(Kind::Anonymous)
    }

    /// User name and password of an application instance (RFC 7617, in UTF-8).
    ///
    /// # Errors
    ///
    /// A character that Basic authentication cannot carry.
    pub fn basic(username: &str, password: &str) -> std::result::Result<Self, CredentialsError> {
        let header = authorization::basic(username, password)?;
        Ok(Self(Kind::Basic(Arc::new(Basic { username: username.to_owned(), header }))))
    }

    /// The session of a launched user. Only messages of the launch's patient are visible with it.
    pub fn bearer(session: Session) -> Self {
        Self(Kind::Bearer(session))
    }

    /// The user name, of Basic credentials.
    pub fn username(&self) -> Option<&str> {
        match &self.0 {
            Kind::Basic(basic) => Some(&basic.username),
            Kind::Anonymous | Kind::Bearer(_) => None,
        }
    }

    /// The `Authorization` header for the next request of this client, marked as sensitive.
    ///
    /// # Errors
    ///
    /// [`TokenRefresh`](crate::Error::TokenRefresh).
    pub(crate) async fn authorization(&self, client: &impl TokenClient) -> Result<Option<HeaderValue>> {
        Ok(match &self.0 {
            Kind::Anonymous => None,
            Kind::Basic(basic) => Some(basic.header.clone()),
            Kind::Bearer(session) => Some(session.authorization(client).await?),
        })
    }

    /// A new header in place of `used`, which the server says has expired. `None` if these credentials cannot
    /// be renewed.
    ///
    /// # Errors
    ///
    /// [`TokenRefresh`](crate::Error::TokenRefresh).
    pub(crate) async fn renew(
        &self,
        client: &impl TokenClient,
        used: &HeaderValue,
    ) -> Result<Option<HeaderValue>> {
        match &self.0 {
            Kind::Bearer(session) if session.is_refreshable() => Ok(Some(session.renew(client, used).await?)),
            _ => Ok(None),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Anonymous => f.write_str("Anonymous"),
            Kind::Basic(basic) => {
                f.debug_struct("Basic").field("username", &basic.username).finish_non_exhaustive()
            }
            Kind::Bearer(session) => session.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_not_shown() {
        let credentials = Credentials::basic("portal", "Geheim1").expect("credentials");
        let shown = format!("{credentials:?} {credentials:#?}");
        assert!(shown.contains("portal"), "{shown}");
        assert!(!shown.contains("Geheim1"), "{shown}");
    }

    #[test]
    fn what_basic_authentication_cannot_carry_is_refused() {
        let refused = |username, password| Credentials::basic(username, password).err();
        assert_eq!(refused("por:tal", "x"), Some(CredentialsError::Colon));
        assert_eq!(refused("portal", "x\ny"), Some(CredentialsError::Control { part: "password" }));
        assert_eq!(refused("por\0tal", "x"), Some(CredentialsError::Control { part: "user name" }));
        assert_eq!(refused("portál", "x:y é"), None);
    }
}
