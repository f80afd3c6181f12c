//! [`Credentials`]: who the client is to the server. Secrets are wiped from memory on drop and never shown.

use std::fmt;

use reqwest::RequestBuilder;
use secrecy::{ExposeSecret, SecretString};

/// What the client proves itself with (Koppeltaal spec section 3). Credentials belong to one application instance in
/// one domain, so they decide the domain.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Credentials {
    /// None: enough for the conformance statement.
    Anonymous,
    /// User name and password of an application instance (RFC 7617, in UTF-8).
    Basic(Basic),
}

/// A user name and a password. `Debug` shows the name only.
#[derive(Clone)]
pub struct Basic {
    username: String,
    password: SecretString,
}

impl Credentials {
    /// User name and password of an application instance.
    pub fn basic(username: impl Into<String>, password: impl Into<SecretString>) -> Self {
        Self::Basic(Basic { username: username.into(), password: password.into() })
    }

    /// Puts the credentials on a request. The header is marked as sensitive, so that no layer below shows it.
    pub(crate) fn authorize(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Anonymous => request,
            Self::Basic(basic) => request.basic_auth(&basic.username, Some(basic.password.expose_secret())),
        }
    }

    /// Whether the credentials can be written into the header at all (RFC 7617 section 2).
    pub(crate) fn is_expressible(&self) -> bool {
        match self {
            Self::Anonymous => true,
            Self::Basic(basic) => {
                !basic.username.contains(':')
                    && !basic.username.chars().any(char::is_control)
                    && !basic.password.expose_secret().chars().any(char::is_control)
            }
        }
    }
}

impl Basic {
    /// The user name.
    pub fn username(&self) -> &str {
        &self.username
    }
}

impl fmt::Debug for Basic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Basic").field("username", &self.username).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_not_shown() {
        let credentials = Credentials::basic("portal", "Geheim1");
        let shown = format!("{credentials:?} {credentials:#?}");
        assert!(shown.contains("portal"), "{shown}");
        assert!(!shown.contains("Geheim1"), "{shown}");
    }

    #[test]
    fn a_colon_in_the_user_name_would_move_into_the_password() {
        assert!(!Credentials::basic("por:tal", "x").is_expressible());
        assert!(!Credentials::basic("portal", "x\ny").is_expressible());
        assert!(Credentials::basic("portál", "x:y é").is_expressible());
    }
}
