//! [`HtiVerifier`]: checks the token of a launch, for a module that does not introspect, and for a server.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::claims::{DEFAULT_LEEWAY, Validation};
use crate::hti::HtiClaims;
use crate::hti::launch::MAX_LAUNCH_LIFETIME;
use crate::jwt::UnverifiedJwt;
use crate::jwt_error::JwtError;
use crate::key_source::KeySource;
use crate::replay::ReplayGuard;

/// Checks HTI tokens: a known issuer, its signature, the audience, the times, and that the token is used for
/// the first time.
///
/// In Koppeltaal a launch is introspected, or traded at the authorization service, and that spends its `jti`:
/// do one of the three.
#[derive(Clone)]
#[must_use]
pub struct HtiVerifier {
    audiences: Vec<String>,
    issuers: HashMap<String, Arc<dyn KeySource>>,
    guard: Arc<dyn ReplayGuard>,
    leeway: Duration,
    max_lifetime: Duration,
}

impl HtiVerifier {
    /// For tokens of which each is used once, by this memory.
    pub fn new(guard: Arc<dyn ReplayGuard>) -> Self {
        Self {
            audiences: Vec::new(),
            issuers: HashMap::new(),
            guard,
            leeway: DEFAULT_LEEWAY,
            max_lifetime: MAX_LAUNCH_LIFETIME,
        }
    }

    /// Accepts this audience: `Device/<id>` of the module. Without any, no token is accepted.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Accepts this issuer, whose keys come from there.
    pub fn issuer(mut self, issuer: impl Into<String>, keys: Arc<dyn KeySource>) -> Self {
        self.issuers.insert(issuer.into(), keys);
        self
    }

    /// How far the clocks may be apart.
    pub fn leeway(self, leeway: Duration) -> Self {
        Self { leeway, ..self }
    }

    /// Accepts tokens that are valid for longer than the five minutes of HTI. Some portals give fifteen.
    pub fn max_lifetime(self, lifetime: Duration) -> Self {
        Self { max_lifetime: lifetime, ..self }
    }

    /// Checks a token of one of the [issuers](Self::issuer), and marks it as used.
    ///
    /// # Errors
    ///
    /// [`JwtError`].
    pub async fn verify(&self, token: &str, now: SystemTime) -> Result<HtiClaims, JwtError> {
        let token = UnverifiedJwt::parse(token)?;
        let issuer = token.unverified_claims().text("iss").ok_or(JwtError::Missing("iss"))?;
        let keys = self.issuers.get(issuer).ok_or(JwtError::Issuer)?;
        self.verify_with(&token, keys, now).await
    }

    /// Checks a token with these keys, and marks it as used. For a server that looks the keys up by `iss` of
    /// the [unverified claims](UnverifiedJwt::unverified_claims).
    ///
    /// # Errors
    ///
    /// [`JwtError`].
    pub async fn verify_with(
        &self,
        token: &UnverifiedJwt,
        keys: &(impl KeySource + ?Sized),
        now: SystemTime,
    ) -> Result<HtiClaims, JwtError> {
        let claims = token.verify_with(keys).await?;
        if self.audiences.is_empty() {
            return Err(JwtError::Audience);
        }
        let read = HtiClaims::from_claims(claims)?;
        let mut validation = Validation::new().leeway(self.leeway).max_lifetime(self.max_lifetime);
        for audience in &self.audiences {
            validation = validation.audience(audience);
        }
        validation.check_once(claims, &read.issuer, &*self.guard, now).await?;
        Ok(read)
    }
}

impl fmt::Debug for HtiVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HtiVerifier")
            .field("audiences", &self.audiences)
            .field("issuers", &self.issuers.keys())
            .finish_non_exhaustive()
    }
}
