//! [`Session`]: the tokens of a launched user, and their refresh.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use futures_util::future::BoxFuture;
use http::HeaderValue;
use tracing::{debug, warn};

use super::client_authentication::ClientAuthentication;
use super::error::OAuthErrorCode;
use super::single_flight::SingleFlight;
use super::tokens::Tokens;
use crate::authorization;
use crate::error::{Error, Result};
use crate::metrics;

/// The session of a launched user, for [`Credentials::bearer`](crate::Credentials::bearer). Clones share the
/// tokens.
///
/// ```
/// # use koppeltaal_transport::{TokenStore, Tokens};
/// # fn example(tokens: Tokens, store: std::sync::Arc<dyn TokenStore>) {
/// use koppeltaal_transport::{ClientAuthentication, Credentials, Session};
///
/// let session = Session::new(tokens).with_refresh(ClientAuthentication::public("game")).with_store(store);
/// let credentials = Credentials::bearer(session);
/// # let _ = credentials;
/// # }
/// ```
///
/// [With refresh](Self::with_refresh), the session gets new tokens shortly before the access token expires,
/// and when the server says that it has expired. A refresh token works once. So many requests that wait share
/// one refresh, and it runs to its end even if all of them are dropped. A refresh that fails matters only
/// when the access token has expired: then requests fail with [`Error::TokenRefresh`].
#[derive(Clone)]
pub struct Session {
    shared: Arc<Shared>,
    client: Option<Arc<ClientAuthentication>>,
    store: Option<Arc<dyn TokenStore>>,
}

struct Shared {
    state: Mutex<State>,
    refresh: SingleFlight<HeaderValue>,
}

struct State {
    tokens: Tokens,
    header: HeaderValue,
    /// Why no refresh can succeed any more: the server has said that the refresh token is invalid.
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
    /// Saves these tokens in place of earlier ones. Called before the first request with them.
    ///
    /// # Errors
    ///
    /// Any error. The session logs a warning and uses the new tokens, since the old ones are no longer valid.
    fn save<'a>(
        &'a self,
        tokens: &'a Tokens,
    ) -> BoxFuture<'a, std::result::Result<(), Box<dyn std::error::Error + Send + Sync>>>;
}

/// What a session needs of a [`Client`](crate::Client): new tokens from the server.
pub(crate) trait TokenClient: Clone + Send + Sync + 'static {
    /// Trades the refresh token for new tokens. The application authenticates itself with the request, and
    /// not with its session.
    ///
    /// The future is boxed because the request is one of the client, which may have a session: without the
    /// box, its type would contain itself.
    fn refresh_tokens<'a>(
        &'a self,
        authentication: &'a ClientAuthentication,
        tokens: &'a Tokens,
    ) -> BoxFuture<'a, Result<Tokens>>;
}

impl Session {
    /// A session with these tokens. It ends when the access token expires, unless
    /// [`with_refresh`](Self::with_refresh) says how to get a new one.
    pub fn new(tokens: Tokens) -> Self {
        let header = header(&tokens);
        let state = Mutex::new(State { tokens, header, ended: None });
        Self {
            shared: Arc::new(Shared { state, refresh: SingleFlight::default() }),
            client: None,
            store: None,
        }
    }

    /// Gets new tokens as this client, if the session has a refresh token. Earlier clones get no tokens
    /// themselves, but use those that this session gets.
    #[must_use]
    pub fn with_refresh(self, client: ClientAuthentication) -> Self {
        Self { client: Some(Arc::new(client)), ..self }
    }

    /// Saves new tokens in this store before they are used. The first tokens are not saved: the application
    /// has them.
    #[must_use]
    pub fn with_store(self, store: Arc<dyn TokenStore>) -> Self {
        Self { store: Some(store), ..self }
    }

    /// The tokens as they are now.
    pub fn tokens(&self) -> Tokens {
        self.state().tokens.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The header for the next request. If the access token is about to expire, it is refreshed first.
    pub(crate) async fn authorization(&self, client: &impl TokenClient) -> Result<HeaderValue> {
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
                debug!(%error, "the refresh failed, but the token is still valid");
                Ok(header)
            }
        }
    }

    pub(crate) fn is_refreshable(&self) -> bool {
        self.client.is_some() && self.state().tokens.refresh_token().is_some()
    }

    /// Gets new tokens in place of those in `used`, unless another request has already done so.
    pub(crate) async fn renew(&self, client: &impl TokenClient, used: &HeaderValue) -> Result<HeaderValue> {
        let known = || Some(self.state().header.clone()).filter(|header| header != used);
        let refresh = || {
            let (session, client) = (self.clone(), client.clone());
            async move { session.refresh(&client).await }
        };
        let refreshed = self.shared.refresh.join(known, refresh).await;
        refreshed.map_err(|error| Error::TokenRefresh { source: Box::new(error) })
    }

    async fn refresh(&self, client: &impl TokenClient) -> Result<HeaderValue> {
        let (old, ended) = {
            let state = self.state();
            (state.tokens.clone(), state.ended.clone())
        };
        if let Some(ended) = ended {
            return Err(ended);
        }
        let authentication = self.client.as_deref().ok_or(Error::NoRefreshToken)?;
        let refreshed = client.refresh_tokens(authentication, &old).await;
        metrics::refreshed(refreshed.as_ref().err());
        let tokens = match refreshed {
            Ok(tokens) => tokens,
            Err(error) => {
                if matches!(&error, Error::OAuth { error, .. } if error.code == OAuthErrorCode::InvalidGrant)
                {
                    self.state().ended = Some(error.clone());
                }
                return Err(error);
            }
        };
        if let Some(store) = &self.store
            && store.save(&tokens).await.is_err()
        {
            // The error may quote the tokens.
            warn!("the new tokens could not be saved; the session is lost when the application ends");
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
    let header = authorization::header("Bearer", tokens.access_token().as_bytes());
    header.unwrap_or_else(|| HeaderValue::from_static("Bearer"))
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("tokens", &self.state().tokens).finish_non_exhaustive()
    }
}
