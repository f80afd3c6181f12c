//! [`Application`]: an application that users can be launched into, as it is registered with the server.

use std::fmt;

use serde::Deserialize;

use super::ConfigError;

/// An application as OAuth 2 knows it: its `client_id` is what activity definitions name as their
/// application, and what [`Instance::application`](crate::Instance::application) refers to.
///
/// ```
/// use koppeltaal_sandbox::Application;
///
/// let game = Application::new("game")
///     .launch_url("https://game.example/start?iss={iss}&launch_id={launch}")
///     .redirect_uri("https://game.example/login")
///     .secret("hush")
///     .refresh_tokens(true);
/// assert_eq!(game.identifier, "game");
/// ```
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Application {
    /// The `client_id`; unique in the sandbox.
    pub identifier: String,
    /// The page that a launch sends the browser to. `{iss}`, `{launch}` and `{client_id}` in it are replaced
    /// by their values; when it names neither `{iss}` nor `{launch}`, both are added as query parameters of
    /// these names. Without a page the application can be launched on mobile devices only.
    pub launch_url: Option<String>,
    /// Where Authorize may send the browser back to; compared as text.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// The secret of a confidential client. A public client has none.
    pub secret: Option<String>,
    /// Whether a confidential client gets refresh tokens. A public one never does.
    #[serde(default)]
    pub refresh_tokens: bool,
}

impl Application {
    /// A public client without a launch page.
    pub fn new(identifier: impl Into<String>) -> Self {
        Self {
            identifier: identifier.into(),
            launch_url: None,
            redirect_uris: Vec::new(),
            secret: None,
            refresh_tokens: false,
        }
    }

    /// With a launch page.
    #[must_use]
    pub fn launch_url(mut self, url: impl Into<String>) -> Self {
        self.launch_url = Some(url.into());
        self
    }

    /// With one more page that Authorize may send the browser back to.
    #[must_use]
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uris.push(uri.into());
        self
    }

    /// As a confidential client with this secret.
    #[must_use]
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(secret.into());
        self
    }

    /// With refresh tokens, or without.
    #[must_use]
    pub fn refresh_tokens(mut self, given: bool) -> Self {
        self.refresh_tokens = given;
        self
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        // It stands in Basic credentials, like a username.
        if self.identifier.is_empty() || self.identifier.contains(':') {
            return Err(ConfigError::ApplicationIdentifier(self.identifier.clone()));
        }
        let urls = self.launch_url.iter().chain(&self.redirect_uris);
        match urls.into_iter().find(|url| !is_target(url)) {
            Some(url) => Err(ConfigError::ApplicationUrl(url.clone())),
            None => Ok(()),
        }
    }
}

/// Whether a text is an absolute URI without fragment that a `Location` can have. Schemes of apps
/// (`nl.example.app:/login`) are as good as https.
fn is_target(uri: &str) -> bool {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    uri.split_once(':').is_some_and(|(scheme, rest)| is_scheme(scheme) && !rest.is_empty())
        && uri.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

impl fmt::Debug for Application {
    /// Leaves the secret out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application")
            .field("identifier", &self.identifier)
            .field("launch_url", &self.launch_url)
            .field("redirect_uris", &self.redirect_uris)
            .field("is_confidential", &self.secret.is_some())
            .field("refresh_tokens", &self.refresh_tokens)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_in_debug() {
        let shown = format!("{:?}", Application::new("game").secret("hunter2"));
        assert!(shown.contains("game") && !shown.contains("hunter2"));
    }

    #[test]
    fn urls_are_absolute_and_without_fragment() {
        for url in ["https://game.example/login?a=b", "nl.example.game:/login", "http://localhost:1/{launch}"]
        {
            assert_eq!(Application::new("game").redirect_uri(url).launch_url(url).check(), Ok(()), "{url}");
        }
        for url in ["", "game.example/login", "https://game.example/#top", "https://a b", "1a:x", "https:"] {
            let expected = Err(ConfigError::ApplicationUrl(url.into()));
            assert_eq!(Application::new("game").redirect_uri(url).check(), expected);
            assert_eq!(Application::new("game").launch_url(url).check(), expected);
        }
    }
}
