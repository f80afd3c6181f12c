//! [`Provider`]: an identity provider, as the authorization service uses it: the code flow of `OpenID`
//! Connect, with `state`, `nonce` and PKCE.

use std::sync::Arc;

use koppeltaal_smart::{
    AuthorizationCode, HttpClient, IdToken, KeyPair, SmartClient, SmartConfiguration, code_challenge,
};

use crate::config::{IdentityProvider, OWN_IDENTITY_PROVIDER};
use crate::form::with_parameters;
use crate::urls::Urls;

/// What the sandbox's own identity provider calls the authorization service.
pub(crate) const OWN_CLIENT_ID: &str = "koppeltaal";

/// An identity provider.
pub(crate) struct Provider {
    name: String,
    issuer: String,
    client: SmartClient,
    authorization_endpoint: String,
    callback: String,
}

/// The secrets of one login.
pub(crate) struct LoginSecrets<'a> {
    pub(crate) state: &'a str,
    pub(crate) nonce: &'a str,
    pub(crate) code_verifier: &'a str,
}

impl Provider {
    /// The sandbox's own.
    pub(crate) fn own(urls: &Urls, http: &HttpClient, key: &Arc<KeyPair>) -> Self {
        let own = IdentityProvider::new(OWN_IDENTITY_PROVIDER, &urls.idp)
            .client_id(OWN_CLIENT_ID)
            .authorization_endpoint(&urls.idp_authorize)
            .token_endpoint(&urls.idp_token)
            .jwks_uri(&urls.idp_jwks);
        Self::new(&own, urls, http, key)
    }

    /// One that is configured.
    pub(crate) fn new(
        configured: &IdentityProvider,
        urls: &Urls,
        http: &HttpClient,
        key: &Arc<KeyPair>,
    ) -> Self {
        let mut configuration = SmartConfiguration::default();
        configuration.issuer = Some(configured.issuer.clone());
        configuration.jwks_uri = Some(configured.jwks_uri.clone());
        configuration.token_endpoint = Some(configured.token_endpoint.clone());
        Self {
            name: configured.name.clone(),
            issuer: configured.issuer.clone(),
            client: SmartClient::new(http.clone(), configuration, &configured.client_id, key.clone()),
            authorization_endpoint: configured.authorization_endpoint.clone(),
            callback: urls.callback.clone(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where the browser goes to log in. The sandbox's own provider is also told who was launched, to show
    /// that person first.
    pub(crate) fn login_url(&self, secrets: &LoginSecrets<'_>, prompt: Option<&str>, user: &str) -> String {
        let challenge = code_challenge(secrets.code_verifier);
        let mut parameters = vec![
            ("response_type", "code"),
            ("client_id", self.client.client_id()),
            ("redirect_uri", self.callback.as_str()),
            ("scope", "openid"),
            ("state", secrets.state),
            ("nonce", secrets.nonce),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        parameters.extend(prompt.map(|prompt| ("prompt", prompt)));
        if self.name == OWN_IDENTITY_PROVIDER {
            parameters.push(("login_hint", user));
        }
        with_parameters(&self.authorization_endpoint, &parameters)
    }

    /// Exchanges a code. The signature, issuer, audience, times and nonce of the `id_token` have been
    /// checked.
    ///
    /// # Errors
    ///
    /// Why the provider's answer cannot be used, for a developer.
    pub(crate) async fn exchange(
        &self,
        code: &str,
        code_verifier: &str,
        nonce: &str,
    ) -> Result<IdToken, String> {
        let code = AuthorizationCode::new(code, &self.callback, code_verifier);
        let result = self.client.exchange(&code).await.map_err(|error| error.to_string())?;
        let token = result.id_token.ok_or("the identity provider gave no id_token")?;
        if token.claims().text("nonce") != Some(nonce) {
            return Err("the id_token of the identity provider has another nonce".to_owned());
        }
        Ok(token)
    }
}
