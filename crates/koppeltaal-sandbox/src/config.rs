//! [`SandboxConfig`]: the world that a sandbox plays: domains, application instances, activity definitions, limits.

mod application;
mod error;
mod fault;
mod file;
mod instance;
mod lifetimes;
mod limits;
mod push;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use koppeltaal_fhir::resources::Other;
use koppeltaal_messaging::Event;

pub use application::Application;
pub use error::ConfigError;
pub use fault::{Fault, FaultKind};
pub use instance::Instance;
pub use lifetimes::Lifetimes;
pub use limits::Limits;
pub use push::{Push, Webhook};

use crate::definition;
use crate::links::FHIR_PATH;
use crate::representation;
use crate::sandbox::{Sandbox, StartError};

/// An activity definition that is there from the start.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ConfiguredDefinition {
    /// Name of the domain.
    pub domain: String,
    /// The definition: an `Other` with code `ActivityDefinition`.
    pub definition: Other,
}

/// Everything that a sandbox is told before it starts; [`start`](Self::start) starts it.
///
/// The default has no domain, no instance and no definition. [`portal_and_game`](Self::portal_and_game) adds a small world
/// that works at once.
///
/// ```
/// use std::time::Duration;
/// use koppeltaal_sandbox::{Instance, Sandbox};
///
/// # #[tokio::main] async fn main() -> Result<(), koppeltaal_sandbox::StartError> {
/// let sandbox = Sandbox::builder()
///     .instance(Instance::new("rom", "secret", "Zonnedauw"))
///     .claim_timeout(Duration::from_secs(30))
///     .start()
///     .await?;
/// assert!(sandbox.url().starts_with("http://127.0.0.1:"));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[must_use = "a configuration does nothing until `start`"]
pub struct SandboxConfig {
    /// Names of the domains. An instance and a definition must name one of them.
    pub domains: BTreeSet<String>,
    /// The application instances.
    pub instances: Vec<Instance>,
    /// The applications that users can be launched into.
    pub applications: Vec<Application>,
    /// Activity definitions to start with.
    pub activity_definitions: Vec<ConfiguredDefinition>,
    /// How long a claimed message may stay unanswered before it is New again. Default 5 minutes; at the fifth time it
    /// becomes `MaximumRetriesExceeded`.
    pub claim_timeout: Duration,
    /// What goes wrong on purpose. Default nothing.
    pub faults: Vec<Fault>,
    /// Whether the page, and faults at `/sandbox/faults`, are for anybody who can reach the sandbox: under its address or the
    /// name in the public URL. Default no.
    pub admin: bool,
    /// The times of push.
    pub push: Push,
    /// How long launches, codes and tokens are good.
    pub lifetimes: Lifetimes,
    /// The base of all links that are handed out: `http(s)://host[/path]`, without `/FHIR/Koppeltaal`. When not set, the
    /// address that the client used.
    pub public_url: Option<String>,
    /// Where to listen. Default a free port of 127.0.0.1.
    pub listen: SocketAddr,
    /// The file in which everything survives the end of the process, also a sudden one; without one it is forgotten. A
    /// `SQLite` database, made if it is not there. Configured activity definitions are taken into it once.
    pub data: Option<PathBuf>,
    /// Bounds.
    pub limits: Limits,
}

impl SandboxConfig {
    /// Adds a domain `Sandbox` with a portal (username `portal`, password `portal`) that is told what becomes of
    /// activities, a game (`game`, `game`) that is told about care plans, the game's activity definition (identifier
    /// `SANDBOX-GAME`), and the application `game` to launch: secret `game`, launch page `http://127.0.0.1:8481/`, redirect
    /// URI `http://127.0.0.1:8481/login`, with refresh tokens.
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
        self.activity_definitions.push(ConfiguredDefinition { domain, definition });
        self
    }

    /// Sets [`claim_timeout`](Self#structfield.claim_timeout).
    pub fn claim_timeout(mut self, timeout: Duration) -> Self {
        self.claim_timeout = timeout;
        self
    }

    /// Adds to [`faults`](Self#structfield.faults).
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Sets [`admin`](Self#structfield.admin).
    pub fn admin(mut self, admin: bool) -> Self {
        self.admin = admin;
        self
    }

    /// Sets [`push`](Self#structfield.push).
    pub fn push(mut self, push: Push) -> Self {
        self.push = push;
        self
    }

    /// Sets [`lifetimes`](Self#structfield.lifetimes).
    pub fn lifetimes(mut self, lifetimes: Lifetimes) -> Self {
        self.lifetimes = lifetimes;
        self
    }

    /// Sets [`public_url`](Self#structfield.public_url).
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.public_url = Some(url.into());
        self
    }

    /// Sets [`listen`](Self#structfield.listen).
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Sets [`data`](Self#structfield.data).
    pub fn data(mut self, path: impl Into<PathBuf>) -> Self {
        self.data = Some(path.into());
        self
    }

    /// Sets [`limits`](Self#structfield.limits).
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Starts a sandbox with this.
    ///
    /// # Errors
    ///
    /// The configuration contradicts itself, or the address cannot be had.
    pub async fn start(self) -> Result<Sandbox, StartError> {
        Sandbox::start(self).await
    }

    /// Whether a sandbox can start with this.
    ///
    /// # Errors
    ///
    /// The first thing that contradicts itself; see [`ConfigError`].
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut usernames = HashSet::new();
        let mut of_applications = HashSet::new();
        for instance in &self.instances {
            // A colon ends the username in Basic authentication (RFC 7617).
            if instance.username.is_empty() || instance.username.contains(':') {
                return Err(ConfigError::Username(instance.username.clone()));
            }
            if !usernames.insert(&instance.username) {
                return Err(ConfigError::DuplicateInstance(instance.username.clone()));
            }
            self.check_domain(&instance.domain)?;
            instance.webhook.as_ref().map_or(Ok(()), Webhook::check)?;
            if !of_applications.insert((&instance.domain, &instance.application)) {
                return Err(ConfigError::DuplicateApplicationInstance(instance.application.clone()));
            }
        }
        let mut identifiers = HashSet::new();
        for application in &self.applications {
            application.check()?;
            if !identifiers.insert(&application.identifier) {
                return Err(ConfigError::DuplicateApplication(application.identifier.clone()));
            }
        }
        let mut definitions: BTreeMap<&str, usize> = BTreeMap::new();
        for ConfiguredDefinition { domain, definition } in &self.activity_definitions {
            self.check_domain(domain)?;
            if !definition::is_definition(definition) {
                return Err(ConfigError::NotADefinition);
            }
            if let Err(error) = representation::check(&definition.clone().into()) {
                return Err(ConfigError::Definition { domain: domain.clone(), reason: error.to_string() });
            }
            let count = definitions.entry(domain).or_default();
            *count += 1;
            if *count > self.limits.definitions {
                return Err(ConfigError::TooManyDefinitions(domain.clone()));
            }
        }
        if self.push.keep_alive.is_zero() {
            return Err(ConfigError::KeepAlive);
        }
        match &self.public_url {
            Some(url) if !is_base_url(url) => Err(ConfigError::PublicUrl(url.clone())),
            _ => Ok(()),
        }
    }

    fn check_domain(&self, domain: &str) -> Result<(), ConfigError> {
        if self.domains.contains(domain) {
            Ok(())
        } else {
            Err(ConfigError::UnknownDomain(domain.to_owned()))
        }
    }
}

impl Default for SandboxConfig {
    fn default() -> Self {
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
}

/// `http` or `https`, a host without user information, an optional path that is not already that of the FHIR interface;
/// nothing behind it.
fn is_base_url(text: &str) -> bool {
    // `Uri` drops a fragment without a word.
    if text.contains('#') {
        return false;
    }
    let Ok(url) = text.parse::<http::Uri>() else { return false };
    let is_bare = url.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    let is_fhir = url.path().trim_end_matches('/').ends_with(FHIR_PATH);
    matches!(url.scheme_str(), Some("http" | "https")) && is_bare && url.query().is_none() && !is_fhir
}

#[cfg(test)]
mod tests {
    use super::*;

    fn portal_and_game() -> SandboxConfig {
        SandboxConfig::default().portal_and_game()
    }

    #[test]
    fn what_is_built_in_is_in_order() {
        assert_eq!(portal_and_game().check(), Ok(()));
        assert_eq!(SandboxConfig::default().check(), Ok(()));
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
        assert_eq!(push("rom", "Nowhere"), Err(ConfigError::UnknownDomain("Nowhere".into())));
        let other = portal_and_game().activity_definition("Sandbox", Other::default());
        assert_eq!(other.check(), Err(ConfigError::NotADefinition));
        let full = with(|config| config.limits.definitions = 0);
        assert_eq!(full, Err(ConfigError::TooManyDefinitions("Sandbox".into())));
    }

    #[test]
    fn a_public_url_is_a_bare_base_url() {
        for url in [
            "koppeltaal.example",
            "ftp://koppeltaal.example",
            "https://koppeltaal.example/?a=b",
            "https://koppeltaal.example/#top",
            "https://me:secret@koppeltaal.example",
            "https://koppeltaal.example/FHIR/Koppeltaal",
            "https://koppeltaal.example/test/FHIR/Koppeltaal/",
            "",
        ] {
            let config = SandboxConfig::default().public_url(url);
            assert_eq!(config.check(), Err(ConfigError::PublicUrl(url.into())));
        }
        for url in ["https://koppeltaal.example", "http://localhost:8480/", "https://koppeltaal.example/FHIR"]
        {
            assert_eq!(SandboxConfig::default().public_url(url).check(), Ok(()), "{url}");
        }
    }
}
