//! [`AccessTokens`]: a token of the application, used until it is about to expire.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::client::access_token::AccessToken;
use crate::client::error::Error;
use crate::client::smart_client::SmartClient;

/// A token of the application, for as many requests as it lasts. Clones share it.
///
/// It is asked for once, however many tasks wait, and asked for again 30 seconds before it expires (a tenth
/// of its lifetime, if that is less). If that fails, the token is used until it expires. After a failure,
/// nothing is asked within the next second, or within the server's `Retry-After`: all that need a token get
/// the same error.
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

/// How long a failure is the answer, at least and at most.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl Known {
    /// The answer without a request: a token that is not due, or what followed from a failure a moment ago. A
    /// token that is due and has not expired is better than an error.
    fn answer(&self, now: Instant) -> Option<Result<AccessToken, Error>> {
        let valid = self.token.as_ref().filter(|token| !token.is_expired(now)).cloned();
        if let Some(token) = valid.as_ref().filter(|token| !token.is_due(now)) {
            return Some(Ok(token.clone()));
        }
        let (error, _) = self.failure.as_ref().filter(|(_, until)| now < *until)?;
        Some(valid.ok_or_else(|| error.clone()))
    }
}

impl AccessTokens {
    /// The tokens of this client for a scope. It may be empty: then the server decides by the client's role.
    pub fn new(client: SmartClient, scope: &str) -> Self {
        Self { client, scope: scope.into(), state: Arc::default() }
    }

    /// The token. A new one is requested when there is none, or when it is about to expire.
    ///
    /// # Errors
    ///
    /// Those of [`SmartClient::access_token`].
    pub async fn get(&self) -> Result<AccessToken, Error> {
        if let Some(answer) = self.known().answer(Instant::now()) {
            return answer;
        }
        let _asking = self.state.request.lock().await;
        // Another task may have asked meanwhile.
        if let Some(answer) = self.known().answer(Instant::now()) {
            return answer;
        }
        let result = self.client.access_token(&self.scope).await;
        let mut known = self.known();
        match result {
            Ok(token) => {
                *known = Known { token: Some(token.clone()), failure: None };
                Ok(token)
            }
            Err(error) => {
                let wait = match error {
                    Error::Unavailable { retry_after: Some(wait), .. } => wait,
                    _ => PAUSE,
                };
                let now = Instant::now();
                known.failure = Some((error.clone(), now + wait.clamp(PAUSE, LONGEST_PAUSE)));
                known.answer(now).unwrap_or(Err(error))
            }
        }
    }

    /// Throws a token away that the FHIR server did not accept (401). The next [`get`](Self::get) asks for a
    /// new one. Nothing happens if another task has done so already.
    pub fn discard(&self, token: &AccessToken) {
        let mut known = self.known();
        if known.token.as_ref().is_some_and(|current| current.is(token)) {
            known.token = None;
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.state.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessTokens").field("client", &self.client).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_that_cannot_be_renewed_is_used_until_it_expires() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let reply = json!({"access_token": "a", "expires_in": 3600});
        let token = AccessToken::from_members(reply.as_object().expect("an object"), start).expect("a token");
        let mut known = Known { token: Some(token), failure: None };
        assert!(matches!(known.answer(at(3569)), Some(Ok(_))));
        assert!(known.answer(at(3570)).is_none(), "it is time to ask");
        known.failure = Some((Error::PlainHttp, at(3610)));
        assert!(matches!(known.answer(at(3599)), Some(Ok(_))));
        assert!(matches!(known.answer(at(3600)), Some(Err(Error::PlainHttp))));
        assert!(known.answer(at(3610)).is_none(), "it is time to ask again");
    }
}
