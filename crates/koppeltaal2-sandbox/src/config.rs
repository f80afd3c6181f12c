//! [`SandboxConfig`]: the domain that a sandbox plays: applications, identity providers, switches.

mod application;
mod check;
mod error;
mod file;
mod identity_provider;
mod lifetimes;
mod listen;
mod role;
mod seconds;
mod switches;

use std::net::SocketAddr;

use serde::Deserialize;

pub use application::Application;
pub use error::ConfigError;
pub use identity_provider::{IdentityProvider, UserType};
pub(crate) use identity_provider::{OWN_IDENTITY_PROVIDER, is_http_url};
pub use lifetimes::Lifetimes;
pub(crate) use role::Permission;
pub use role::{Reach, Role};
pub use switches::Switches;

/// The domain of a sandbox, from [`new`](Self::new) to [`start`](Self::start).
///
/// ```
/// use koppeltaal2_sandbox::{Application, Role, SandboxConfig};
///
/// # #[tokio::main] async fn main() -> Result<(), koppeltaal2_sandbox::StartError> {
/// let sandbox = SandboxConfig::new()
///     .application(Application::new("game").role(Role::Module))
///     .start()
///     .await?;
/// assert!(sandbox.application("game").device().starts_with("Device/"));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default = "SandboxConfig::for_empty_file", deny_unknown_fields)]
#[must_use = "a configuration does nothing until `start`"]
pub struct SandboxConfig {
    #[serde(deserialize_with = "listen::deserialize")]
    pub(crate) listen: SocketAddr,
    pub(crate) public_url: Option<String>,
    pub(crate) organization: String,
    pub(crate) people: bool,
    pub(crate) login_claim: String,
    pub(crate) notification_attempts: u32,
    pub(crate) applications: Vec<Application>,
    pub(crate) identity_providers: Vec<IdentityProvider>,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) switches: Switches,
}

impl SandboxConfig {
    /// The seeded domain on a free port of 127.0.0.1: an organization, and the applications `epd`, `portal`,
    /// `module` and `administration`, each with the role of that name and a key that is made at the start.
    pub fn new() -> Self {
        let seeded = [
            ("epd", Role::Epd),
            ("portal", Role::Portal),
            ("module", Role::Module),
            ("administration", Role::Administration),
        ];
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            public_url: None,
            organization: "Zorgboerderij De Sandbox".to_owned(),
            people: false,
            login_claim: "email".to_owned(),
            notification_attempts: 1,
            applications: seeded.map(|(name, role)| Application::new(name).role(role)).into(),
            identity_providers: Vec::new(),
            lifetimes: Lifetimes::default(),
            switches: Switches::default(),
        }
    }

    /// Without the applications that were added so far, seeded ones included.
    pub fn without_applications(mut self) -> Self {
        self.applications.clear();
        self
    }

    /// Adds an application, in place of one with the same name.
    pub fn application(mut self, application: Application) -> Self {
        match self.applications.iter_mut().find(|other| other.name == application.name) {
            Some(other) => *other = application,
            None => self.applications.push(application),
        }
        self
    }

    /// Adds an identity provider beside the sandbox's own.
    pub fn identity_provider(mut self, provider: IdentityProvider) -> Self {
        self.identity_providers.push(provider);
        self
    }

    /// Adds a handful of invented people, for a developer who looks around. Default none: a test makes its
    /// own.
    pub fn with_people(self) -> Self {
        Self { people: true, ..self }
    }

    /// The name of the care provider whose domain it is.
    pub fn organization(self, name: impl Into<String>) -> Self {
        Self { organization: name.into(), ..self }
    }

    /// The claim of an identity provider's `id_token` whose value has to be among the identifiers of the
    /// launched person. Default `email`, as at the reference service.
    pub fn login_claim(self, claim: impl Into<String>) -> Self {
        Self { login_claim: claim.into(), ..self }
    }

    /// How often a notification is tried before its Subscription gets the status `error`. Default once, as at
    /// the reference server.
    pub fn notification_attempts(self, attempts: u32) -> Self {
        Self { notification_attempts: attempts, ..self }
    }

    /// How long tokens, codes and logins are valid.
    pub fn lifetimes(self, lifetimes: Lifetimes) -> Self {
        Self { lifetimes, ..self }
    }

    /// The known differences between real servers.
    pub fn switches(self, switches: Switches) -> Self {
        Self { switches, ..self }
    }

    /// The base of all URLs that are handed out: `http(s)://host[/path]`. Default the address that the
    /// sandbox listens on. The sandbox calls its own identity provider by it too.
    pub fn public_url(self, url: impl Into<String>) -> Self {
        Self { public_url: Some(url.into()), ..self }
    }

    /// Where to listen. Default a free port of 127.0.0.1.
    pub fn listen(self, address: SocketAddr) -> Self {
        Self { listen: address, ..self }
    }

    /// Where to listen, as people write it: an address with a port such as `127.0.0.1:8490`; or
    /// `localhost:8490`, `:8490` or `8490`, which all mean 127.0.0.1.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Listen`] for any other text.
    pub fn listen_on(self, text: &str) -> Result<Self, ConfigError> {
        Ok(self.listen(listen::address(text)?))
    }
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self::new()
    }
}
