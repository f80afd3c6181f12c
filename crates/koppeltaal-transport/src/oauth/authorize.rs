//! Authorization: from a launch, or an activation code, to an authorization code. With `state` and PKCE (RFC
//! 7636).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};

use super::error::OAuthError;
use super::launch::{parameter, query_of};
use crate::client::Client;
use crate::error::Result;
use crate::exchange::request::{Operation, Request};

/// The scope that applications ask for, before the launch (Koppeltaal's public documentation).
const SCOPE: &str = "patient/*.read";

/// The names of the code in the answer to a mobile application. The documentation of 1.3 spells it with an s.
const CODE: [&str; 2] = ["authorization_code", "authorisation_code"];

/// A request for the authorization of a launched user.
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct AuthorizationRequest {
    client_id: String,
    redirect_uri: String,
    launch: String,
    scope: String,
    pkce: bool,
}

/// An authorization that has begun. It is needed when the user's browser comes back; keep it with the user's
/// session until then. `Debug` shows none of its secrets.
#[derive(Clone)]
pub struct PendingAuthorization {
    redirect_uri: String,
    state: SecretString,
    code_verifier: Option<SecretString>,
}

/// A code that the token endpoint gives tokens for, once, within about a minute.
#[derive(Clone)]
pub struct AuthorizationCode {
    pub(crate) code: SecretString,
    pub(crate) redirect_uri: String,
    pub(crate) code_verifier: Option<SecretString>,
}

/// Why the user's browser came back without an authorization code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizationError {
    /// The `state` is missing, or is not the one that was sent: this is not the answer to this application's
    /// request. Do not use the code.
    #[error("the state is not the one that was sent")]
    State,
    /// The server refused.
    #[error("the server refuses the authorization: {0}")]
    Refused(OAuthError),
    /// There is no `code`.
    #[error("there is no authorization code")]
    NoCode,
}

impl AuthorizationRequest {
    /// Asks for the session of a launch, or of the activation code that a user typed.
    ///
    /// `redirect_uri` must be registered for the application, verbatim.
    pub fn new(
        client_id: impl Into<String>,
        redirect_uri: impl Into<String>,
        launch: impl Into<String>,
    ) -> Self {
        Self {
            client_id: client_id.into(),
            redirect_uri: redirect_uri.into(),
            launch: launch.into(),
            scope: SCOPE.to_owned(),
            pkce: true,
        }
    }

    /// Another scope than `patient/*.read`; the launch is added to it.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }

    /// Leaves PKCE out, for a server that refuses unknown parameters although RFC 6749 section 3.1 says to
    /// ignore them.
    pub fn without_pkce(mut self) -> Self {
        self.pkce = false;
        self
    }

    fn begin(&self, endpoint: &Url) -> (Url, PendingAuthorization) {
        let state = random();
        let code_verifier = self.pkce.then(random);
        let mut url = endpoint.clone();
        let scope = format!("{} launch:{}", self.scope, self.launch);
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", scope.trim_start())
            .append_pair("state", state.expose_secret());
        if let Some(verifier) = &code_verifier {
            query
                .append_pair("code_challenge", &challenge(verifier))
                .append_pair("code_challenge_method", "S256");
        }
        drop(query);
        (url, PendingAuthorization { redirect_uri: self.redirect_uri.clone(), state, code_verifier })
    }
}

/// 32 random bytes of the operating system in base64: 43 characters, as RFC 7636 section 4.1 recommends.
fn random() -> SecretString {
    let mut bytes = [0; 32];
    // Every system that the standard library runs on has randomness, and without it there are no secrets.
    getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
    URL_SAFE_NO_PAD.encode(bytes).into()
}

/// RFC 7636 section 4.2, method S256.
fn challenge(verifier: &SecretString) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose_secret()))
}

impl PendingAuthorization {
    /// Continues an authorization whose [`state`](Self::state) and [`code_verifier`](Self::code_verifier)
    /// were stored, in the user's session for instance.
    pub fn resume(redirect_uri: &str, state: &str, code_verifier: Option<&str>) -> Self {
        Self {
            redirect_uri: redirect_uri.to_owned(),
            state: state.into(),
            code_verifier: code_verifier.map(SecretString::from),
        }
    }

    /// The `state`, which the browser has to bring back.
    pub fn state(&self) -> &str {
        self.state.expose_secret()
    }

    /// The verifier, which proves to the token endpoint that the same application asks. `None` without PKCE.
    pub fn code_verifier(&self) -> Option<&str> {
        self.code_verifier.as_ref().map(ExposeSecret::expose_secret)
    }

    /// Reads the URL with which the browser came back to the redirect URI, or only its query.
    ///
    /// # Errors
    ///
    /// [`AuthorizationError`]: another state than the one that was sent, a refusal, or no code.
    pub fn finish(&self, url_or_query: &str) -> std::result::Result<AuthorizationCode, AuthorizationError> {
        let query = query_of(url_or_query);
        if parameter(query, "state").as_deref() != Some(self.state()) {
            return Err(AuthorizationError::State);
        }
        if let Some(error) = parameter(query, "error") {
            let error = OAuthError::new(&error, parameter(query, "error_description"));
            return Err(AuthorizationError::Refused(error));
        }
        let code = parameter(query, "code").ok_or(AuthorizationError::NoCode)?;
        Ok(self.code(code.into()))
    }

    fn code(&self, code: SecretString) -> AuthorizationCode {
        AuthorizationCode {
            code,
            redirect_uri: self.redirect_uri.clone(),
            code_verifier: self.code_verifier.clone(),
        }
    }
}

impl AuthorizationCode {
    /// A code that was received elsewhere, with its redirect URI and, with PKCE, its verifier.
    pub fn new(code: &str, redirect_uri: &str, code_verifier: Option<&str>) -> Self {
        Self {
            code: code.into(),
            redirect_uri: redirect_uri.to_owned(),
            code_verifier: code_verifier.map(SecretString::from),
        }
    }

    /// The code.
    pub fn code(&self) -> &str {
        self.code.expose_secret()
    }

    /// The verifier of PKCE.
    pub fn code_verifier(&self) -> Option<&str> {
        self.code_verifier.as_ref().map(ExposeSecret::expose_secret)
    }
}

impl Client {
    /// Begins an authorization for a launched user. Returns the URL to send the browser to, and what is
    /// needed when it comes back.
    ///
    /// # Errors
    ///
    /// Those of [`endpoints`](Self::endpoints), and [`Endpoint`](crate::Error::Endpoint).
    pub async fn authorize_url(&self, request: &AuthorizationRequest) -> Result<(Url, PendingAuthorization)> {
        Ok(request.begin(self.endpoints().await?.to_authorize()?))
    }

    /// Trades the activation code of a mobile launch, given as the request's `launch`, for an authorization
    /// code.
    ///
    /// # Errors
    ///
    /// Those of a write, since an activation code works once; [`OAuth`](crate::Error::OAuth) when the server
    /// refuses it.
    pub async fn authorize_mobile(&self, request: &AuthorizationRequest) -> Result<AuthorizationCode> {
        let endpoints = self.endpoints().await?;
        // The app asks, not a browser: the code goes to the configured server only.
        let (url, pending) =
            request.begin(&self.shared().oauth_server.localize_outside_fhir(endpoints.to_authorize()?));
        self.exchange(Request::new(Operation::AUTHORIZE_MOBILE, url), |answer| {
            answer.members("no authorization code", |reply| {
                reply.secret(&CODE).map(|code| pending.code(code)).ok_or("no authorization code")
            })
        })
        .await
    }
}

impl fmt::Debug for AuthorizationRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationRequest").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for PendingAuthorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingAuthorization")
            .field("redirect_uri", &self.redirect_uri)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for AuthorizationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationCode").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin() -> (Url, PendingAuthorization) {
        let endpoint = Url::parse("https://k.example/OAuth2/Koppeltaal/Authorize").expect("a URL");
        AuthorizationRequest::new("game", "https://game.example/login", "123").begin(&endpoint)
    }

    #[test]
    fn the_challenge_is_that_of_rfc_7636() {
        let verifier = SecretString::from("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn the_url_has_all_that_authorize_wants() {
        let (url, pending) = begin();
        let pairs: Vec<_> = url.query_pairs().into_owned().collect();
        let get = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        assert_eq!(get("response_type"), Some("code"));
        assert_eq!(get("client_id"), Some("game"));
        assert_eq!(get("redirect_uri"), Some("https://game.example/login"));
        assert_eq!(get("scope"), Some("patient/*.read launch:123"));
        assert_eq!(get("state"), Some(pending.state()));
        assert_eq!(get("code_challenge_method"), Some("S256"));
        assert_eq!(pending.code_verifier().map(str::len), Some(43));
        assert_ne!(super::random().expose_secret(), super::random().expose_secret());
        let shown = format!("{pending:?}");
        assert!(!shown.contains(pending.state()) && !shown.contains("123"), "{shown}");
    }

    #[test]
    fn a_user_comes_back_with_a_code_and_the_state_that_was_sent() {
        let (_, pending) = begin();
        let state = pending.state();
        let code =
            pending.finish(&format!("https://game.example/login?code=abc&state={state}")).expect("a code");
        assert_eq!(code.code(), "abc");
        assert_eq!(code.code_verifier(), pending.code_verifier());
        for (query, error) in [
            ("code=abc&state=other".to_owned(), AuthorizationError::State),
            ("code=abc".to_owned(), AuthorizationError::State),
            (format!("state={state}"), AuthorizationError::NoCode),
            (
                format!("error=invalid_scope&state={state}"),
                AuthorizationError::Refused(OAuthError::new("invalid_scope", None)),
            ),
        ] {
            assert_eq!(pending.finish(&query).expect_err("no code"), error, "{query}");
        }
    }
}
