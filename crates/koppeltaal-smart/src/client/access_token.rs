//! [`AccessToken`] and [`AccessTokens`]: a token of the token endpoint, used until it is about to expire.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use crate::client::error::Error;
use crate::client::reply::{self, Answer};
use crate::client::smart_client::SmartClient;
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

/// A token of the application, for as many requests as it lasts. Clones share it.
///
/// It is asked for once, however many tasks wait, and asked for again 30 seconds before it expires (a tenth of
/// its lifetime, if that is less). An error is given to all that ask within the next second, or within the
/// server's `Retry-After`.
#[derive(Clone)]
#[must_use]
pub struct AccessTokens {
    client: SmartClient,
    scope: Arc<str>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    known: Mutex<Known>,
    /// Held by the one that asks.
    request: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    token: Option<AccessToken>,
    /// The last failure, and until when it is the answer.
    failure: Option<(Error, Instant)>,
}

/// A token is renewed this long before it expires: the request that carries it takes time to arrive.
const MARGIN: Duration = Duration::from_secs(30);

/// How long a failure is the answer, at least and at most.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl AccessToken {
    /// Reads the reply of a token endpoint to a request that was made at `asked`.
    pub(crate) fn read(answer: &Answer, members: &Map<String, Value>, asked: Instant) -> Result<Self, Error> {
        let wrong = |problem| Error::Answer { status: answer.status, problem };
        let token = reply::text(members, "access_token").ok_or(wrong("no access_token"))?;
        if reply::text(members, "token_type").is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err(wrong("a token that is no bearer token"));
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong("an access_token that a header cannot carry"));
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

    /// Whether it is time to ask for a new one.
    pub fn is_due(&self, now: Instant) -> bool {
        self.shared.expiry.is_some_and(|(at, lifetime)| now + MARGIN.min(lifetime / 10) >= at)
    }
}

impl AccessTokens {
    /// The tokens of this client for a scope. It may be empty: then the server decides by the client's role.
    pub fn new(client: SmartClient, scope: &str) -> Self {
        Self { client, scope: scope.into(), state: Arc::default() }
    }

    /// The token, asked for if there is none or it is about to expire.
    ///
    /// # Errors
    ///
    /// Those of [`SmartClient::access_token`].
    pub async fn get(&self) -> Result<AccessToken, Error> {
        if let Some(token) = self.token(Instant::now()) {
            return Ok(token);
        }
        let _asking = self.state.request.lock().await;
        let now = Instant::now();
        // Another task may have asked meanwhile.
        if let Some(token) = self.token(now) {
            return Ok(token);
        }
        if let Some((error, until)) = &self.known().failure
            && now < *until
        {
            return Err(error.clone());
        }
        let result = self.client.access_token(&self.scope).await;
        let mut known = self.known();
        match &result {
            Ok(token) => *known = Known { token: Some(token.clone()), failure: None },
            Err(error) => {
                let wait = match error {
                    Error::Unavailable { retry_after: Some(wait), .. } => *wait,
                    _ => PAUSE,
                };
                known.failure = Some((error.clone(), Instant::now() + wait.clamp(PAUSE, LONGEST_PAUSE)));
            }
        }
        result
    }

    /// Throws a token away that the FHIR server did not accept (401). The next [`get`](Self::get) asks for a
    /// new one. Nothing happens if another task has done so already.
    pub fn discard(&self, token: &AccessToken) {
        let mut known = self.known();
        if known.token.as_ref().is_some_and(|current| Arc::ptr_eq(&current.shared, &token.shared)) {
            known.token = None;
        }
    }

    fn token(&self, now: Instant) -> Option<AccessToken> {
        self.known().token.clone().filter(|token| !token.is_due(now))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.state.known.lock().unwrap_or_else(PoisonError::into_inner)
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

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessTokens").field("client", &self.client).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::zeroize::Zeroizing;
    use serde_json::json;

    use super::*;

    fn read(json: &Value, asked: Instant) -> Result<AccessToken, Error> {
        let answer = Answer {
            status: reqwest::StatusCode::OK,
            retry_after: None,
            max_age: None,
            body: Zeroizing::default(),
        };
        AccessToken::read(&answer, json.as_object().expect("an object"), asked)
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
            assert!(error.to_string().contains(problem), "{error}");
        }
        let token = read(&json!({"access_token": "geheim", "scope": "system/Task.r"}), Instant::now());
        assert!(!format!("{token:?}").contains("geheim"));
    }
}
