//! [`Launches`] and [`LaunchSession`]: an application opens sessions for users that a portal launched.

use std::fmt;
use std::sync::Arc;

use koppeltaal_messaging::ResourceUrl;
use koppeltaal_transport::{
    AuthorizationError, AuthorizationRequest, ClientAuthentication, Credentials, Error, LaunchContext,
    NotALaunch, PendingAuthorization, ReceivedLaunch, Session, TokenStore, Tokens, Url,
};
use tracing::warn;

use crate::causes::causes_and_advice;
use crate::connector::Connector;

/// Opens sessions for launched users, for the launch page and the redirect URI of an application. Made by
/// [`Connector::launches`].
///
/// It follows the rules for such applications: it accepts launches only from its own servers (the
/// allow-list), checks `state`, and uses PKCE.
///
/// ```no_run
/// use koppeltaal::transport::ClientAuthentication;
///
/// # async fn example(game: koppeltaal::Connector, request_url: &str, redirect_url: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let launches = game.launches(ClientAuthentication::basic("game", "secret")?, "https://game.example/login");
///
/// // At the launch page: send the browser on, and keep `pending` with the browser's own session.
/// let (authorize, pending) = launches.begin(request_url).await?;
///
/// // At the redirect URI, when the browser is back:
/// let session = launches.finish(&pending, redirect_url).await?;
/// println!("{:?} does {:?}", session.user(), session.activity());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Launches {
    /// One per server and domain; the first is the one that `launches` was called on.
    connectors: Vec<Connector>,
    authentication: ClientAuthentication,
    redirect_uri: String,
    pkce: bool,
    stores: Option<Arc<Stores>>,
}

/// Returns the store for the tokens of a session.
type Stores = dyn Fn(&LaunchContext) -> Arc<dyn TokenStore> + Send + Sync;

/// A launch whose user has been sent to the server to be authorized.
///
/// Keep it in the session of the browser that began the launch, at your server or in an encrypted cookie.
/// Otherwise somebody else could finish the launch. `Debug` shows none of its secrets.
#[derive(Debug, Clone)]
pub struct PendingLaunch {
    iss: String,
    authorization: PendingAuthorization,
}

/// The session of a launched user. Clones are the same session. Its tokens are refreshed when they expire, as
/// long as the server issues refresh tokens.
///
/// `Debug` shows the domain only.
#[derive(Clone)]
pub struct LaunchSession {
    connector: Connector,
    session: Session,
    context: LaunchContext,
}

/// Why no session can be opened for a launched user.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The URL is not that of a launch.
    #[error(transparent)]
    NotALaunch(#[from] NotALaunch),
    /// The launch is from a server that the application does not know. Nothing was sent to it.
    #[error(
        "the launch is from a server that is not on the list: {iss:?}; if it is yours, add its connector with \
         `Launches::also_of`"
    )]
    UnknownIssuer {
        /// The FHIR base that the launch names.
        iss: String,
    },
    /// The browser came back without a code, or with another `state`.
    #[error(transparent)]
    Authorization(#[from] AuthorizationError),
    /// The session is in a domain that the application does not know.
    #[error(
        "the session is in a domain that is not on the list: {domain:?}; add a connector of this domain with \
         `Launches::also_of`"
    )]
    UnknownDomain {
        /// The domain.
        domain: String,
    },
    /// The server cannot be reached, or refuses. The text of this error includes the one inside and says what
    /// to do about it, so it has no source.
    #[error("no session is opened: {}", causes_and_advice(.0))]
    Transport(Error),
}

impl From<Error> for SessionError {
    fn from(error: Error) -> Self {
        Self::Transport(error)
    }
}

impl Connector {
    /// Opens sessions for users that are launched into this application. `redirect_uri` must be one that is
    /// registered for it, verbatim.
    pub fn launches(
        &self,
        authentication: ClientAuthentication,
        redirect_uri: impl Into<String>,
    ) -> Launches {
        Launches {
            connectors: vec![self.clone()],
            authentication,
            redirect_uri: redirect_uri.into(),
            pkce: true,
            stores: None,
        }
    }
}

impl Launches {
    /// Also accepts launches of this connector's server and domain.
    #[must_use]
    pub fn also_of(mut self, connector: Connector) -> Self {
        self.connectors.push(connector);
        self
    }

    /// Stores the tokens of each session, the first ones and the refreshed ones, so that the session can be
    /// [resumed](Self::resume) after a restart. `store` returns the store for a session's tokens.
    #[must_use]
    pub fn with_store(
        mut self,
        store: impl Fn(&LaunchContext) -> Arc<dyn TokenStore> + Send + Sync + 'static,
    ) -> Self {
        self.stores = Some(Arc::new(store));
        self
    }

    /// Does not use PKCE, for a server that refuses parameters that it does not know.
    #[must_use]
    pub fn without_pkce(mut self) -> Self {
        self.pkce = false;
        self
    }

    /// Begins a launch. `url_or_query` is the URL, or its query, by which a user came to the launch page.
    /// Returns the URL to redirect the browser to, and what to keep until it comes back to the redirect URI.
    ///
    /// # Errors
    ///
    /// The URL is not that of a launch, its server is not on the list, or the server does not answer.
    pub async fn begin(&self, url_or_query: &str) -> Result<(Url, PendingLaunch), SessionError> {
        let launch = ReceivedLaunch::read(url_or_query)?;
        let connector = self.issuers(&launch.iss).next();
        let Some(connector) = connector else {
            return Err(SessionError::UnknownIssuer { iss: launch.iss });
        };
        let request = self.request(launch.launch);
        let (url, authorization) = connector.client().authorize_url(&request).await?;
        Ok((url, PendingLaunch { iss: launch.iss, authorization }))
    }

    /// Finishes a launch. `url_or_query` is the URL, or its query, by which the browser came back. Exchanges
    /// the code in it for the user's session.
    ///
    /// # Errors
    ///
    /// The `state` is not the one that was sent, or the server refuses or does not answer.
    pub async fn finish(
        &self,
        pending: &PendingLaunch,
        url_or_query: &str,
    ) -> Result<LaunchSession, SessionError> {
        let code = pending.authorization.finish(url_or_query)?;
        let connector = self.issuers(&pending.iss).next();
        let connector = connector.ok_or_else(|| SessionError::UnknownIssuer { iss: pending.iss.clone() })?;
        let tokens = connector.client().token(&self.authentication, &code).await?;
        self.store(&tokens).await;
        self.open(connector, tokens)
    }

    /// The session of a user who typed this activation code (a mobile launch). The server is the first one on
    /// the list.
    ///
    /// # Errors
    ///
    /// The server refuses the code, or does not answer.
    pub async fn activate(&self, activation_code: &str) -> Result<LaunchSession, SessionError> {
        let connector = &self.connectors[0];
        let code = connector.client().authorize_mobile(&self.request(activation_code.to_owned())).await?;
        let tokens = connector.client().token(&self.authentication, &code).await?;
        self.store(&tokens).await;
        self.open(connector, tokens)
    }

    /// Resumes a session whose tokens were stored ([`with_store`](Self::with_store)) before a restart. The
    /// session must be one of the first server on the list, since tokens do not name their server. Use
    /// separate `Launches` for other servers.
    ///
    /// # Errors
    ///
    /// The domain is not on the list.
    pub fn resume(&self, tokens: Tokens) -> Result<LaunchSession, SessionError> {
        self.open(&self.connectors[0], tokens)
    }

    fn request(&self, launch: String) -> AuthorizationRequest {
        let request = AuthorizationRequest::new(self.authentication.client_id(), &*self.redirect_uri, launch);
        if self.pkce { request } else { request.without_pkce() }
    }

    /// Stores the first tokens of a session. The session continues even if that fails.
    async fn store(&self, tokens: &Tokens) {
        if let Some(stores) = &self.stores
            && stores(tokens.context()).save(tokens).await.is_err()
        {
            // The error may quote the tokens, so it is not logged.
            warn!(
                "the tokens of a session could not be stored; the session is lost when the application ends"
            );
        }
    }

    /// A session at the server of this connector, with the connector of its domain.
    fn open(&self, server: &Connector, tokens: Tokens) -> Result<LaunchSession, SessionError> {
        let context = tokens.context().clone();
        let same_server = |other: &&Connector| other.client().server_url() == server.client().server_url();
        let connector = match context.domain.as_deref() {
            Some(domain) => {
                let mut connectors = self.connectors.iter().filter(same_server);
                connectors
                    .find(|connector| connector.sender().domain() == domain)
                    .ok_or_else(|| SessionError::UnknownDomain { domain: domain.to_owned() })?
            }
            None => server,
        };
        let session = Session::new(tokens).with_refresh(self.authentication.clone());
        let session = match &self.stores {
            Some(stores) => session.with_store(stores(&context)),
            None => session,
        };
        let connector = connector.with_credentials(Credentials::bearer(session.clone()));
        Ok(LaunchSession { connector, session, context })
    }

    /// The connectors of a server.
    fn issuers<'a>(&'a self, iss: &'a str) -> impl Iterator<Item = &'a Connector> {
        self.connectors.iter().filter(move |connector| connector.client().is_issuer(iss))
    }
}

impl fmt::Debug for Launches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launches")
            .field("connectors", &self.connectors)
            .field("client_id", &self.authentication.client_id())
            .field("redirect_uri", &self.redirect_uri)
            .finish_non_exhaustive()
    }
}

impl PendingLaunch {
    /// Restores a pending launch from its parts.
    pub fn resume(iss: &str, redirect_uri: &str, state: &str, code_verifier: Option<&str>) -> Self {
        let authorization = PendingAuthorization::resume(redirect_uri, state, code_verifier);
        Self { iss: iss.to_owned(), authorization }
    }

    /// The FHIR base of the server.
    pub fn iss(&self) -> &str {
        &self.iss
    }

    /// The `state` that the browser has to bring back.
    pub fn state(&self) -> &str {
        self.authorization.state()
    }

    /// The PKCE code verifier; absent without PKCE.
    pub fn code_verifier(&self) -> Option<&str> {
        self.authorization.code_verifier()
    }
}

impl LaunchSession {
    /// The application with the credentials of this user. It sends and receives messages about the patient,
    /// and knows the same versions as the application itself.
    pub fn connector(&self) -> &Connector {
        &self.connector
    }

    /// The tokens as they are now.
    pub fn tokens(&self) -> Tokens {
        self.session.tokens()
    }

    /// The patient.
    pub fn patient(&self) -> Option<ResourceUrl> {
        self.context.patient.as_deref()?.parse().ok()
    }

    /// The patient, practitioner or related person who was launched.
    pub fn user(&self) -> Option<ResourceUrl> {
        self.context.user.as_deref()?.parse().ok()
    }

    /// The identifier of the activity in the care plan.
    pub fn activity(&self) -> Option<&str> {
        self.context.resource.as_deref()
    }

    /// The user's task.
    pub fn intent(&self) -> Option<&str> {
        self.context.intent.as_deref()
    }

    /// Everything that the server said about the session.
    pub fn context(&self) -> &LaunchContext {
        &self.context
    }
}

impl fmt::Debug for LaunchSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaunchSession").field("domain", &self.context.domain).finish_non_exhaustive()
    }
}
