//! [`SandboxConfig`]: the world that a sandbox plays: domains, application instances, activity definitions, limits.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use koppeltaal_fhir::resources::Other;
use koppeltaal_messaging::{ApiVersion, Event};

use crate::definition;

/// An application instance: one application in one domain, with credentials, a queue and subscriptions.
///
/// ```
/// use koppeltaal_messaging::{ApiVersion, Event};
/// use koppeltaal_sandbox::Instance;
///
/// let rom = Instance::new("rom", "secret", "Zonnedauw")
///     .subscribe([Event::CreateOrUpdateCarePlan, Event::CreateOrUpdatePatient])
///     .api_version(ApiVersion::V1_3_3);
/// assert_eq!(rom.user_name, "rom");
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Instance {
    /// User name for Basic authentication; unique in the sandbox, since credentials decide the domain.
    pub user_name: String,
    /// Password for Basic authentication.
    pub password: String,
    /// Name of the domain.
    pub domain: String,
    /// The events whose messages are copied into the instance's queue.
    pub subscriptions: BTreeSet<Event>,
    /// The rules of versioning that its messages are held to.
    pub api_version: ApiVersion,
}

impl Instance {
    /// An instance without subscriptions, of api-version 1.3.5.
    pub fn new(user_name: impl Into<String>, password: impl Into<String>, domain: impl Into<String>) -> Self {
        Self {
            user_name: user_name.into(),
            password: password.into(),
            domain: domain.into(),
            subscriptions: BTreeSet::new(),
            api_version: ApiVersion::default(),
        }
    }

    /// Subscribes the instance to these events, besides those it has.
    #[must_use]
    pub fn subscribe(mut self, events: impl IntoIterator<Item = Event>) -> Self {
        self.subscriptions.extend(events);
        self
    }

    /// With another api-version.
    #[must_use]
    pub fn api_version(mut self, version: ApiVersion) -> Self {
        self.api_version = version;
        self
    }
}

impl fmt::Debug for Instance {
    /// Leaves the password out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("user_name", &self.user_name)
            .field("domain", &self.domain)
            .field("subscriptions", &self.subscriptions)
            .field("api_version", &self.api_version)
            .finish_non_exhaustive()
    }
}

/// An activity definition that is there from the start.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ConfiguredDefinition {
    /// Name of the domain.
    pub domain: String,
    /// The definition: an `Other` with code `ActivityDefinition`.
    pub definition: Other,
}

/// Bounds of what a sandbox takes and keeps.
///
/// A queue that is full forgets its oldest processed message for each new one; when none is processed, its oldest
/// waiting message. So one application that never looks into its queue cannot stop the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Length of a request's body in bytes. Default 16 MiB.
    pub body_bytes: usize,
    /// Messages in one queue, processed ones included. Default 100,000.
    pub queue_messages: usize,
    /// Size of the messages in one queue, in bytes as they were posted. Default 256 MiB.
    pub queue_bytes: usize,
    /// Resources with a version in one domain; a message with more new ones than fit is refused. Default 1,000,000.
    pub resources: usize,
    /// Activity definitions in one domain, archived ones included. Default 10,000.
    pub definitions: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 16 << 20,
            queue_messages: 100_000,
            queue_bytes: 256 << 20,
            resources: 1_000_000,
            definitions: 10_000,
        }
    }
}

/// Everything that a sandbox is told before it starts.
///
/// [`SandboxConfig::default`] is a small world that works at once: domain `Sandbox`, a portal (user name `portal`,
/// password `portal`) that is told what becomes of activities, a game (`game`, `game`) that is told about care plans, and
/// the game's activity definition (identifier `SANDBOX-GAME`). [`SandboxConfig::empty`] has nothing.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SandboxConfig {
    /// Names of the domains. An instance and a definition must name one of them.
    pub domains: BTreeSet<String>,
    /// The application instances.
    pub instances: Vec<Instance>,
    /// Activity definitions to start with.
    pub activity_definitions: Vec<ConfiguredDefinition>,
    /// How long a claimed message may stay unanswered before it is New again. Default 5 minutes; at the fifth time it
    /// becomes `MaximumRetriesExceeded`.
    pub claim_timeout: Duration,
    /// The base of all links that are handed out, without `/FHIR`. When not set, the address that the client used.
    pub public_url: Option<String>,
    /// Where to listen. Default a free port of 127.0.0.1.
    pub listen: SocketAddr,
    /// Bounds.
    pub limits: Limits,
}

impl SandboxConfig {
    /// No domain, no instance, no definition; the other settings as in the default.
    pub fn empty() -> Self {
        Self {
            domains: BTreeSet::new(),
            instances: Vec::new(),
            activity_definitions: Vec::new(),
            claim_timeout: Duration::from_secs(5 * 60),
            public_url: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            limits: Limits::default(),
        }
    }

    /// Adds an instance, in place of one with the same user name, and its domain.
    pub fn add_instance(&mut self, instance: Instance) {
        self.domains.insert(instance.domain.clone());
        self.instances.retain(|other| other.user_name != instance.user_name);
        self.instances.push(instance);
    }

    /// Adds an activity definition, and its domain.
    pub fn add_activity_definition(&mut self, domain: impl Into<String>, definition: Other) {
        let domain = domain.into();
        self.domains.insert(domain.clone());
        self.activity_definitions.push(ConfiguredDefinition { domain, definition });
    }

    /// Whether a sandbox can start with this.
    ///
    /// # Errors
    ///
    /// The first thing that contradicts itself; see [`ConfigError`].
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut user_names = HashSet::new();
        for instance in &self.instances {
            // A colon ends the user name in Basic authentication (RFC 7617).
            if instance.user_name.is_empty() || instance.user_name.contains(':') {
                return Err(ConfigError::UserName(instance.user_name.clone()));
            }
            if !user_names.insert(&instance.user_name) {
                return Err(ConfigError::DuplicateInstance(instance.user_name.clone()));
            }
            self.check_domain(&instance.domain)?;
        }
        for ConfiguredDefinition { domain, definition } in &self.activity_definitions {
            self.check_domain(domain)?;
            if !definition::is_definition(definition) {
                return Err(ConfigError::NotADefinition);
            }
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
        const DOMAIN: &str = "Sandbox";
        let mut config = Self::empty();
        config.add_instance(Instance::new("portal", "portal", DOMAIN).subscribe([
            Event::CreateOrUpdateActivityDefinition,
            Event::UpdateCarePlanActivityStatus,
            Event::CreateOrUpdateCarePlanActivityResult,
            Event::CreateOrUpdateUserMessage,
        ]));
        config.add_instance(
            Instance::new("game", "game", DOMAIN)
                .subscribe([Event::CreateOrUpdateCarePlan, Event::CreateOrUpdateUserMessage]),
        );
        config.add_activity_definition(
            DOMAIN,
            definition::game("SANDBOX-GAME", "The Lighthouse Keeper", "game"),
        );
        config
    }
}

/// `http` or `https`, a host, an optional path; nothing behind it.
fn is_base_url(text: &str) -> bool {
    let Ok(url) = text.parse::<http::Uri>() else { return false };
    matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some() && url.query().is_none()
}

/// Why a sandbox cannot start with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Two instances have the same user name, so their credentials would not decide between them.
    #[error("two application instances are called {0:?}")]
    DuplicateInstance(String),
    /// A user name is empty or holds a colon, which Basic authentication cannot carry.
    #[error("{0:?} cannot be a user name: it is empty or holds a colon")]
    UserName(String),
    /// An instance or a definition names a domain that the sandbox does not have.
    #[error("there is no domain {0:?}")]
    UnknownDomain(String),
    /// A configured activity definition is an `Other` with another code.
    #[error("a configured activity definition does not have the code ActivityDefinition")]
    NotADefinition,
    /// The public URL is no absolute http or https URL, or has a query.
    #[error("{0:?} cannot be the public URL: it has to be http(s)://host[/path]")]
    PublicUrl(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_in_order() {
        assert_eq!(SandboxConfig::default().check(), Ok(()));
        assert_eq!(SandboxConfig::empty().check(), Ok(()));
    }

    #[test]
    fn passwords_are_not_in_debug() {
        let config = format!("{:?}", Instance::new("portal", "hunter2", "Sandbox"));
        assert!(config.contains("portal") && !config.contains("hunter2"));
    }

    #[test]
    fn an_instance_added_again_replaces_the_first() {
        let mut config = SandboxConfig::default();
        config.add_instance(Instance::new("game", "other", "Elsewhere"));
        let games: Vec<_> = config.instances.iter().filter(|instance| instance.user_name == "game").collect();
        assert_eq!(games.len(), 1);
        assert_eq!(games[0].domain, "Elsewhere");
        assert_eq!(config.check(), Ok(()));
    }

    #[test]
    fn contradictions_are_named() {
        let mut twice = SandboxConfig::default();
        twice.instances.push(Instance::new("game", "x", "Sandbox"));
        assert_eq!(twice.check(), Err(ConfigError::DuplicateInstance("game".into())));

        let mut colon = SandboxConfig::default();
        colon.instances.push(Instance::new("a:b", "x", "Sandbox"));
        assert_eq!(colon.check(), Err(ConfigError::UserName("a:b".into())));

        let mut domain = SandboxConfig::default();
        domain.instances.push(Instance::new("rom", "x", "Nowhere"));
        assert_eq!(domain.check(), Err(ConfigError::UnknownDomain("Nowhere".into())));

        let mut definition = SandboxConfig::default();
        definition.add_activity_definition("Sandbox", Other::default());
        assert_eq!(definition.check(), Err(ConfigError::NotADefinition));

        for url in ["koppeltaal.example", "ftp://koppeltaal.example", "https://koppeltaal.example/?a=b", ""] {
            let config = SandboxConfig { public_url: Some(url.into()), ..SandboxConfig::default() };
            assert_eq!(config.check(), Err(ConfigError::PublicUrl(url.into())));
        }
    }
}
