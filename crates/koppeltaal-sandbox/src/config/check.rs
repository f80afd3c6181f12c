//! Whether a sandbox can start with a configuration. A contradiction says which table of a configuration file
//! it is in, so that whoever wrote the file finds the line.

use std::collections::{BTreeMap, HashSet};

use koppeltaal_messaging::profiles::ActivityDefinition;

use super::public_url::is_public_url;
use super::{ConfigError, ConfiguredActivityDefinition, SandboxConfig, Webhook};
use crate::definition;
use crate::representation;

/// The tables of a configuration file of which there may be several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Instances,
    Applications,
    ActivityDefinitions,
    Faults,
}

/// Something that contradicts itself, and the table with it: which of them, counted from 0.
#[derive(Debug, PartialEq)]
pub(super) struct Contradiction {
    pub(super) error: ConfigError,
    pub(super) table: Option<(Table, usize)>,
}

impl From<ConfigError> for Contradiction {
    fn from(error: ConfigError) -> Self {
        Self { error, table: None }
    }
}

/// Checks all tables of one kind, and says which of them contradicts itself.
fn each<'a, T>(
    table: Table,
    rows: &'a [T],
    mut check: impl FnMut(&'a T) -> Result<(), ConfigError>,
) -> Result<(), Contradiction> {
    rows.iter().enumerate().try_for_each(|(place, row)| {
        check(row).map_err(|error| Contradiction { error, table: Some((table, place)) })
    })
}

impl SandboxConfig {
    /// Whether a sandbox can start with this.
    ///
    /// # Errors
    ///
    /// The first thing that contradicts itself; see [`ConfigError`].
    pub fn check(&self) -> Result<(), ConfigError> {
        self.check_tables().map_err(|contradiction| contradiction.error)
    }

    pub(super) fn check_tables(&self) -> Result<(), Contradiction> {
        let mut usernames = HashSet::new();
        let mut applications = HashSet::new();
        each(Table::Instances, &self.instances, |instance| {
            // A colon ends the username in Basic authentication (RFC 7617).
            if instance.username.is_empty() || instance.username.contains(':') {
                return Err(ConfigError::Username(instance.username.clone()));
            }
            if !usernames.insert(&instance.username) {
                return Err(ConfigError::DuplicateInstance(instance.username.clone()));
            }
            instance.webhook.as_ref().map_or(Ok(()), Webhook::check)?;
            if !applications.insert((&instance.domain, &instance.application)) {
                return Err(ConfigError::DuplicateApplicationInstance(instance.application.clone()));
            }
            Ok(())
        })?;
        let mut identifiers = HashSet::new();
        each(Table::Applications, &self.applications, |application| {
            application.check()?;
            if !identifiers.insert(&application.identifier) {
                return Err(ConfigError::DuplicateApplication(application.identifier.clone()));
            }
            Ok(())
        })?;
        let mut definitions: BTreeMap<&str, usize> = BTreeMap::new();
        each(Table::ActivityDefinitions, &self.activity_definitions, |configured| {
            let ConfiguredActivityDefinition { domain, definition } = configured;
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
            Ok(())
        })?;
        each(Table::Faults, &self.faults, |fault| {
            fault.kind.check()?;
            match &fault.instance {
                Some(username) if !self.has_instance(username) => {
                    Err(ConfigError::UnknownInstance(username.clone()))
                }
                _ => Ok(()),
            }
        })?;
        if let Some((name, _)) = self.more_than_zero().into_iter().find(|(_, is_zero)| *is_zero) {
            return Err(ConfigError::Zero(name).into());
        }
        match &self.public_url {
            Some(url) if !is_public_url(url) => Err(ConfigError::PublicUrl(url.clone()).into()),
            _ => Ok(()),
        }
    }

    /// The settings with which a sandbox cannot work when they are zero, and whether they are.
    fn more_than_zero(&self) -> [(&'static str, bool); 5] {
        let Self { limits, push, .. } = self;
        [
            ("limits.body_bytes", limits.body_bytes == 0),
            ("limits.connections", limits.connections == 0),
            ("limits.request_time", limits.request_time.is_zero()),
            ("push.keep_alive", push.keep_alive.is_zero()),
            ("push.webhook_timeout", push.webhook_timeout.is_zero()),
        ]
    }

    /// Refuses what could start but is a mistake in a file. In code, a test may mean it.
    pub(super) fn check_file(&self) -> Result<(), Contradiction> {
        if self.instances.is_empty() {
            return Err(ConfigError::NoInstances.into());
        }
        each(Table::ActivityDefinitions, &self.activity_definitions, |configured| {
            let profile = ActivityDefinition::from(configured.definition.clone());
            let application =
                profile.application.and_then(|application| application.display).unwrap_or_default();
            let is_known = self.applications.iter().any(|known| known.identifier == application)
                || self.instances.iter().any(|instance| instance.application == application);
            if is_known {
                return Ok(());
            }
            let definition = profile.activity_definition_identifier.unwrap_or_default();
            Err(ConfigError::UnknownApplication { definition, application })
        })
    }

    fn has_instance(&self, username: &str) -> bool {
        self.instances.iter().any(|instance| instance.username == username)
    }
}
