//! Whether a sandbox can start with a configuration. A contradiction says which table of a configuration file
//! it is in, so that whoever wrote the file finds the line.

use std::collections::HashSet;

use super::identity_provider::{OWN_IDENTITY_PROVIDER, is_http_url};
use super::{Application, ConfigError, SandboxConfig};

/// The tables of a configuration file of which there may be several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Applications,
    IdentityProviders,
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
        let mut providers = HashSet::from([OWN_IDENTITY_PROVIDER]);
        each(Table::IdentityProviders, &self.identity_providers, |provider| {
            provider.check()?;
            match providers.insert(&provider.name) {
                true => Ok(()),
                false => Err(ConfigError::IdentityProviderName(provider.name.clone())),
            }
        })?;
        let (mut names, mut clients) = (HashSet::new(), HashSet::new());
        each(Table::Applications, &self.applications, |application| {
            application.check()?;
            if !names.insert(application.name.as_str()) {
                return Err(ConfigError::DuplicateName(application.name.clone()));
            }
            match &application.client_id {
                Some(id) if !clients.insert(id) => Err(ConfigError::DuplicateClientId(id.clone())),
                _ => Ok(()),
            }
        })?;
        each(Table::Applications, &self.applications, |application| {
            check_names(application, &names, &providers)
        })?;
        if let Some(url) = self.public_url.as_ref().filter(|url| !is_http_url(url) || url.contains('?')) {
            return Err(ConfigError::PublicUrl(url.clone()).into());
        }
        self.switches.check()?;
        if self.notification_attempts == 0 {
            return Err(ConfigError::Zero("notification_attempts").into());
        }
        match self.lifetimes.zero() {
            Some(name) => Err(ConfigError::Zero(name).into()),
            None => Ok(()),
        }
    }
}

/// Whether there are the other applications and the identity providers that an application names.
fn check_names(
    application: &Application,
    names: &HashSet<&str>,
    providers: &HashSet<&str>,
) -> Result<(), ConfigError> {
    let own = || application.name.clone();
    if let Some(name) = application.granted.iter().find(|name| !names.contains(name.as_str())) {
        return Err(ConfigError::UnknownApplication { application: own(), name: name.clone() });
    }
    let mut named = application.identity_providers.values().flatten();
    match named.find(|name| !providers.contains(name.as_str())) {
        Some(name) => Err(ConfigError::UnknownIdentityProvider { application: own(), name: name.clone() }),
        None => Ok(()),
    }
}
