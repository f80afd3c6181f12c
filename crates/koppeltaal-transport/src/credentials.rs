//! [`Credentials`]: who the client is to the server. Secrets are wiped from memory on drop and never shown.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;

use crate::client::Client;
use crate::error::Result;
use crate::oauth::session::Session;
use crate::secret;

/// What the client proves itself with: Basic, or the token of a launched user. Credentials belong to one application
/// instance in one domain, so they decide the domain.
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

/// Why credentials cannot be used. Names the part, and not what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The user name holds a colon, which would move into the password (RFC 7617 section 2).
    #[error("the user name holds a colon, which Basic authentication cannot carry")]
    Colon,
    /// A user name or password holds a line break or another control character.
    #[error("the {part} holds a control character, which Basic authentication cannot carry")]
    Control {
        /// `user name` or `password`.
        part: &'static str,
    },
    /// A token is empty or holds a character that a header cannot carry.
    #[error("the token is empty or holds a character that a header cannot carry")]
    Token,
}

impl Credentials {
    /// None: enough for the conformance statement.
    pub fn anonymous() -> Self {
        Self(Kind::Anonymous)
    }

    /// User name and password of an application instance (RFC 7617, in UTF-8).
    ///
    /// # Errors
    ///
    /// A character that Basic authentication cannot carry.
    pub fn basic(username: &str, password: &str) -> std::result::Result<Self, CredentialsError> {
        let header = secret::basic(username, password)?;
        Ok(Self(Kind::Basic(Arc::new(Basic { username: username.to_owned(), header }))))
    }

    /// The session of a launched user. It implies the patient: only that patient's messages are visible.
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
    pub(crate) async fn authorization(&self, client: &Client) -> Result<Option<HeaderValue>> {
        Ok(match &self.0 {
            Kind::Anonymous => None,
            Kind::Basic(basic) => Some(basic.header.clone()),
            Kind::Bearer(session) => Some(session.authorization(client).await?),
        })
    }

    /// Another header in place of `used`, of which the server says that it has expired. `None`: there is none to be had.
    ///
    /// # Errors
    ///
    /// [`TokenRefresh`](crate::Error::TokenRefresh).
    pub(crate) async fn renew(&self, client: &Client, used: &HeaderValue) -> Result<Option<HeaderValue>> {
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

    #[test]
    fn the_header_is_that_of_rfc_7617_and_sensitive() {
        let header = secret::basic("Aladdin", "open sesame").expect("a header");
        assert_eq!(header.as_bytes(), b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(header.is_sensitive());
    }
}
