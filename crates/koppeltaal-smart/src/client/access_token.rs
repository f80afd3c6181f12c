//! [`AccessToken`]: a token of the token endpoint.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use crate::client::error::Error;
use crate::client::reply::{self, Answer};
use crate::scope::Scopes;

/// An access token. A secret: `Debug` does not show it, and it is wiped when the last clone is dropped.
#[derive(Clone)]
pub struct AccessToken {
    shared: Arc<Shared>,
}

struct Shared {
    token: SecretString,
    /// When it expires and how long it is valid in all, if that is known.
    expiry: Option<(Instant, Duration)>,
    scopes: Scopes,
}

/// A token is renewed this long before it expires: the request that carries it takes time to arrive.
const MARGIN: Duration = Duration::from_secs(30);

impl AccessToken {
    /// Reads the reply of a token endpoint to a request that was made at `asked`.
    pub(crate) fn read(answer: &Answer, members: &Map<String, Value>, asked: Instant) -> Result<Self, Error> {
        Self::from_members(members, asked).map_err(|problem| Error::Answer { status: answer.status, problem })
    }

    pub(crate) fn from_members(members: &Map<String, Value>, asked: Instant) -> Result<Self, &'static str> {
        let token = reply::text(members, "access_token").ok_or("no access_token")?;
        if reply::text(members, "token_type").is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err("a token that is no bearer token");
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("an access_token that a header cannot carry");
        }
        let lifetime = reply::duration(members, "expires_in");
        let expiry = lifetime.and_then(|lifetime| Some((asked.checked_add(lifetime)?, lifetime)));
        let scopes = Scopes::parse(&reply::text(members, "scope").unwrap_or_default());
        Ok(Self { shared: Arc::new(Shared { token: token.into(), expiry, scopes }) })
    }

    /// The token, for `Authorization: Bearer`.
    pub fn as_str(&self) -> &str {
        self.shared.token.expose_secret()
    }

    /// What it allows, as the reply says. A server that says nothing gave what was asked for.
    pub fn scopes(&self) -> &Scopes {
        &self.shared.scopes
    }

    /// When it expires, if the server said so.
    pub fn expires_at(&self) -> Option<Instant> {
        self.shared.expiry.map(|(at, _)| at)
    }

    /// Whether the two are clones of one token.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Whether it has expired.
    pub fn is_expired(&self, now: Instant) -> bool {
        self.expires_at().is_some_and(|at| at <= now)
    }

    /// Whether it is time to ask for a new one.
    pub fn is_due(&self, now: Instant) -> bool {
        self.shared.expiry.is_some_and(|(at, lifetime)| now + MARGIN.min(lifetime / 10) >= at)
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("expires_at", &self.expires_at())
            .field("scopes", &self.shared.scopes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(json: &Value, asked: Instant) -> Result<AccessToken, &'static str> {
        AccessToken::from_members(json.as_object().expect("an object"), asked)
    }

    #[test]
    fn a_token_is_due_shortly_before_it_expires() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let long = read(&json!({"access_token": "a", "expires_in": "3600"}), start).expect("a token");
        assert!(!long.is_due(at(3569)) && long.is_due(at(3570)));
        let short = read(&json!({"access_token": "a", "expires_in": 20}), start).expect("a token");
        assert!(!short.is_due(at(17)) && short.is_due(at(18)));
        let unknown = read(&json!({"access_token": "a"}), start).expect("a token");
        assert!(!unknown.is_due(at(1 << 30)));
    }

    #[test]
    fn a_reply_without_a_usable_token_says_so() {
        for (json, problem) in [
            (json!({"token_type": "Bearer"}), "no access_token"),
            (json!({"access_token": ""}), "no access_token"),
            (json!({"access_token": "a", "token_type": "mac"}), "no bearer token"),
            (json!({"access_token": "a\r\nb"}), "a header cannot carry"),
        ] {
            let error = read(&json, Instant::now()).expect_err("no token");
            assert!(error.contains(problem), "{error}");
        }
        let token = read(&json!({"access_token": "geheim", "scope": "system/Task.r"}), Instant::now());
        assert!(!format!("{token:?}").contains("geheim"));
    }
}
