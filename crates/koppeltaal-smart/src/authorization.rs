//! [`AuthorizationRequest`]: from a received launch to an authorization code (SMART App Launch 2.x), with
//! `state` and PKCE (RFC 7636).

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;
use url::Url;

use crate::backend;
use crate::base64url;
use crate::oauth_error::OAuthError;

/// The scopes of a launch: exactly these three, says Koppeltaal (TOP-KT-007).
const SCOPE: &str = "launch openid fhirUser";

/// A request for the authorization of a launched user.
#[derive(Clone)]
#[must_use]
pub struct AuthorizationRequest {
    client_id: String,
    redirect_uri: String,
    audience: String,
    launch: SecretString,
    scope: String,
    prompt: Option<Prompt>,
}

/// Whether the identity provider asks the user (`OpenID` Connect Core section 3.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Prompt {
    /// `none`: never. A user who is not logged in there yet is refused.
    None,
    /// `login`: the user logs in again.
    Login,
    /// `consent`.
    Consent,
    /// `select_account`.
    SelectAccount,
}

/// An authorization that has begun. It is needed when the user's browser comes back; keep it with the user's
/// session until then. `Debug` shows none of its secrets.
#[derive(Clone)]
pub struct PendingAuthorization {
    redirect_uri: String,
    state: SecretString,
    code_verifier: SecretString,
}

/// A code that the token endpoint takes once, within about a minute.
#[derive(Clone)]
pub struct AuthorizationCode {
    code: SecretString,
    redirect_uri: String,
    code_verifier: SecretString,
}

/// Why an authorization does not begin, or the user's browser came back without a code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizationError {
    /// The operating system gives no random numbers, so there can be no secrets.
    #[error("the operating system gives no random numbers")]
    Randomness,
    /// The `state` is missing, or is not the one that was sent: this is not the answer to this application's
    /// request. Do not use the code.
    #[error("the state is not the one that was sent; let the user launch again")]
    State,
    /// The server refused.
    #[error("the server refuses the authorization: {0}")]
    Refused(OAuthError),
    /// There is no `code`.
    #[error("there is no authorization code; let the user launch again")]
    NoCode,
}

impl AuthorizationRequest {
    /// Asks for the authorization of a user who was launched with this token.
    ///
    /// `redirect_uri` must be registered for the application, verbatim. `audience` is the base URL of the
    /// FHIR server, exactly as the launch says (`iss` there).
    pub fn new(
        client_id: impl Into<String>,
        redirect_uri: impl Into<String>,
        audience: impl Into<String>,
        launch: &str,
    ) -> Self {
        Self {
            client_id: client_id.into(),
            redirect_uri: redirect_uri.into(),
            audience: audience.into(),
            launch: launch.into(),
            scope: SCOPE.to_owned(),
            prompt: None,
        }
    }

    /// Another scope than `launch openid fhirUser`.
    pub fn scope(self, scope: impl Into<String>) -> Self {
        Self { scope: scope.into(), ..self }
    }

    /// Whether the identity provider asks the user.
    pub fn prompt(self, prompt: Prompt) -> Self {
        Self { prompt: Some(prompt), ..self }
    }

    /// Begins. Returns the URL to send the browser to, and what is needed when it comes back.
    ///
    /// # Errors
    ///
    /// [`AuthorizationError::Randomness`].
    pub fn begin(&self, endpoint: &Url) -> Result<(Url, PendingAuthorization), AuthorizationError> {
        let (state, code_verifier) = (random()?, random()?);
        let mut url = endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", &self.scope)
            .append_pair("state", state.expose_secret())
            .append_pair("aud", &self.audience)
            .append_pair("launch", self.launch.expose_secret())
            .append_pair("code_challenge", &code_challenge(code_verifier.expose_secret()))
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(self.prompt.map(|prompt| ("prompt", prompt.as_str())));
        Ok((url, PendingAuthorization { redirect_uri: self.redirect_uri.clone(), state, code_verifier }))
    }
}

impl Prompt {
    fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Login => "login",
            Self::Consent => "consent",
            Self::SelectAccount => "select_account",
        }
    }
}

/// 32 random bytes in base64url: 43 characters, as RFC 7636 section 4.1 recommends.
fn random() -> Result<SecretString, AuthorizationError> {
    let bytes = backend::random::<32>().ok_or(AuthorizationError::Randomness)?;
    Ok(base64url::encode(bytes).into())
}

/// The challenge for a verifier of PKCE, method S256 (RFC 7636 section 4.2). A server compares it with the
/// one that came to its authorization endpoint.
pub fn code_challenge(code_verifier: &str) -> String {
    base64url::encode(backend::sha256(code_verifier.as_bytes()))
}

impl PendingAuthorization {
    /// Continues an authorization whose [`state`](Self::state) and [`code_verifier`](Self::code_verifier)
    /// were stored, in the user's session for instance.
    pub fn resume(redirect_uri: &str, state: &str, code_verifier: &str) -> Self {
        Self {
            redirect_uri: redirect_uri.to_owned(),
            state: state.into(),
            code_verifier: code_verifier.into(),
        }
    }

    /// The `state`, which the browser has to bring back.
    pub fn state(&self) -> &str {
        self.state.expose_secret()
    }

    /// The verifier, which proves to the token endpoint that the same application asks.
    pub fn code_verifier(&self) -> &str {
        self.code_verifier.expose_secret()
    }

    /// Reads the URL with which the browser came back to the redirect URI, or only its query.
    ///
    /// # Errors
    ///
    /// [`AuthorizationError`]: another state than the one that was sent, a refusal, or no code.
    pub fn finish(&self, url_or_query: &str) -> Result<AuthorizationCode, AuthorizationError> {
        let url = url_or_query.split('#').next().unwrap_or_default();
        let query = url.split_once('?').map_or(url, |(_, query)| query);
        let parameter = |name: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs.find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.into_owned())
        };
        let state = parameter("state").unwrap_or_default();
        if state.as_bytes().ct_ne(self.state().as_bytes()).into() {
            return Err(AuthorizationError::State);
        }
        if let Some(code) = parameter("error") {
            let error = OAuthError::new(&code, parameter("error_description").as_deref());
            return Err(AuthorizationError::Refused(error));
        }
        let code = parameter("code").ok_or(AuthorizationError::NoCode)?;
        Ok(AuthorizationCode {
            code: code.into(),
            redirect_uri: self.redirect_uri.clone(),
            code_verifier: self.code_verifier.clone(),
        })
    }
}

impl AuthorizationCode {
    /// A code that was received elsewhere, with its redirect URI and its verifier.
    pub fn new(code: &str, redirect_uri: &str, code_verifier: &str) -> Self {
        Self { code: code.into(), redirect_uri: redirect_uri.to_owned(), code_verifier: code_verifier.into() }
    }

    /// The parameters of the token request, beside the client assertion. [`SmartClient`](crate::SmartClient)
    /// sends them; this is for an application with an HTTP client of its own.
    pub fn parameters(&self) -> [(&'static str, &str); 4] {
        [
            ("grant_type", "authorization_code"),
            ("code", self.code.expose_secret()),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", self.code_verifier.expose_secret()),
        ]
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
        let endpoint = Url::parse("https://auth.example/oauth2/authorize").expect("a URL");
        AuthorizationRequest::new("module", "https://module.example/cb", "https://kt.example/fhir", "a.b.c")
            .prompt(Prompt::Login)
            .begin(&endpoint)
            .expect("randomness")
    }

    #[test]
    fn the_challenge_is_that_of_rfc_7636() {
        assert_eq!(
            code_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn the_url_has_all_that_authorize_wants() {
        let (url, pending) = begin();
        let pairs: Vec<_> = url.query_pairs().into_owned().collect();
        let expected = [
            ("response_type", "code"),
            ("client_id", "module"),
            ("redirect_uri", "https://module.example/cb"),
            ("scope", "launch openid fhirUser"),
            ("state", pending.state()),
            ("aud", "https://kt.example/fhir"),
            ("launch", "a.b.c"),
            ("code_challenge", &code_challenge(pending.code_verifier())),
            ("code_challenge_method", "S256"),
            ("prompt", "login"),
        ];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(pending.code_verifier().len(), 43);
        assert_ne!(pending.code_verifier(), pending.state());
        assert!(!format!("{pending:?}").contains(pending.state()));
    }

    #[test]
    fn a_user_comes_back_with_a_code_and_the_state_that_was_sent() {
        let (_, pending) = begin();
        let state = pending.state();
        assert!(pending.finish(&format!("https://module.example/cb?code=abc&state={state}#x")).is_ok());
        for (query, error) in [
            ("code=abc&state=other".to_owned(), AuthorizationError::State),
            ("code=abc".to_owned(), AuthorizationError::State),
            (format!("state={state}"), AuthorizationError::NoCode),
            (
                format!("error=access_denied&state={state}"),
                AuthorizationError::Refused(OAuthError::new("access_denied", None)),
            ),
        ] {
            assert_eq!(pending.finish(&query).expect_err("no code"), error, "{query}");
        }
    }
}
