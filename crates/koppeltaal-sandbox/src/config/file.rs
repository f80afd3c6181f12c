//! [`SandboxConfig`] from a TOML file. The example that documents the form is `sandbox.toml` beside this crate's
//! manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use koppeltaal_messaging::profiles::ActivityDefinition;
use koppeltaal_messaging::valuesets::ActivityKind;
use koppeltaal_messaging::{ApiVersion, CodeSystem as _, Event, Reference};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::{Application, ConfigError, Fault, Instance, Lifetimes, Limits, Push, SandboxConfig, Webhook};

/// Where a configured server listens unless the file says otherwise; a test wants a free port, people a known one.
const LISTEN: ([u8; 4], u16) = ([127, 0, 0, 1], 8480);

impl SandboxConfig {
    /// Reads a configuration file in TOML. Whatever the file leaves out is as in the default, but for `listen`, which is
    /// `127.0.0.1:8480`.
    ///
    /// The form, with every setting that there is:
    ///
    /// ```toml
    #[doc = include_str!("../../sandbox.toml")]
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConfigError::File`] with the line when it is no TOML, or a setting is not known or makes no sense; other errors
    /// as of [`check`](SandboxConfig::check).
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let file: File = toml::from_str(text).map_err(|error| ConfigError::File(error.to_string()))?;
        let config = file.into_config();
        config.check()?;
        Ok(config)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: Option<SocketAddr>,
    public_url: Option<String>,
    data: Option<PathBuf>,
    #[serde(default, deserialize_with = "seconds")]
    claim_timeout: Option<Duration>,
    #[serde(default)]
    domains: BTreeSet<String>,
    #[serde(default)]
    instances: Vec<FileInstance>,
    #[serde(default)]
    applications: Vec<FileApplication>,
    #[serde(default)]
    activity_definitions: Vec<FileDefinition>,
    #[serde(default)]
    admin: bool,
    #[serde(default)]
    faults: Vec<Fault>,
    #[serde(default)]
    push: FilePush,
    #[serde(default)]
    lifetimes: FileLifetimes,
    #[serde(default)]
    limits: FileLimits,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileInstance {
    username: String,
    password: String,
    domain: String,
    application: Option<String>,
    #[serde(default, deserialize_with = "texts")]
    subscriptions: Vec<Event>,
    #[serde(default, deserialize_with = "text")]
    api_version: Option<ApiVersion>,
    webhook: Option<FileWebhook>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileWebhook {
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    root_certificates: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileApplication {
    identifier: String,
    launch_url: Option<String>,
    #[serde(default)]
    redirect_uris: Vec<String>,
    secret: Option<String>,
    #[serde(default)]
    refresh_tokens: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileDefinition {
    domain: String,
    identifier: String,
    name: String,
    kind: String,
    application: String,
    description: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct FileLifetimes {
    #[serde(default, deserialize_with = "seconds")]
    launch: Option<Duration>,
    #[serde(default, deserialize_with = "seconds")]
    activation: Option<Duration>,
    #[serde(default, deserialize_with = "seconds")]
    code: Option<Duration>,
    #[serde(default, deserialize_with = "seconds")]
    token: Option<Duration>,
    #[serde(default, deserialize_with = "seconds")]
    refresh: Option<Duration>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct FilePush {
    #[serde(default, deserialize_with = "seconds")]
    keep_alive: Option<Duration>,
    #[serde(default, deserialize_with = "seconds")]
    disconnect_timeout: Option<Duration>,
    #[serde(default, deserialize_with = "seconds")]
    connection_timeout: Option<Duration>,
    #[serde(default, deserialize_with = "seconds")]
    webhook_pause: Option<Duration>,
    #[serde(default, deserialize_with = "seconds")]
    webhook_timeout: Option<Duration>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct FileLimits {
    body_bytes: Option<usize>,
    queue_messages: Option<usize>,
    queue_bytes: Option<usize>,
    definition_bytes: Option<usize>,
    data_bytes: Option<u64>,
    resources: Option<usize>,
    definitions: Option<usize>,
    storage_items: Option<usize>,
    storage_bytes: Option<usize>,
    grant_bytes: Option<usize>,
    hub_connections: Option<usize>,
    connections: Option<usize>,
    #[serde(default, deserialize_with = "seconds")]
    request_time: Option<Duration>,
    #[serde(default, deserialize_with = "seconds")]
    stop_time: Option<Duration>,
}

impl File {
    fn into_config(self) -> SandboxConfig {
        let mut config = SandboxConfig {
            listen: self.listen.unwrap_or_else(|| LISTEN.into()),
            public_url: self.public_url,
            data: self.data,
            domains: self.domains,
            admin: self.admin,
            faults: self.faults,
            push: self.push.into_push(),
            lifetimes: self.lifetimes.into_lifetimes(),
            limits: self.limits.into_limits(),
            ..SandboxConfig::default()
        };
        set(&mut config.claim_timeout, self.claim_timeout);
        // Not by the setters: they replace what is there twice, and here that is a mistake to be named.
        config.instances = self.instances.into_iter().map(FileInstance::into_instance).collect();
        config.applications = self.applications.into_iter().map(FileApplication::into_application).collect();
        for instance in &config.instances {
            config.domains.insert(instance.domain.clone());
        }
        for definition in self.activity_definitions {
            let domain = definition.domain.clone();
            config = config.activity_definition(domain, definition.into_definition().into());
        }
        config
    }
}

impl FileInstance {
    fn into_instance(self) -> Instance {
        let mut instance =
            Instance::new(self.username, self.password, self.domain).subscribe(self.subscriptions);
        set(&mut instance.application, self.application);
        set(&mut instance.api_version, self.api_version);
        instance.webhook = self.webhook.map(|webhook| Webhook {
            url: webhook.url,
            headers: webhook.headers.into_iter().collect(),
            root_certificates: webhook.root_certificates,
        });
        instance
    }
}

impl FileApplication {
    fn into_application(self) -> Application {
        Application {
            identifier: self.identifier,
            launch_url: self.launch_url,
            redirect_uris: self.redirect_uris,
            secret: self.secret,
            refresh_tokens: self.refresh_tokens,
        }
    }
}

impl FileDefinition {
    fn into_definition(self) -> ActivityDefinition {
        ActivityDefinition {
            activity_definition_identifier: Some(self.identifier),
            name: Some(self.name),
            kind: Some(ActivityKind::from_code(&self.kind)),
            application: Some(Reference::default().with_display(self.application)),
            description: self.description,
            ..ActivityDefinition::default()
        }
    }
}

impl FileLifetimes {
    fn into_lifetimes(self) -> Lifetimes {
        let mut lifetimes = Lifetimes::default();
        set(&mut lifetimes.launch, self.launch);
        set(&mut lifetimes.activation, self.activation);
        set(&mut lifetimes.code, self.code);
        set(&mut lifetimes.token, self.token);
        set(&mut lifetimes.refresh, self.refresh);
        lifetimes
    }
}

impl FilePush {
    fn into_push(self) -> Push {
        let mut push = Push::default();
        set(&mut push.keep_alive, self.keep_alive);
        set(&mut push.disconnect_timeout, self.disconnect_timeout);
        set(&mut push.connection_timeout, self.connection_timeout);
        set(&mut push.webhook_pause, self.webhook_pause);
        set(&mut push.webhook_timeout, self.webhook_timeout);
        push
    }
}

impl FileLimits {
    fn into_limits(self) -> Limits {
        let mut limits = Limits::default();
        set(&mut limits.body_bytes, self.body_bytes);
        set(&mut limits.queue_messages, self.queue_messages);
        set(&mut limits.queue_bytes, self.queue_bytes);
        set(&mut limits.resources, self.resources);
        set(&mut limits.definitions, self.definitions);
        set(&mut limits.definition_bytes, self.definition_bytes);
        set(&mut limits.data_bytes, self.data_bytes);
        set(&mut limits.storage_items, self.storage_items);
        set(&mut limits.storage_bytes, self.storage_bytes);
        set(&mut limits.grant_bytes, self.grant_bytes);
        set(&mut limits.hub_connections, self.hub_connections);
        set(&mut limits.connections, self.connections);
        set(&mut limits.request_time, self.request_time);
        set(&mut limits.stop_time, self.stop_time);
        limits
    }
}

/// A setting of the file, if it is there.
fn set<T>(setting: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *setting = given;
    }
}

/// A number of seconds, whole or not.
fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let seconds = match Number::deserialize(from)? {
        Number::Whole(seconds) => return Ok(Some(Duration::from_secs(seconds))),
        Number::Fraction(seconds) => seconds,
    };
    Duration::try_from_secs_f64(seconds).map(Some).map_err(D::Error::custom)
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number of seconds")]
enum Number {
    Whole(u64),
    Fraction(f64),
}

fn text<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(from: D) -> Result<Option<T>, D::Error> {
    String::deserialize(from)?.parse().map(Some).map_err(D::Error::custom)
}

fn texts<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(from: D) -> Result<Vec<T>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_example_is_the_built_in_world() {
        let config = SandboxConfig::from_toml(include_str!("../../sandbox.toml")).expect("it reads");
        let built_in = SandboxConfig::default().portal_and_game().listen(LISTEN.into());
        assert_eq!(config, built_in);
    }

    #[test]
    fn an_empty_file_is_the_default() {
        let config = SandboxConfig::from_toml("").expect("it reads");
        assert_eq!(config, SandboxConfig::default().listen(LISTEN.into()));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, part) in [
            ("a = ", "line 1"),
            ("\nclaim_time = 5", "unknown field `claim_time`"),
            ("claim_timeout = \"5m\"", "a number of seconds"),
            ("claim_timeout = -1.5", "claim_timeout"),
            ("[[instances]]\nusername = 'a'", "missing field `password`"),
            ("[[instances]]\nusername='a'\npassword='b'\ndomain='c'\nsubscriptions=['X']", "line 5"),
            ("[[instances]]\nusername='a'\npassword='b'\ndomain='c'\napi_version='2'", "api-version"),
        ] {
            match SandboxConfig::from_toml(text) {
                Err(ConfigError::File(error)) => assert!(error.contains(part), "{error}"),
                other => panic!("{other:?}"),
            }
        }
        let twice = "[[instances]]\nusername='a'\npassword='b'\ndomain='c'\n".repeat(2);
        assert_eq!(SandboxConfig::from_toml(&twice), Err(ConfigError::DuplicateInstance("a".into())));
    }
}
