//! [`Grants`]: launches, codes and tokens, and the steps from one to the next. Like the mailbox, it gets the
//! time from outside, and also the secrets that it gives out.

mod error;
mod expiring;
mod grant;
mod pkce;
mod records;
mod scope;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

pub(crate) use error::{Code, OAuthError};
pub(crate) use grant::{Context, Session};
pub(crate) use pkce::Challenge;
pub(crate) use scope::is_mobile;

use crate::clock::Timestamp;
use crate::config::{Application, Lifetimes, SandboxConfig};
use crate::persistence::RecordKind;
use expiring::{ExpiringTable, Share, entry_bytes};
use grant::{AuthorizationCode, RefreshToken};
use scope::{ACTIVATION_RANGE, LAUNCH_RANGE, launches, without_launches};

/// How many grants of each kind there may be. Each client has its share of them, and of the memory.
const CAPACITY: usize = 100_000;
/// The kinds of grants: launches, activation codes, codes, tokens, refresh tokens. Each has its share of the
/// memory.
const NUMBER_OF_KINDS: usize = 5;
/// How many used refresh tokens of a family are remembered, to notice when one is used again.
const USED_REFRESHES: usize = 10;
/// How long a token is remembered after it expired, so that its holder learns why it does not work; and a
/// used code, to notice when it is used again.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// What a client asks of Authorize.
#[derive(Clone)]
pub(crate) struct AuthorizationRequest {
    pub(crate) client: String,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) scope: String,
    pub(crate) challenge: Option<Challenge>,
}

/// A launch takes more memory than the share of its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LaunchSizeError;

/// What Authorize answers with.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Authorization {
    /// After a web launch: send the browser to the redirect URI with this code.
    Redirect(String),
    /// After a mobile launch: give this code to the app.
    Code(String),
}

/// The answer of Token.
#[derive(Clone)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: Option<String>,
    pub(crate) lifetime: Duration,
    pub(crate) context: Arc<Context>,
    pub(crate) scope: String,
}

/// The client of a request to Token.
#[derive(Clone, Default)]
pub(crate) struct Client {
    /// The `client_id` parameter.
    pub(crate) identifier: Option<String>,
    /// Identifier and secret, in Basic credentials or in the form.
    pub(crate) credentials: Option<(String, String)>,
}

/// The source of secrets.
pub(crate) type NewUuid<'a> = &'a mut dyn FnMut() -> Uuid;

/// All launches, codes and tokens.
pub(crate) struct Grants {
    applications: HashMap<String, Application>,
    lifetimes: Lifetimes,
    /// The share of one client, in grants of one kind.
    share: Share,
    launches: ExpiringTable<Arc<Context>>,
    activations: ExpiringTable<Arc<Context>>,
    codes: ExpiringTable<AuthorizationCode>,
    sessions: ExpiringTable<Session>,
    refreshes: ExpiringTable<RefreshToken>,
}

impl Grants {
    pub(crate) fn new(config: &SandboxConfig) -> Self {
        let applications = config.applications.iter();
        let clients = applications.len().max(1);
        let share = Share {
            entries: (CAPACITY / clients).max(1),
            bytes: config.limits.grant_bytes / (NUMBER_OF_KINDS * clients),
        };
        Self {
            share,
            applications: applications
                .map(|application| (application.identifier.clone(), application.clone()))
                .collect(),
            lifetimes: config.lifetimes,
            launches: ExpiringTable::new(RecordKind::Launch, share),
            activations: ExpiringTable::new(RecordKind::Activation, share),
            codes: ExpiringTable::new(RecordKind::Code, share),
            sessions: ExpiringTable::new(RecordKind::Session, share),
            refreshes: ExpiringTable::new(RecordKind::Refresh, share),
        }
    }

    pub(crate) fn application(&self, client: &str) -> Option<&Application> {
        self.applications.get(client)
    }

    /// The identifiers of all applications, in order.
    pub(crate) fn application_identifiers(&self) -> Vec<String> {
        let mut identifiers: Vec<_> = self.applications.keys().cloned().collect();
        identifiers.sort();
        identifiers
    }

    pub(crate) fn lifetimes(&self) -> Lifetimes {
        self.lifetimes
    }

    /// Remembers a web launch and gives its number. It can be used until it expires, as a user may reload the
    /// page.
    pub(crate) fn launch(
        &mut self,
        context: Context,
        fresh: NewUuid<'_>,
        now: Timestamp,
    ) -> Result<String, LaunchSizeError> {
        let context = Arc::new(context);
        self.check_size(&context, "")?;
        let until = now.after(self.lifetimes.launch);
        Ok(put_launch(&mut self.launches, LAUNCH_RANGE, until, context, fresh, now))
    }

    /// Remembers a mobile launch and gives its activation code, which can be used once.
    pub(crate) fn activation(
        &mut self,
        context: Context,
        fresh: NewUuid<'_>,
        now: Timestamp,
    ) -> Result<String, LaunchSizeError> {
        let context = Arc::new(context);
        self.check_size(&context, "")?;
        let until = now.after(self.lifetimes.activation);
        Ok(put_launch(&mut self.activations, ACTIVATION_RANGE, until, context, fresh, now))
    }

    /// Whether each of the grants that follow from a launch with this scope fits into the share of its
    /// client.
    fn check_size(&self, context: &Arc<Context>, scope: &str) -> Result<(), LaunchSizeError> {
        let largest =
            entry_bytes(context) + size_of::<AuthorizationCode>() + size_of::<RefreshToken>() + scope.len();
        if largest <= self.share.bytes { Ok(()) } else { Err(LaunchSizeError) }
    }

    /// Checks that client and redirect URI are registered. No other page is ever opened, not even with an
    /// error.
    pub(crate) fn check_redirect(&self, client: &str, redirect_uri: Option<&str>) -> Result<(), OAuthError> {
        let application = self
            .applications
            .get(client)
            .ok_or_else(|| OAuthError::new(Code::InvalidRequest, "client_id is not known"))?;
        match redirect_uri {
            Some(uri) if !application.redirect_uris.iter().any(|registered| registered == uri) => {
                Err(OAuthError::new(Code::InvalidRequest, "redirect_uri is not registered"))
            }
            _ => Ok(()),
        }
    }

    /// Gives a code for the launch that the scope names.
    pub(crate) fn authorize(
        &mut self,
        request: AuthorizationRequest,
        fresh: NewUuid<'_>,
        now: Timestamp,
    ) -> Result<Authorization, OAuthError> {
        self.check_redirect(&request.client, request.redirect_uri.as_deref())?;
        let [launch] = launches(&request.scope).collect::<Vec<_>>()[..] else {
            return Err(OAuthError::new(Code::InvalidScope, "scope does not name one launch"));
        };
        let web = self.launches.get(launch, now);
        let is_mobile = web.is_none();
        let context = web.or_else(|| self.activations.get(launch, now)).cloned();
        let context = context
            .ok_or_else(|| OAuthError::new(Code::InvalidScope, "the launch is not known or has expired"))?;
        if context.client != request.client {
            return Err(OAuthError::new(Code::UnauthorizedClient, "the launch is of another client"));
        }
        if !is_mobile && request.redirect_uri.is_none() {
            return Err(OAuthError::new(Code::InvalidRequest, "redirect_uri is missing"));
        }
        self.check_size(&context, &request.scope).map_err(|LaunchSizeError| {
            OAuthError::new(Code::InvalidScope, "launch and scope take more memory than a client may have")
        })?;
        if is_mobile {
            self.activations.take(launch, now);
        }
        let code = secret(fresh);
        let issued = AuthorizationCode {
            context,
            scope: without_launches(&request.scope),
            redirect_uri: request.redirect_uri,
            challenge: request.challenge,
            family: None,
        };
        self.codes.put(&code, now.after(self.lifetimes.code), issued, now);
        Ok(if is_mobile { Authorization::Code(code) } else { Authorization::Redirect(code) })
    }

    /// Gives tokens for a code. When a code is used again, the tokens that were given for it end: one of the
    /// two users is a thief (RFC 6749 section 4.1.2).
    pub(crate) fn redeem(
        &mut self,
        client: &Client,
        code: &str,
        redirect_uri: Option<&str>,
        verifier: Option<&str>,
        fresh: NewUuid<'_>,
        now: Timestamp,
    ) -> Result<Tokens, OAuthError> {
        let invalid = |description| Err(OAuthError::new(Code::InvalidGrant, description));
        let unknown = || invalid("the code is not known or has expired");
        let issued = self.codes.get(code, now);
        if issued.is_none() && client.identifier.is_none() && client.credentials.is_none() {
            return unknown();
        }
        let application = self.authenticate(client, issued)?.clone();
        let Some(mut issued) = self.codes.take(code, now) else { return unknown() };
        if let Some(family) = issued.family {
            self.end(&issued.context.client, family);
            return invalid("the code was used before");
        }
        if issued.context.client != application.identifier {
            return invalid("the code is of another client");
        }
        if issued.redirect_uri.is_some() && issued.redirect_uri.as_deref() != redirect_uri {
            return invalid("redirect_uri is not that of the authorization request");
        }
        match (&issued.challenge, verifier) {
            (None, None) => {}
            // Somebody took the challenge out of the client's request (RFC 9700 section 4.8.2).
            (None, Some(_)) => return invalid("code_verifier is given, though there was no challenge"),
            (Some(challenge), Some(verifier)) if challenge.is_met_by(verifier) => {}
            (Some(_), _) => return invalid("code_verifier does not meet the challenge"),
        }
        let family = fresh();
        let (context, scope) = (Arc::clone(&issued.context), issued.scope.clone());
        issued.family = Some(family);
        self.codes.put(code, now.after(REMEMBERED), issued, now);
        Ok(self.give(&application, context, scope, family, fresh, now))
    }

    /// Gives new tokens for a refresh token; the old ones end. When a refresh token is used again, all tokens
    /// that came from the same code end: one of the two users is a thief (RFC 6749 section 10.4, RFC 9700
    /// section 4.14.2).
    pub(crate) fn refresh(
        &mut self,
        client: &Client,
        token: &str,
        fresh: NewUuid<'_>,
        now: Timestamp,
    ) -> Result<Tokens, OAuthError> {
        let application = self.authenticate(client, None)?.clone();
        let invalid = |description| Err(OAuthError::new(Code::InvalidGrant, description));
        let known = self.refreshes.get_until(token, now);
        let known = known.filter(|(_, known)| known.session.context.client == application.identifier);
        let Some((until, RefreshToken { session, is_used })) = known else {
            return invalid("the refresh token is not known or has expired");
        };
        let session = session.clone();
        if *is_used {
            self.end(&session.context.client, session.family);
            return invalid("the refresh token was used before");
        }
        let (client, family) = (&session.context.client, session.family);
        self.sessions.remove_where(client, |other| other.family == family);
        // Kept until it would have expired.
        let used = RefreshToken { session: session.clone(), is_used: true };
        self.refreshes.put(token, until, used, now);
        let is_used = |other: &RefreshToken| other.is_used && other.session.family == family;
        self.refreshes.keep_last(USED_REFRESHES, client, is_used);
        Ok(self.give(&application, session.context, session.scope, session.family, fresh, now))
    }

    /// What an access token stands for, even when it expired recently: see [`Session::expires`].
    pub(crate) fn session(&self, token: &str, now: Timestamp) -> Option<&Session> {
        self.sessions.get(token, now)
    }

    fn give(
        &mut self,
        application: &Application,
        context: Arc<Context>,
        scope: String,
        family: Uuid,
        fresh: NewUuid<'_>,
        now: Timestamp,
    ) -> Tokens {
        let lifetime = self.lifetimes.token;
        let expires = now.after(lifetime);
        let session = Session { context: Arc::clone(&context), scope: scope.clone(), expires, family };
        let has_refresh = application.secret.is_some() && application.refresh_tokens;
        let refresh = has_refresh.then(|| secret(fresh));
        if let Some(refresh) = &refresh {
            let value = RefreshToken { session: session.clone(), is_used: false };
            self.refreshes.put(refresh, now.after(self.lifetimes.refresh), value, now);
        }
        let access = secret(fresh);
        self.sessions.put(&access, expires.after(REMEMBERED), session, now);
        Tokens { access, refresh, lifetime, context, scope }
    }

    fn end(&mut self, client: &str, family: Uuid) {
        self.sessions.remove_where(client, |session| session.family == family);
        self.refreshes.remove_where(client, |refresh| refresh.session.family == family);
    }

    /// The application of a request: a confidential one proves itself with its secret, a public one only
    /// names itself. Deployed public clients do not even do that when they redeem a code; then the code names
    /// the application.
    fn authenticate(
        &self,
        client: &Client,
        code: Option<&AuthorizationCode>,
    ) -> Result<&Application, OAuthError> {
        let invalid = |description| OAuthError::new(Code::InvalidClient, description);
        let (identifier, secret) = match (&client.identifier, &client.credentials) {
            (Some(parameter), Some((identifier, _))) if parameter != identifier => {
                return Err(OAuthError::new(
                    Code::InvalidRequest,
                    "client_id is not that of the credentials",
                ));
            }
            (_, Some((identifier, secret))) => (identifier, Some(secret)),
            (Some(identifier), None) => (identifier, None),
            (None, None) => match code {
                Some(issued) => (&issued.context.client, None),
                None => return Err(invalid("the client does not say who it is")),
            },
        };
        let application = self.applications.get(identifier).filter(|application| {
            match (&application.secret, secret) {
                (None, None) => true,
                // Some clients send an empty secret.
                (None, Some(given)) => given.is_empty(),
                (Some(known), given) => given == Some(known),
            }
        });
        application.ok_or_else(|| invalid("the client is not known or its secret is wrong"))
    }
}

/// Remembers a launch under a number of the range that is not in use.
fn put_launch(
    launches: &mut ExpiringTable<Arc<Context>>,
    range: Range<u64>,
    until: Timestamp,
    context: Arc<Context>,
    fresh: NewUuid<'_>,
    now: Timestamp,
) -> String {
    // With fewer than `CAPACITY` in use, at most one in nine is taken.
    let number = loop {
        let number = range.start + fresh().as_u64_pair().0 % (range.end - range.start);
        let number = number.to_string();
        if launches.get(&number, now).is_none() {
            break number;
        }
    };
    launches.put(&number, until, context, now);
    number
}

/// Text that cannot be guessed.
fn secret(fresh: NewUuid<'_>) -> String {
    format!("{}{}", fresh().simple(), fresh().simple())
}
