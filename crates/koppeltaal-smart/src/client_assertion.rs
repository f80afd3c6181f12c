//! [`ClientAssertion`]: how an application authenticates itself with its key, `private_key_jwt` (RFC 7523),
//! as SMART backend services have it.

use std::time::{Duration, SystemTime};

use serde_json::json;
use uuid::Uuid;

use crate::claims::{DEFAULT_LEEWAY, Validation, seconds};
use crate::jwt::{Jwt, UnverifiedJwt};
use crate::jwt_error::JwtError;
use crate::key_source::KeySource;
use crate::replay::ReplayGuard;
use crate::signer::{SignError, Signer, sign_jwt};

/// The value of the parameter `client_assertion_type`.
pub const CLIENT_ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The longest that an assertion may be valid (SMART backend services).
pub const MAX_ASSERTION_LIFETIME: Duration = Duration::from_secs(300);

/// How far `iat` lies back, for a server whose clock is behind.
const BACK: Duration = Duration::from_secs(10);

/// A proof that a request comes from an application, for one audience.
#[derive(Debug, Clone)]
#[must_use]
pub struct ClientAssertion {
    client_id: String,
    audience: String,
    lifetime: Duration,
}

/// Checks the assertions that applications send; for a server.
#[derive(Debug, Clone)]
#[must_use]
pub struct AssertionVerifier {
    audiences: Vec<String>,
    leeway: Duration,
}

impl ClientAssertion {
    /// An assertion of this application. The audience is the URL of the token endpoint, exactly as the server
    /// states it. Valid for two minutes.
    pub fn new(client_id: impl Into<String>, audience: impl Into<String>) -> Self {
        Self { client_id: client_id.into(), audience: audience.into(), lifetime: Duration::from_secs(120) }
    }

    /// Valid for this long, and at most for nearly [`MAX_ASSERTION_LIFETIME`]: `iat` is set back by ten
    /// seconds.
    pub fn lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime: lifetime.min(MAX_ASSERTION_LIFETIME - BACK), ..self }
    }

    /// The signed assertion, with a new `jti`.
    ///
    /// # Errors
    ///
    /// [`SignError`].
    pub async fn sign(&self, signer: &(impl Signer + ?Sized), now: SystemTime) -> Result<Jwt, SignError> {
        let claims = json!({
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.audience,
            "jti": Uuid::new_v4().to_string(),
            "iat": seconds(now).saturating_sub(BACK.as_secs()),
            "exp": seconds(now) + self.lifetime.as_secs(),
        });
        sign_jwt(signer, &claims).await
    }
}

impl AssertionVerifier {
    /// Accepts assertions for any of these audiences: the token endpoint, and for introspection its own
    /// endpoint too, since clients send either.
    pub fn new(audiences: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { audiences: audiences.into_iter().map(Into::into).collect(), leeway: DEFAULT_LEEWAY }
    }

    /// How far the clocks may be apart.
    pub fn leeway(self, leeway: Duration) -> Self {
        Self { leeway, ..self }
    }

    /// Checks an assertion of the client with these keys; `iss` of the [unverified
    /// claims](UnverifiedJwt::unverified_claims) says which client that is. Returns its identifier.
    ///
    /// # Errors
    ///
    /// [`JwtError`].
    pub async fn verify<'a>(
        &self,
        assertion: &'a UnverifiedJwt,
        keys: &(impl KeySource + ?Sized),
        guard: &(impl ReplayGuard + ?Sized),
        now: SystemTime,
    ) -> Result<&'a str, JwtError> {
        let claims = assertion.unverified_claims();
        let client_id = claims.text("iss").ok_or(JwtError::Missing("iss"))?;
        let mut validation = Validation::new()
            .subject(client_id)
            .require("jti")
            .leeway(self.leeway)
            .max_lifetime(MAX_ASSERTION_LIFETIME.saturating_add(self.leeway));
        for audience in &self.audiences {
            validation = validation.audience(audience);
        }
        assertion.verify_with(keys).await?;
        validation.check_once(claims, client_id, guard, now).await?;
        Ok(client_id)
    }
}
