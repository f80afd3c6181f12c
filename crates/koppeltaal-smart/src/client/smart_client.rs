//! [`SmartClient`]: an application at its authorization service.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime};

use url::Url;

use crate::authorization::AuthorizationCode;
use crate::client::access_token::AccessToken;
use crate::client::error::Error;
use crate::client::http_client::HttpClient;
use crate::client::introspection::Introspection;
use crate::client::jwks_client::JwksClient;
use crate::client::launch_result::{IdToken, LaunchContext, LaunchResult, has_token};
use crate::client::reply::{Answer, json_object, text};
use crate::client_assertion::{CLIENT_ASSERTION_TYPE, ClientAssertion};
use crate::discovery::{DiscoveryError, SmartConfiguration};
use crate::jwt_error::JwtError;
use crate::signer::Signer;

/// An application at the authorization service of its domain. Cheap to clone.
///
/// Requests are not repeated after a failure: [`Error::is_transient`] says when that may help. Each carries a
/// new client assertion.
#[derive(Clone)]
#[must_use]
pub struct SmartClient {
    shared: Arc<Shared>,
}

struct Shared {
    http: HttpClient,
    configuration: SmartConfiguration,
    client_id: String,
    signer: Arc<dyn Signer>,
    /// The keys of the service; `None` if the configuration does not say where they are.
    keys: Result<JwksClient, DiscoveryError>,
    /// Whether introspection wants its own endpoint as audience, as was found out.
    own_audience: AtomicBool,
}

impl SmartClient {
    /// The application `client_id`, whose signer's public key is in the JWKS that it registered.
    pub fn new(
        http: HttpClient,
        configuration: SmartConfiguration,
        client_id: impl Into<String>,
        signer: Arc<dyn Signer>,
    ) -> Self {
        let keys = configuration.to_jwks().map(|url| JwksClient::new(http.clone(), url));
        let client_id = client_id.into();
        let own_audience = AtomicBool::new(false);
        Self { shared: Arc::new(Shared { http, configuration, client_id, signer, keys, own_audience }) }
    }

    /// The application's identifier.
    pub fn client_id(&self) -> &str {
        &self.shared.client_id
    }

    /// What the FHIR server says about the authorization service.
    pub fn configuration(&self) -> &SmartConfiguration {
        &self.shared.configuration
    }

    /// The keys of the authorization service.
    ///
    /// # Errors
    ///
    /// [`Error::Discovery`]: the configuration has no usable `jwks_uri`.
    pub fn keys(&self) -> Result<&JwksClient, Error> {
        self.shared.keys.as_ref().map_err(|error| error.clone().into())
    }

    /// Asks for an access token of the application itself (`client_credentials`). The scope may be empty:
    /// then the server decides by the client's role. [`AccessTokens`](crate::AccessTokens) keeps it.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn access_token(&self, scope: &str) -> Result<AccessToken, Error> {
        let asked = Instant::now();
        let form = [("grant_type", "client_credentials"), ("scope", scope)];
        let answer = self.token_request(&form).await?;
        AccessToken::read(&answer, &json_object(&answer)?, asked)
    }

    /// Trades the code of a launched user for the launch. A code works once.
    ///
    /// # Errors
    ///
    /// [`Error`]. After [`IdToken`](Error::IdToken) the user must not be let in.
    pub async fn exchange(&self, code: &AuthorizationCode) -> Result<LaunchResult, Error> {
        let asked = Instant::now();
        let answer = self.token_request(&code.parameters()).await?;
        let members = json_object(&answer)?;
        let context = LaunchContext::read(&members);
        let id_token = match text(&members, "id_token") {
            Some(token) => Some(self.verify(&token).await?),
            None => None,
        };
        if let (Some(token), Some(subject)) = (&id_token, &context.subject)
            && token.subject() != subject
        {
            return Err(Error::IdToken(JwtError::Subject));
        }
        let user_token = match has_token(&members) {
            true => Some(AccessToken::read(&answer, &members, asked)?),
            false => None,
        };
        Ok(LaunchResult { context, id_token, user_token })
    }

    async fn verify(&self, id_token: &str) -> Result<IdToken, Error> {
        let (issuer, keys) = (self.shared.configuration.to_issuer()?, self.keys()?);
        IdToken::verify(id_token, issuer, self.client_id(), keys, SystemTime::now())
            .await
            .map_err(Error::IdToken)
    }

    /// Asks the server about a token: an HTI token that came with a launch, for instance. Introspecting one
    /// spends it.
    ///
    /// The assertion is made for the token endpoint, as Koppeltaal's reference service wants it; at a 401 the
    /// request is made once more with one for the introspection endpoint, as the specification has it
    /// (TOP-KT-021).
    ///
    /// # Errors
    ///
    /// [`Error`]. A token that is not accepted is no error but [`Introspection::Inactive`].
    pub async fn introspect(&self, token: &str) -> Result<Introspection, Error> {
        let endpoint = self.shared.configuration.to_introspection()?;
        let own = self.shared.own_audience.load(Ordering::Relaxed);
        let first = self.introspect_as(&endpoint, own, token).await;
        let answer = match first {
            Err(Error::Authentication { .. }) => {
                let answer = self.introspect_as(&endpoint, !own, token).await?;
                self.shared.own_audience.store(!own, Ordering::Relaxed);
                answer
            }
            first => first?,
        };
        Ok(Introspection::read(json_object(&answer)?))
    }

    async fn introspect_as(&self, endpoint: &Url, own: bool, token: &str) -> Result<Answer, Error> {
        let audience = match own {
            true => self.shared.configuration.introspection_endpoint.as_deref(),
            false => self.shared.configuration.token_endpoint.as_deref(),
        };
        // A server that only introspects has no token endpoint.
        let audience = audience.unwrap_or(endpoint.as_str());
        self.request(endpoint, audience, &[("token", token)]).await
    }

    async fn token_request(&self, form: &[(&str, &str)]) -> Result<Answer, Error> {
        let configuration = &self.shared.configuration;
        let endpoint = configuration.to_token()?;
        // The audience is the text that the server states, not what URL makes of it.
        let audience = configuration.token_endpoint.as_deref().unwrap_or(endpoint.as_str());
        self.request(&endpoint, audience, form).await
    }

    async fn request(&self, url: &Url, audience: &str, form: &[(&str, &str)]) -> Result<Answer, Error> {
        let assertion = ClientAssertion::new(self.client_id(), audience);
        let assertion = assertion.sign(&*self.shared.signer, SystemTime::now()).await?;
        let proof =
            [("client_assertion_type", CLIENT_ASSERTION_TYPE), ("client_assertion", assertion.as_str())];
        self.shared.http.post(url, &[form, &proof].concat()).await
    }
}

impl fmt::Debug for SmartClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmartClient").field("client_id", &self.shared.client_id).finish_non_exhaustive()
    }
}
