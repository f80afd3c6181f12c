//! [`SandboxConfig`]: the world that a sandbox plays: domains, application instances, activity definitions,
//! limits.

mod activity_definition;
mod application;
mod check;
mod error;
mod event;
mod fault;
mod file;
mod instance;
mod lifetimes;
mod limits;
mod listen;
mod public_url;
mod push;
mod seconds;
mod tls;
mod webhook;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use koppeltaal_fhir::resources::Other;
use koppeltaal_messaging::Event;
use serde::Deserialize;

pub(crate) use activity_definition::ConfiguredActivityDefinition;
pub use application::Application;
pub use error::ConfigError;
pub use fault::{Fault, FaultKind};
pub use instance::Instance;
pub use lifetimes::Lifetimes;
pub use limits::Limits;
pub(crate) use public_url::FHIR_PATH;
pub use push::Push;
pub use webhook::Webhook;

use crate::definition;
use seconds::seconds;

/// The world of a sandbox, from [`new`](Self::new) to [`start`](Self::start).
///
/// A new one is empty: no domain, no instance, no definition. [`portal_and_game`](Self::portal_and_game) adds
/// a small world that works at once.
///
/// ```
/// use std::time::Duration;
/// use koppeltaal_sandbox::{Instance, SandboxConfig};
///
/// # #[tokio::main] async fn main() -> Result<(), koppeltaal_sandbox::StartError> {
/// let sandbox = SandboxConfig::new()
///     .instance(Instance::new("rom", "secret", "Zonnedauw"))
///     .claim_timeout(Duration::from_secs(30))
///     .start()
///     .await?;
/// assert!(sandbox.url().starts_with("http://127.0.0.1:"));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default = "SandboxConfig::for_empty_file", deny_unknown_fields)]
#[must_use = "a configuration does nothing until `start`"]
pub struct SandboxConfig {
    /// All domains, also the ones that only an instance or a definition names.
    pub(crate) domains: BTreeSet<String>,
    pub(crate) instances: Vec<Instance>,
    pub(crate) applications: Vec<Application>,
    pub(crate) activity_definitions: Vec<ConfiguredActivityDefinition>,
    #[serde(deserialize_with = "seconds")]
    pub(crate) claim_timeout: Duration,
    pub(crate) faults: Vec<Fault>,
    pub(crate) admin: bool,
    pub(crate) push: Push,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) public_url: Option<String>,
    #[serde(deserialize_with = "listen::deserialize")]
    pub(crate) listen: SocketAddr,
    pub(crate) data: Option<PathBuf>,
    pub(crate) limits: Limits,
}

impl SandboxConfig {
    /// An empty world on a free port of 127.0.0.1, kept in memory only.
    pub fn new() -> Self {
        Self {
            domains: BTreeSet::new(),
            instances: Vec::new(),
            applications: Vec::new(),
            activity_definitions: Vec::new(),
            claim_timeout: Duration::from_secs(5 * 60),
            faults: Vec::new(),
            admin: false,
            push: Push::default(),
            lifetimes: Lifetimes::default(),
            public_url: None,
            data: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            limits: Limits::default(),
        }
    }

    /// Adds a domain `Sandbox` with a portal (username `portal`, password `portal`) that receives statuses
    /// and results of activities, a game (`game`, `game`) that receives care plans, the game's activity
    /// definition (identifier `SANDBOX-GAME`), and the application `game` to launch: secret `game`, launch
    /// page `http://127.0.0.1:8481/`, redirect URI `http://127.0.0.1:8481/login`, with refresh tokens.
    pub fn portal_and_game(self) -> Self {
        const DOMAIN: &str = "Sandbox";
        self.instance(Instance::new("portal", "portal", DOMAIN).subscribe([
            Event::CreateOrUpdateActivityDefinition,
            Event::UpdateCarePlanActivityStatus,
            Event::CreateOrUpdateCarePlanActivityResult,
            Event::CreateOrUpdateUserMessage,
        ]))
        .instance(
            Instance::new("game", "game", DOMAIN)
                .subscribe([Event::CreateOrUpdateCarePlan, Event::CreateOrUpdateUserMessage]),
        )
        .application(
            Application::new("game")
                .launch_url("http://127.0.0.1:8481/")
                .redirect_uri("http://127.0.0.1:8481/login")
                .secret("game")
                .refresh_tokens(true),
        )
        .activity_definition(DOMAIN, definition::game("SANDBOX-GAME", "The Lighthouse Keeper", "game"))
    }

    /// Adds a domain.
    pub fn domain(mut self, name: impl Into<String>) -> Self {
        self.domains.insert(name.into());
        self
    }

    /// Adds an application instance, in place of one with the same username, and its domain.
    pub fn instance(mut self, instance: Instance) -> Self {
        self.domains.insert(instance.domain.clone());
        self.instances.retain(|other| other.username != instance.username);
        self.instances.push(instance);
        self
    }

    /// Adds an application, in place of one with the same identifier.
    pub fn application(mut self, application: Application) -> Self {
        self.applications.retain(|other| other.identifier != application.identifier);
        self.applications.push(application);
        self
    }

    /// Adds an activity definition, and its domain.
    pub fn activity_definition(mut self, domain: impl Into<String>, definition: Other) -> Self {
        let domain = domain.into();
        self.domains.insert(domain.clone());
        self.activity_definitions.push(ConfiguredActivityDefinition { domain, definition });
        self
    }

    /// How long a claimed message may stay unanswered before it is New again. When that happens for the fifth
    /// time, it becomes `MaximumRetriesExceeded`. Default 5 minutes.
    pub fn claim_timeout(mut self, timeout: Duration) -> Self {
        self.claim_timeout = timeout;
        self
    }

    /// Adds something that goes wrong on purpose. Default nothing.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Whether everybody who can reach the sandbox gets the page for people, and may set faults at
    /// `/sandbox/faults`. Both are served under the sandbox's address and under the name in the public URL.
    /// Default no.
    pub fn admin(mut self, admin: bool) -> Self {
        self.admin = admin;
        self
    }

    /// The times of push.
    pub fn push(mut self, push: Push) -> Self {
        self.push = push;
        self
    }

    /// How long launches, codes and tokens are valid.
    pub fn lifetimes(mut self, lifetimes: Lifetimes) -> Self {
        self.lifetimes = lifetimes;
        self
    }

    /// The base of all links that are handed out: `http(s)://host[/path]`, without `/FHIR/Koppeltaal`.
    /// Default the address that the client used.
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.public_url = Some(url.into());
        self
    }

    /// Where to listen. Default a free port of 127.0.0.1.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Where to listen, as people write it: an address with a port such as `127.0.0.1:8480`; or
    /// `localhost:8480`, `:8480` or `8480`, which all mean 127.0.0.1.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Listen`] for any other text.
    pub fn listen_on(self, text: &str) -> Result<Self, ConfigError> {
        Ok(self.listen(listen::address(text)?))
    }

    /// The file in which everything survives the end of the process, even a sudden one. It is an SQLite
    /// database, and is made if it is not there. A configured activity definition is stored in it once.
    /// Default none: everything is forgotten.
    ///
    /// Needs the feature `data-file`. Without it, a sandbox with a file does not start
    /// ([`DataFileError::NotInThisBuild`](crate::DataFileError::NotInThisBuild)).
    pub fn data(mut self, path: impl Into<PathBuf>) -> Self {
        self.data = Some(path.into());
        self
    }

    /// The bounds of what the sandbox takes and keeps.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The application instances that were added.
    pub fn instances(&self) -> &[Instance] {
        &self.instances
    }
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn portal_and_game() -> SandboxConfig {
        SandboxConfig::new().portal_and_game()
    }

    #[test]
    fn what_is_built_in_is_in_order() {
        assert_eq!(portal_and_game().check(), Ok(()));
        assert_eq!(SandboxConfig::new().check(), Ok(()));
    }

    #[test]
    fn an_instance_added_again_replaces_the_first() {
        let config = portal_and_game().instance(Instance::new("game", "other", "Elsewhere"));
        let games: Vec<_> = config.instances.iter().filter(|instance| instance.username == "game").collect();
        assert_eq!(games.len(), 1);
        assert_eq!(games[0].domain, "Elsewhere");
        assert_eq!(config.check(), Ok(()));
    }

    #[test]
    fn contradictions_are_named() {
        let with = |change: fn(&mut SandboxConfig)| {
            let mut config = portal_and_game();
            change(&mut config);
            config.check()
        };
        let push = |name: &str, domain: &str| {
            let mut config = portal_and_game();
            config.instances.push(Instance::new(name, "x", domain));
            config.check()
        };
        assert_eq!(push("game", "Sandbox"), Err(ConfigError::DuplicateInstance("game".into())));
        assert_eq!(push("a:b", "Sandbox"), Err(ConfigError::Username("a:b".into())));
        let other = portal_and_game().activity_definition("Sandbox", Other::default());
        assert_eq!(other.check(), Err(ConfigError::NotADefinition));
        let changes: [(fn(&mut SandboxConfig), _); 5] = [
            (|config| config.limits.body_bytes = 0, "limits.body_bytes"),
            (|config| config.limits.connections = 0, "limits.connections"),
            (|config| config.limits.request_time = Duration::ZERO, "limits.request_time"),
            (|config| config.push.keep_alive = Duration::ZERO, "push.keep_alive"),
            (|config| config.push.webhook_timeout = Duration::ZERO, "push.webhook_timeout"),
        ];
        for (change, name) in changes {
            assert_eq!(with(change), Err(ConfigError::Zero(name)));
        }
        let full = with(|config| config.limits.definitions = 0);
        assert_eq!(full, Err(ConfigError::TooManyDefinitions("Sandbox".into())));
    }
}
