//! [`Role`]: what kind of application one is; [`Permission`]: what it may do beside that.

use serde::Deserialize;

/// The role of an application, which decides what it may do. Koppeltaal's own matrix (TOP-KT-005b) is not
/// public; the sandbox's is a table in the README.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Role {
    /// Care support: an electronic patient record, which registers people and assigns tasks.
    Epd,
    /// A portal of clients or practitioners, which assigns and launches tasks.
    Portal,
    /// An eHealth module, which offers activities and works on tasks.
    Module,
    /// The administration of the domain: everything.
    Administration,
    /// Nothing but the application's own [permissions](crate::Application::permission).
    #[default]
    Custom,
}

impl Role {
    /// Its name, as in a configuration file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Epd => "epd",
            Self::Portal => "portal",
            Self::Module => "module",
            Self::Administration => "administration",
            Self::Custom => "custom",
        }
    }
}

/// Whose resources a permission is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reach {
    /// Everybody's: ALL.
    All,
    /// Those that the application created itself: OWN.
    Own,
    /// Those of certain other applications ([`Application::granted`](crate::Application::granted)): GRANTED.
    Granted,
}

/// A permission beside those of the role.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Permission {
    #[serde(rename = "type")]
    pub(crate) resource_type: String,
    /// A choice of `cruds`; `r` brings `s`.
    pub(crate) letters: String,
    pub(crate) reach: Reach,
}
