//! [`Lifetimes`]: how long tokens, codes and logins are valid.

use std::time::Duration;

use serde::Deserialize;

use super::seconds::seconds;

/// How long tokens, codes and logins are valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Lifetimes {
    /// An access token of an application. Default 5 minutes, as at the reference service.
    #[serde(deserialize_with = "seconds")]
    pub access_token: Duration,
    /// The `id_token` of a launched user. Default 5 minutes.
    #[serde(deserialize_with = "seconds")]
    pub id_token: Duration,
    /// An authorization code, until it is exchanged. Default 1 minute.
    #[serde(deserialize_with = "seconds")]
    pub code: Duration,
    /// A login, from the moment that the browser leaves for the identity provider. Default 10 minutes.
    #[serde(deserialize_with = "seconds")]
    pub login: Duration,
    /// The longest that an HTI token may be valid. Default 5 minutes, as HTI says; some portals give 15.
    #[serde(deserialize_with = "seconds")]
    pub launch: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        const MINUTE: Duration = Duration::from_secs(60);
        Self {
            access_token: 5 * MINUTE,
            id_token: 5 * MINUTE,
            code: MINUTE,
            login: 10 * MINUTE,
            launch: 5 * MINUTE,
        }
    }
}

impl Lifetimes {
    /// The name of a lifetime that is zero, with which nothing would work.
    pub(super) fn zero(&self) -> Option<&'static str> {
        let Self { access_token, id_token, code, login, launch } = self;
        [
            ("lifetimes.access_token", access_token),
            ("lifetimes.id_token", id_token),
            ("lifetimes.code", code),
            ("lifetimes.login", login),
            ("lifetimes.launch", launch),
        ]
        .into_iter()
        .find(|(_, lifetime)| lifetime.as_secs() == 0)
        .map(|(name, _)| name)
    }
}
