//! [`Claims`]: what a token says (RFC 7519 section 4), and [`Validation`], the rules that it must keep.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use crate::jwt_error::JwtError;
use crate::replay::ReplayGuard;

/// The claims of a token. `Debug` shows their names only, since the values point to people.
#[derive(Clone, PartialEq, Eq)]
pub struct Claims(Map<String, Value>);

/// Rules for the registered claims: `iss`, `sub`, `aud`, `exp`, `nbf`, `iat`, `jti`. `exp` is always needed.
#[derive(Debug, Clone)]
#[must_use]
pub struct Validation {
    issuers: Vec<String>,
    subject: Option<String>,
    audiences: Vec<String>,
    required: Vec<&'static str>,
    leeway: Duration,
    max_lifetime: Option<Duration>,
}

/// How far the clocks of two machines may be apart, if nothing else is said.
pub const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);

impl Claims {
    pub(crate) fn new(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// Any claim.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A claim that is a text and not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// The audiences. The claim is a text or a list of texts.
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        let claim = self.get("aud");
        let listed = claim.and_then(Value::as_array).into_iter().flatten();
        claim.into_iter().chain(listed).filter_map(Value::as_str)
    }

    /// A claim that is a time. `None` if it is absent or no number.
    pub fn time(&self, name: &str) -> Option<SystemTime> {
        let seconds = self.get(name)?.as_f64()?;
        Some(if seconds <= 0.0 {
            UNIX_EPOCH
        } else {
            let since = Duration::try_from_secs_f64(seconds).unwrap_or(FAR);
            UNIX_EPOCH + since.min(FAR)
        })
    }

    /// All claims.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// A time that must be a number if it is there.
    fn checked_time(&self, name: &str) -> Result<Option<SystemTime>, JwtError> {
        match (self.get(name), self.time(name)) {
            (None, _) => Ok(None),
            (Some(_), Some(time)) => Ok(Some(time)),
            (Some(_), None) => Err(JwtError::Malformed("a time is not a number")),
        }
    }
}

/// A time that no clock of ours reaches, about the year 9700.
const FAR: Duration = Duration::from_secs(1 << 38);

impl Validation {
    /// Only `exp`, `nbf` and `iat`, with a leeway of [`DEFAULT_LEEWAY`].
    pub fn new() -> Self {
        Self {
            issuers: Vec::new(),
            subject: None,
            audiences: Vec::new(),
            required: Vec::new(),
            leeway: DEFAULT_LEEWAY,
            max_lifetime: None,
        }
    }

    /// Accepts this issuer; called several times, each of them. A slash at the end makes no difference.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuers.push(issuer.into());
        self
    }

    /// Requires this subject.
    pub fn subject(self, subject: impl Into<String>) -> Self {
        Self { subject: Some(subject.into()), ..self }
    }

    /// Accepts this audience; called several times, each of them.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Requires a claim that is a text, such as `jti`.
    pub fn require(mut self, claim: &'static str) -> Self {
        self.required.push(claim);
        self
    }

    /// How far the clocks may be apart.
    pub fn leeway(self, leeway: Duration) -> Self {
        Self { leeway: leeway.min(FAR), ..self }
    }

    /// How long a token may be valid, from `iat` (or from now, without it) to `exp`.
    pub fn max_lifetime(self, lifetime: Duration) -> Self {
        Self { max_lifetime: Some(lifetime.min(FAR)), ..self }
    }

    /// Checks claims at this time.
    ///
    /// # Errors
    ///
    /// [`JwtError`]: the first rule that is broken.
    pub fn check(&self, claims: &Claims, now: SystemTime) -> Result<(), JwtError> {
        if !self.issuers.is_empty() {
            let issuer = claims.text("iss").ok_or(JwtError::Missing("iss"))?;
            if !self.issuers.iter().any(|known| is_same_issuer(known, issuer)) {
                return Err(JwtError::Issuer);
            }
        }
        if let Some(subject) = &self.subject
            && claims.text("sub").ok_or(JwtError::Missing("sub"))? != subject
        {
            return Err(JwtError::Subject);
        }
        if !self.audiences.is_empty() {
            if claims.audiences().next().is_none() {
                return Err(JwtError::Missing("aud"));
            }
            if !claims.audiences().any(|audience| self.audiences.iter().any(|known| known == audience)) {
                return Err(JwtError::Audience);
            }
        }
        if let Some(missing) = self.required.iter().find(|name| claims.text(name).is_none()) {
            return Err(JwtError::Missing(missing));
        }
        self.check_times(claims, now)
    }

    /// Checks claims, and that the token of this issuer is used for the first time.
    pub(crate) async fn check_once(
        &self,
        claims: &Claims,
        issuer: &str,
        guard: &(impl ReplayGuard + ?Sized),
        now: SystemTime,
    ) -> Result<(), JwtError> {
        self.check(claims, now)?;
        let jti = claims.text("jti").ok_or(JwtError::Missing("jti"))?;
        let expires = claims.time("exp").ok_or(JwtError::Missing("exp"))?;
        Ok(guard.use_once(issuer, jti, expires + self.leeway, now).await?)
    }

    fn check_times(&self, claims: &Claims, now: SystemTime) -> Result<(), JwtError> {
        let expires = claims.checked_time("exp")?.ok_or(JwtError::Missing("exp"))?;
        let issued = claims.checked_time("iat")?;
        let latest = now + self.leeway;
        if expires + self.leeway <= now {
            return Err(JwtError::Expired);
        }
        if issued.is_some_and(|issued| issued > latest)
            || claims.checked_time("nbf")?.is_some_and(|start| start > latest)
        {
            return Err(JwtError::NotYetValid);
        }
        if let Some(limit) = self.max_lifetime {
            // Without `iat` the other clock counts, which may be ahead.
            let end = issued.unwrap_or(latest) + limit;
            if expires > end {
                return Err(JwtError::Lifetime { limit: limit.as_secs() });
            }
        }
        Ok(())
    }
}

impl Default for Validation {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether two names of an issuer are the same but for a slash at the end: the reference service of
/// Koppeltaal has one in its documents and none in its tokens.
pub(crate) fn is_same_issuer(one: &str, other: &str) -> bool {
    one.strip_suffix('/').unwrap_or(one) == other.strip_suffix('/').unwrap_or(other)
}

/// Seconds since 1970, for a claim.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
