//! [`Switches`]: known differences between real servers, to be turned on one by one.

use serde::Deserialize;

use super::ConfigError;

/// Where real servers differ from the texts of Koppeltaal, or from each other. By default the sandbox is
/// strict. An application that works with each of them works with the servers that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Switches {
    /// The token and introspection endpoints refuse with plain text, as the reference service does, instead
    /// of the JSON of RFC 6749.
    pub plain_text_errors: bool,
    /// `expires_in` is a text instead of a number.
    pub expires_in_as_text: bool,
    /// An authorization request without `code_challenge` is let through, as the reference service does.
    pub without_code_challenge: bool,
    /// An application without any redirect URI may use every one, as at the reference service.
    pub any_redirect_uri: bool,
    /// Introspection takes a client assertion only for the token endpoint, as the reference service does, and
    /// not for its own endpoint, as the text says.
    pub introspection_for_token_endpoint_only: bool,
    /// A resource that breaks rules of its profile is stored, if it names the profile. Domains differ in how
    /// much they check.
    pub without_profile_rules: bool,
    /// The HTTP status for an update of a version that is no longer the current one: 409, as at the reference
    /// server, or 412.
    pub stale_version_status: u16,
    /// The HTTP status for an update without `If-Match`: 412, as at the reference server, 400 or 428.
    pub missing_if_match_status: u16,
}

/// The statuses that are right for each situation.
const STALE_VERSION: [u16; 2] = [409, 412];
const MISSING_IF_MATCH: [u16; 3] = [412, 400, 428];

impl Default for Switches {
    fn default() -> Self {
        Self {
            plain_text_errors: false,
            expires_in_as_text: false,
            without_code_challenge: false,
            any_redirect_uri: false,
            introspection_for_token_endpoint_only: false,
            without_profile_rules: false,
            stale_version_status: STALE_VERSION[0],
            missing_if_match_status: MISSING_IF_MATCH[0],
        }
    }
}

impl Switches {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let statuses = [
            ("switches.stale_version_status", self.stale_version_status, &STALE_VERSION[..]),
            ("switches.missing_if_match_status", self.missing_if_match_status, &MISSING_IF_MATCH[..]),
        ];
        match statuses.into_iter().find(|(_, status, allowed)| !allowed.contains(status)) {
            Some((name, _, allowed)) => Err(ConfigError::Status { name, allowed }),
            None => Ok(()),
        }
    }
}
