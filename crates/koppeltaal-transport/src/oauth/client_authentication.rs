//! [`ClientAuthentication`]: who an application is to the token endpoint.

use std::fmt;

use http::HeaderValue;

use crate::authorization::{self, CredentialsError};

/// How an application authenticates itself at the token endpoint (RFC 6749 section 2.3).
#[derive(Clone)]
pub struct ClientAuthentication {
    client_id: String,
    /// Basic authentication of a confidential client.
    header: Option<HeaderValue>,
}

impl ClientAuthentication {
    /// A public client, which has no secret: the request only names it.
    pub fn public(client_id: impl Into<String>) -> Self {
        Self { client_id: client_id.into(), header: None }
    }

    /// A confidential client: Basic authentication with identifier and secret, as they are. RFC 6749 says to
    /// percent-encode them first, but Koppeltaal servers do not decode them.
    ///
    /// # Errors
    ///
    /// A character that Basic authentication cannot carry.
    pub fn basic(client_id: impl Into<String>, secret: &str) -> std::result::Result<Self, CredentialsError> {
        let client_id = client_id.into();
        let header = authorization::basic(&client_id, secret)?;
        Ok(Self { client_id, header: Some(header) })
    }

    /// The application's identifier.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The `Authorization` header of a confidential client.
    pub(crate) fn header(&self) -> Option<&HeaderValue> {
        self.header.as_ref()
    }
}

impl fmt::Debug for ClientAuthentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientAuthentication")
            .field("client_id", &self.client_id)
            .field("is_confidential", &self.header.is_some())
            .finish_non_exhaustive()
    }
}
