//! [`Tokens`]: what the token endpoint gives, with the patient and user of the launch.

use std::fmt;
use std::time::{Duration, SystemTime};

use secrecy::{ExposeSecret, SecretString};

use crate::authorization::{self, CredentialsError};
use crate::oauth::members::Members;

/// The tokens of a launched user's session. Wiped from memory on drop; `Debug` shows none of them.
///
/// Methods read and set every part, so that an application can store the tokens for its next run.
#[derive(Clone)]
pub struct Tokens {
    access_token: SecretString,
    refresh_token: Option<SecretString>,
    id_token: Option<SecretString>,
    expires_at: Option<SystemTime>,
    /// How long the access token is valid in all, if that is known.
    lifetime: Option<Duration>,
    context: LaunchContext,
}

/// The patient, user and activity of a launch. `Debug` shows the domain only.
#[derive(Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LaunchContext {
    /// URL of the patient.
    pub patient: Option<String>,
    /// URL of the patient, practitioner or related person who was launched.
    pub user: Option<String>,
    /// Identifier of the activity in the care plan.
    pub resource: Option<String>,
    /// The domain.
    pub domain: Option<String>,
    /// What the user is to do.
    pub intent: Option<String>,
    /// The scope of the token.
    pub scope: Option<String>,
}

/// A token is refreshed this long before it expires, or a tenth of its lifetime before if that is less. The
/// request that carries it takes time to arrive, and clocks differ.
const MARGIN: Duration = Duration::from_secs(30);

impl Tokens {
    /// An access token that is not known to expire, without a refresh token.
    ///
    /// # Errors
    ///
    /// A character that a header cannot carry.
    pub fn new(access_token: &str) -> Result<Self, CredentialsError> {
        let fits =
            !access_token.is_empty() && authorization::header("Bearer", access_token.as_bytes()).is_some();
        if !fits {
            return Err(CredentialsError::Token);
        }
        Ok(Self {
            access_token: access_token.into(),
            refresh_token: None,
            id_token: None,
            expires_at: None,
            lifetime: None,
            context: LaunchContext::default(),
        })
    }

    /// With a refresh token, which gives a new access token, once.
    #[must_use]
    pub fn with_refresh_token(self, refresh_token: &str) -> Self {
        Self { refresh_token: Some(refresh_token.into()), ..self }
    }

    /// With the time at which the access token expires.
    #[must_use]
    pub fn with_expires_at(self, expires_at: SystemTime) -> Self {
        Self { expires_at: Some(expires_at), ..self }
    }

    /// With the patient, user and activity of the launch.
    #[must_use]
    pub fn with_context(self, context: LaunchContext) -> Self {
        Self { context, ..self }
    }

    /// The access token. A secret.
    pub fn access_token(&self) -> &str {
        self.access_token.expose_secret()
    }

    /// The refresh token, which works once. A secret.
    pub fn refresh_token(&self) -> Option<&str> {
        self.refresh_token.as_ref().map(ExposeSecret::expose_secret)
    }

    /// The token of `OpenID` Connect, where the server gives one. It is not checked. It holds data of the
    /// user.
    pub fn id_token(&self) -> Option<&str> {
        self.id_token.as_ref().map(ExposeSecret::expose_secret)
    }

    /// When the access token expires, by this machine's clock.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
    }

    /// The patient, user and activity of the launch.
    pub fn context(&self) -> &LaunchContext {
        &self.context
    }

    /// Whether the access token has expired.
    pub fn is_expired(&self, now: SystemTime) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// Whether it is time to get a new access token.
    pub(crate) fn is_due(&self, now: SystemTime) -> bool {
        let margin = self.lifetime.map_or(MARGIN, |lifetime| MARGIN.min(lifetime / 10));
        self.is_expired(now + margin)
    }

    /// Reads the reply of a token endpoint, which came at `now`: the members of RFC 6749 and Koppeltaal's.
    pub(crate) fn read(reply: &Members, now: SystemTime) -> Result<Self, &'static str> {
        let access_token = reply.secret(&["access_token"]).ok_or("no access token")?;
        if reply.text(&["token_type"]).is_some_and(|kind| !kind.trim().eq_ignore_ascii_case("bearer")) {
            return Err("a token that is no bearer token");
        }
        Self::new(access_token.expose_secret()).map_err(|_| "an access token that a header cannot carry")?;
        // A time beyond what `SystemTime` can hold is taken for "never".
        let lifetime =
            reply.number(&["expires_in"]).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let text = |name| reply.text(&[name]);
        Ok(Self {
            access_token,
            refresh_token: reply.secret(&["refresh_token"]),
            id_token: reply.secret(&["id_token"]),
            expires_at: lifetime.and_then(|lifetime| now.checked_add(lifetime)),
            lifetime,
            context: LaunchContext {
                patient: text("patient"),
                user: text("user"),
                resource: text("resource"),
                domain: text("domain"),
                intent: text("intent"),
                scope: text("scope"),
            },
        })
    }

    /// The tokens of a refresh; what its reply does not repeat stays as it was (RFC 6749 section 6).
    pub(crate) fn or_from(self, old: &Self) -> Self {
        let LaunchContext { patient, user, resource, domain, intent, scope } = self.context;
        let before = old.context.clone();
        Self {
            refresh_token: self.refresh_token.or_else(|| old.refresh_token.clone()),
            id_token: self.id_token.or_else(|| old.id_token.clone()),
            context: LaunchContext {
                patient: patient.or(before.patient),
                user: user.or(before.user),
                resource: resource.or(before.resource),
                domain: domain.or(before.domain),
                intent: intent.or(before.intent),
                scope: scope.or(before.scope),
            },
            ..self
        }
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("expires_at", &self.expires_at)
            .field("has_refresh_token", &self.refresh_token.is_some())
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for LaunchContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaunchContext").field("domain", &self.domain).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Tokens, &'static str> {
        Tokens::read(&Members::read(json.as_bytes()).expect("JSON"), SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn replies_are_read_as_servers_write_them() {
        let tokens = read(
            r#"{"access_token":"a","token_type":"bEARER","expires_in":"3600","refresh_token":"r","Patient":"p",
                "resource":12,"intent":null,"scope":"patient/*.read","unknown":{}}"#,
        )
        .expect("tokens");
        assert_eq!((tokens.access_token(), tokens.refresh_token()), ("a", Some("r")));
        assert_eq!(tokens.expires_at(), Some(SystemTime::UNIX_EPOCH + Duration::from_secs(3600)));
        assert_eq!(tokens.context().patient.as_deref(), Some("p"));
        assert_eq!(tokens.context().resource.as_deref(), Some("12"));
        assert_eq!(read(r#"{"token_type":"Bearer"}"#).err(), Some("no access token"));
        assert_eq!(
            read(r#"{"access_token":"a","token_type":"mac"}"#).err(),
            Some("a token that is no bearer token")
        );
        assert_eq!(
            read(r#"{"access_token":"a\nb"}"#).err(),
            Some("an access token that a header cannot carry")
        );
        assert_eq!(read(r#"{"access_token":"a","expires_in":-1}"#).expect("tokens").expires_at(), None);
    }

    #[test]
    fn a_token_is_due_shortly_before_it_expires() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let hour = read(r#"{"access_token":"a","expires_in":3600}"#).expect("tokens");
        assert!(!hour.is_due(at(3569)) && hour.is_due(at(3570)) && !hour.is_expired(at(3599)));
        assert!(hour.is_expired(at(3600)));
        let short = read(r#"{"access_token":"a","expires_in":20}"#).expect("tokens");
        assert!(!short.is_due(at(17)) && short.is_due(at(18)));
        assert!(!Tokens::new("a").expect("tokens").is_due(at(1 << 40)));
    }

    #[test]
    fn what_a_refresh_does_not_say_stays() {
        let old = read(r#"{"access_token":"a","refresh_token":"r","patient":"p"}"#).expect("tokens");
        // An empty text says nothing either.
        let new = read(r#"{"access_token":"b","refresh_token":"","user":"u","patient":""}"#);
        let new = new.expect("tokens").or_from(&old);
        assert_eq!((new.access_token(), new.refresh_token()), ("b", Some("r")));
        assert_eq!((new.context().patient.as_deref(), new.context().user.as_deref()), (Some("p"), Some("u")));
    }

    #[test]
    fn tokens_are_not_shown() {
        let tokens = Tokens::new("abc").expect("tokens").with_refresh_token("def");
        let shown = format!("{tokens:?} {tokens:#?}");
        assert!(!shown.contains("abc") && !shown.contains("def"), "{shown}");
    }
}
