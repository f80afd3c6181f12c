//! [`Session`]: the tokens of a launched user, kept fresh.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use futures_util::future::BoxFuture;
use http::HeaderValue;
use tracing::{debug, warn};

use super::error::OAuthErrorCode;
use super::token::ClientAuthentication;
use super::tokens::Tokens;
use crate::client::Client;
use crate::credentials::Credentials;
use crate::error::{Error, Result};
use crate::flight::Flight;
use crate::secret;

/// The session of a launched user, as [`Credentials::bearer`]. Clones are the same session.
///
/// With a [`ClientAuthentication`] and a refresh token it gets new tokens by itself: shortly before they expire, and when
/// the server says that they have. However many requests wait, one refresh is made, and it is finished even when all of
/// them are dropped, since a refresh token works once. A refresh that fails while the token is still good does not stop
/// anything; afterwards it is [`Error::TokenRefresh`].
#[derive(Clone)]
pub struct Session {
    shared: Arc<Shared>,
}

struct Shared {
    client: Option<ClientAuthentication>,
    store: Option<Arc<dyn TokenStore>>,
    state: Mutex<State>,
    refresh: Flight<HeaderValue>,
}

struct State {
    tokens: Tokens,
    header: HeaderValue,
    /// Why there will be no more tokens: the server has declared the refresh token dead.
    ended: Option<Error>,
}

/// Where tokens are kept while the application is not running.
///
/// ```
/// use futures_util::future::BoxFuture;
/// use koppeltaal_transport::{TokenStore, Tokens};
///
/// struct Table;
///
/// impl TokenStore for Table {
///     fn save<'a>(&'a self, tokens: &'a Tokens) -> BoxFuture<'a, Result<(), Box<dyn std::error::Error + Send + Sync>>> {
///         Box::pin(async move {
///             let _secret = (tokens.access_token(), tokens.refresh_token(), tokens.expires_at());
///             // ... into the database, encrypted ...
///             Ok(())
///         })
///     }
/// }
/// ```
pub trait TokenStore: Send + Sync + 'static {
    /// Keeps these tokens in place of earlier ones. Called before the first request with them.
    ///
    /// # Errors
    ///
    /// Whatever goes wrong. The session goes on with the new tokens, since the old ones are dead, and logs a warning.
    fn save<'a>(
        &'a self,
        tokens: &'a Tokens,
    ) -> BoxFuture<'a, std::result::Result<(), Box<dyn std::error::Error + Send + Sync>>>;
}

impl Session {
    /// A session that ends when its access token expires.
    pub fn new(tokens: Tokens) -> Self {
        Self::with(tokens, None, None)
    }

    /// A session that gets new tokens as this client, if it has a refresh token.
    pub fn refreshed_by(tokens: Tokens, client: ClientAuthentication) -> Self {
        Self::with(tokens, Some(client), None)
    }

    /// A session that gets new tokens as this client, and has each of them kept in a store.
    pub fn kept_in(tokens: Tokens, client: ClientAuthentication, store: Arc<dyn TokenStore>) -> Self {
        Self::with(tokens, Some(client), Some(store))
    }

    fn with(
        tokens: Tokens,
        client: Option<ClientAuthentication>,
        store: Option<Arc<dyn TokenStore>>,
    ) -> Self {
        let header = header(&tokens);
        let state = Mutex::new(State { tokens, header, ended: None });
        Self { shared: Arc::new(Shared { client, store, state, refresh: Flight::default() }) }
    }

    /// The tokens as they are now.
    pub fn tokens(&self) -> Tokens {
        self.state().tokens.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The header for the next request, of fresh tokens if it is time for them.
    pub(crate) async fn authorization(&self, client: &Client) -> Result<HeaderValue> {
        let (header, due, expired) = {
            let (state, now) = (self.state(), SystemTime::now());
            (state.header.clone(), state.tokens.is_due(now), state.tokens.is_expired(now))
        };
        if !due || !self.is_refreshable() {
            return Ok(header);
        }
        match self.renew(client, &header).await {
            Ok(header) => Ok(header),
            Err(error) if expired => Err(error),
            Err(error) => {
                debug!(%error, "the token is still good");
                Ok(header)
            }
        }
    }

    pub(crate) fn is_refreshable(&self) -> bool {
        self.shared.client.is_some() && self.state().tokens.refresh_token().is_some()
    }

    /// Gets new tokens in place of those that `used` was made of, unless somebody has done so already.
    pub(crate) async fn renew(&self, client: &Client, used: &HeaderValue) -> Result<HeaderValue> {
        let known = || Some(self.state().header.clone()).filter(|header| header != used);
        let refresh = || {
            let session = self.clone();
            // Who refreshes is the application, not the session.
            let client = client.with_credentials(Credentials::anonymous());
            session.refresh(client)
        };
        let refreshed = self.shared.refresh.join(known, refresh).await;
        refreshed.map_err(|error| Error::TokenRefresh { source: Box::new(error) })
    }

    /// Boxed, because the request for a token is a request that could, for all the compiler knows, need a token.
    fn refresh(self, client: Client) -> BoxFuture<'static, Result<HeaderValue>> {
        Box::pin(async move { self.get_tokens(&client).await })
    }

    async fn get_tokens(&self, client: &Client) -> Result<HeaderValue> {
        let (old, ended) = {
            let state = self.state();
            (state.tokens.clone(), state.ended.clone())
        };
        if let Some(ended) = ended {
            return Err(ended);
        }
        let authentication = self.shared.client.as_ref().ok_or(Error::NoRefreshToken)?;
        let tokens = match client.refresh(authentication, &old).await {
            Ok(tokens) => tokens,
            Err(error) => {
                if matches!(&error, Error::OAuth { error, .. } if error.code == OAuthErrorCode::InvalidGrant)
                {
                    self.state().ended = Some(error.clone());
                }
                return Err(error);
            }
        };
        if let Some(store) = &self.shared.store
            && store.save(&tokens).await.is_err()
        {
            // What went wrong may quote what was to be stored.
            warn!("the new tokens could not be kept; the session is lost when the application ends");
        }
        let header = header(&tokens);
        let mut state = self.state();
        state.tokens = tokens;
        state.header = header.clone();
        Ok(header)
    }
}

/// [`Tokens`] hold only what a header can carry.
fn header(tokens: &Tokens) -> HeaderValue {
    let header = secret::authorization("Bearer", tokens.access_token().as_bytes());
    header.unwrap_or_else(|| HeaderValue::from_static("Bearer"))
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("tokens", &self.state().tokens).finish_non_exhaustive()
    }
}
