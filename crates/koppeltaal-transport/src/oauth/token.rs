//! The token endpoint: a code or a refresh token goes in, [`Tokens`] come out.

use std::fmt;
use std::time::SystemTime;

use http::HeaderValue;

use super::authorize::AuthorizationCode;
use super::tokens::Tokens;
use crate::client::Client;
use crate::credentials::CredentialsError;
use crate::error::Result;
use crate::request::{Body, Operation, Request};
use crate::secret;

/// How an application proves itself to the token endpoint (RFC 6749 section 2.3).
#[derive(Clone)]
pub struct ClientAuthentication {
    client_id: String,
    /// Basic authentication of a confidential client.
    header: Option<HeaderValue>,
}

impl ClientAuthentication {
    /// A public client, which has no secret: it names itself in the request.
    pub fn public(client_id: impl Into<String>) -> Self {
        Self { client_id: client_id.into(), header: None }
    }

    /// A confidential client: Basic authentication with identifier and secret, as they are. (RFC 6749 would have them
    /// percent-encoded first; Koppeltaal servers do not decode.)
    ///
    /// # Errors
    ///
    /// A character that Basic authentication cannot carry.
    pub fn basic(client_id: impl Into<String>, secret: &str) -> std::result::Result<Self, CredentialsError> {
        let client_id = client_id.into();
        let header = secret::basic(&client_id, secret)?;
        Ok(Self { client_id, header: Some(header) })
    }

    /// The application's identifier.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }
}

impl Client {
    /// Trades an authorization code for tokens.
    ///
    /// # Errors
    ///
    /// [`OAuth`](crate::Error::OAuth) when the server refuses; else those of a write: a code works once, so it cannot
    /// be tried again when the answer is lost. A new launch helps.
    pub async fn token(&self, client: &ClientAuthentication, code: &AuthorizationCode) -> Result<Tokens> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.code()),
            ("redirect_uri", code.redirect_uri.as_str()),
        ];
        form.extend(code.code_verifier().map(|verifier| ("code_verifier", verifier)));
        self.tokens(Operation::TOKEN, client, form).await
    }

    /// Trades a refresh token for new tokens. The old ones die with it; what the reply does not say again (the patient,
    /// as a rule) is taken from `tokens`.
    ///
    /// With [`Credentials::bearer`](crate::Credentials::bearer) this happens by itself.
    ///
    /// # Errors
    ///
    /// [`NoRefreshToken`](crate::Error::NoRefreshToken) when there is none; else those of [`token`](Self::token).
    pub async fn refresh(&self, client: &ClientAuthentication, tokens: &Tokens) -> Result<Tokens> {
        let refresh_token = tokens.refresh_token().ok_or(crate::Error::NoRefreshToken)?;
        let form = vec![("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        Ok(self.tokens(Operation::REFRESH, client, form).await?.succeed(tokens))
    }

    async fn tokens(
        &self,
        operation: &'static Operation,
        client: &ClientAuthentication,
        mut form: Vec<(&str, &str)>,
    ) -> Result<Tokens> {
        let url = self.endpoints().await?.to_token()?.clone();
        if client.header.is_none() {
            form.push(("client_id", &client.client_id));
        }
        let request =
            Request::new(operation, url).body(Body::form(&form)).authorization(client.header.clone());
        self.exchange(request, |answer| {
            answer.members("no tokens", |reply| Tokens::read(reply, SystemTime::now()))
        })
        .await
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
