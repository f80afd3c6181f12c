//! [`Switches`]: known differences between real servers, to be turned on one by one.

use serde::Deserialize;

/// Where real servers differ from the texts of Koppeltaal. All are off: the sandbox is strict by default. An
/// application that works with each of them works with the servers that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
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
}
