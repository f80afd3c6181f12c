//! [`Instance`]: an application instance as it is configured.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use koppeltaal_messaging::{ApiVersion, Event};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::{Webhook, event};

/// An application instance: one application in one domain, with credentials, a queue and subscriptions.
///
/// ```
/// use koppeltaal_messaging::{ApiVersion, Event};
/// use koppeltaal_sandbox::Instance;
///
/// let rom = Instance::new("rom", "secret", "Zonnedauw")
///     .subscribe([Event::CreateOrUpdateCarePlan, Event::CreateOrUpdatePatient])
///     .api_version(ApiVersion::V1_3_3);
/// assert_eq!(rom.username, "rom");
/// ```
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "InstanceTable")]
#[non_exhaustive]
pub struct Instance {
    /// User name for Basic authentication; unique in the sandbox, since credentials decide the domain.
    pub username: String,
    /// Password for Basic authentication.
    pub password: String,
    /// Name of the domain.
    pub domain: String,
    /// Identifier of the application: the `client_id` of the tokens that act for this instance. By default
    /// the username.
    pub application: String,
    /// The events whose messages are copied into the instance's queue.
    pub subscriptions: BTreeSet<Event>,
    /// Where it is told of messages, besides the hub.
    pub webhook: Option<Webhook>,
    /// The rules of versioning for its messages.
    pub api_version: ApiVersion,
}

impl Instance {
    /// An instance without subscriptions, of api-version 1.3.5.
    pub fn new(username: impl Into<String>, password: impl Into<String>, domain: impl Into<String>) -> Self {
        let username = username.into();
        Self {
            application: username.clone(),
            username,
            password: password.into(),
            domain: domain.into(),
            subscriptions: BTreeSet::new(),
            webhook: None,
            api_version: ApiVersion::default(),
        }
    }

    /// Adds subscriptions.
    #[must_use]
    pub fn subscribe(mut self, events: impl IntoIterator<Item = Event>) -> Self {
        self.subscriptions.extend(events);
        self
    }

    /// As the instance of this application.
    #[must_use]
    pub fn application(mut self, identifier: impl Into<String>) -> Self {
        self.application = identifier.into();
        self
    }

    /// With a webhook.
    #[must_use]
    pub fn webhook(mut self, webhook: Webhook) -> Self {
        self.webhook = Some(webhook);
        self
    }

    /// With another api-version.
    #[must_use]
    pub fn api_version(mut self, version: ApiVersion) -> Self {
        self.api_version = version;
        self
    }
}

/// An instance in a configuration file. The application is the username when it is left out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InstanceTable {
    username: String,
    password: String,
    domain: String,
    application: Option<String>,
    #[serde(default, deserialize_with = "event::list::deserialize")]
    subscriptions: BTreeSet<Event>,
    #[serde(default, deserialize_with = "code")]
    api_version: ApiVersion,
    webhook: Option<Webhook>,
}

impl From<InstanceTable> for Instance {
    fn from(table: InstanceTable) -> Self {
        Self {
            application: table.application.unwrap_or_else(|| table.username.clone()),
            username: table.username,
            password: table.password,
            domain: table.domain,
            subscriptions: table.subscriptions,
            webhook: table.webhook,
            api_version: table.api_version,
        }
    }
}

fn code<'de, D: Deserializer<'de>, T: FromStr<Err: fmt::Display>>(from: D) -> Result<T, D::Error> {
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}

impl fmt::Debug for Instance {
    /// Leaves the password out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("username", &self.username)
            .field("domain", &self.domain)
            .field("application", &self.application)
            .field("subscriptions", &self.subscriptions)
            .field("webhook", &self.webhook)
            .field("api_version", &self.api_version)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_in_debug() {
        let config = format!("{:?}", Instance::new("portal", "hunter2", "Sandbox"));
        assert!(config.contains("portal") && !config.contains("hunter2"));
    }
}
