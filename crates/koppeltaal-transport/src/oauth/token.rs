//! The token endpoint, which gives [`Tokens`] for a code or a refresh token.

use std::time::SystemTime;

use futures_util::future::BoxFuture;

use super::authorize::AuthorizationCode;
use super::client_authentication::ClientAuthentication;
use super::session::TokenClient;
use super::tokens::Tokens;
use crate::client::Client;
use crate::credentials::Credentials;
use crate::error::Result;
use crate::exchange::request::{Body, Operation, Request};

impl Client {
    /// Trades an authorization code for tokens.
    ///
    /// # Errors
    ///
    /// [`OAuth`](crate::Error::OAuth) when the server refuses; else those of a write. A code works once, so
    /// when the answer is lost, the code is too; a new launch helps.
    pub async fn token(&self, client: &ClientAuthentication, code: &AuthorizationCode) -> Result<Tokens> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.code()),
            ("redirect_uri", code.redirect_uri.as_str()),
        ];
        form.extend(code.code_verifier().map(|verifier| ("code_verifier", verifier)));
        self.tokens(Operation::TOKEN, client, form).await
    }

    /// Trades a refresh token for new tokens. The old tokens are then invalid. What the reply does not
    /// repeat, usually the patient, is taken from `tokens`.
    ///
    /// A [`Session`](crate::Session) does this by itself.
    ///
    /// # Errors
    ///
    /// [`NoRefreshToken`](crate::Error::NoRefreshToken) when `tokens` have none; else those of
    /// [`token`](Self::token).
    pub async fn refresh(&self, client: &ClientAuthentication, tokens: &Tokens) -> Result<Tokens> {
        let refresh_token = tokens.refresh_token().ok_or(crate::Error::NoRefreshToken)?;
        let form = vec![("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        Ok(self.tokens(Operation::REFRESH, client, form).await?.or_from(tokens))
    }

    async fn tokens(
        &self,
        operation: &'static Operation,
        client: &ClientAuthentication,
        mut form: Vec<(&str, &str)>,
    ) -> Result<Tokens> {
        let url = self.endpoints().await?.to_token()?.clone();
        if client.header().is_none() {
            form.push(("client_id", client.client_id()));
        }
        let request =
            Request::new(operation, url).body(Body::form(&form)).authorization(client.header().cloned());
        self.exchange(request, |answer| {
            answer.members("no tokens", |reply| Tokens::read(reply, SystemTime::now()))
        })
        .await
    }
}

impl TokenClient for Client {
    fn refresh_tokens<'a>(
        &'a self,
        authentication: &'a ClientAuthentication,
        tokens: &'a Tokens,
    ) -> BoxFuture<'a, Result<Tokens>> {
        Box::pin(async move {
            self.with_credentials(Credentials::anonymous()).refresh(authentication, tokens).await
        })
    }
}
