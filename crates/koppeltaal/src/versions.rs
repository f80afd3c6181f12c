//! [`VersionStore`]: which version of each resource is the latest that this application has seen, so that it never has to
//! handle one itself (Koppeltaal spec section 6).

mod memory;
#[cfg(feature = "postgresql")]
mod postgresql;
#[cfg(feature = "sqlite")]
mod sqlite;

use futures_util::future::BoxFuture;
use koppeltaal_messaging::ResourceUrl;

pub use memory::MemoryVersionStore;
#[cfg(feature = "postgresql")]
pub use postgresql::PostgresqlVersionStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteVersionStore;

/// Where the versions of resources are kept, per domain and address without version.
///
/// The server tells them, in its replies and in the messages it delivers; a message that changes a resource must name the
/// current one. An older version never takes the place of a newer one: versions grow as text (Koppeltaal spec section
/// 14). So it does not matter in which order several tasks or processes record what they were told.
///
/// [`MemoryVersionStore`] forgets with the process. An application that restarts needs one that does not.
pub trait VersionStore: Send + Sync + 'static {
    /// The versioned form of each address of which a version is known, in the order asked. A version in what is asked
    /// does not matter.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    fn versions<'a>(
        &'a self,
        domain: &'a str,
        resources: &'a [ResourceUrl],
    ) -> BoxFuture<'a, Result<Vec<Option<ResourceUrl>>, VersionStoreError>>;

    /// Remembers these versioned addresses, all of them or, on an error, none. An address without version is passed over.
    ///
    /// # Errors
    ///
    /// The store cannot be written.
    fn record<'a>(
        &'a self,
        domain: &'a str,
        versioned: &'a [ResourceUrl],
    ) -> BoxFuture<'a, Result<(), VersionStoreError>>;
}

/// Why versions could not be kept or told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VersionStoreError {
    /// The database does not do what it was asked. As a rule that passes, and the call may be made again.
    #[error("the version store's database: {source}")]
    Database {
        /// What the database says. It is logged, so it must not tell of patients: addresses of resources, for instance.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The tables were made by a later version of this crate.
    #[error("the version store's tables have format {found}; this version knows those up to {known}")]
    Format {
        /// The format of the tables.
        found: i64,
        /// The newest format that this version of the crate knows.
        known: i64,
    },
    /// What is stored cannot be the version of a resource: somebody else has changed the table.
    #[error("the version store holds something that is no version of a {resource_type}")]
    Damaged {
        /// The type of the resource; its address may be that of a patient.
        resource_type: String,
    },
}

#[cfg(feature = "connector")]
impl VersionStoreError {
    /// Whether the store will never do this, whatever becomes of its database.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            #[cfg(not(any(feature = "sqlite", feature = "postgresql")))]
            Self::Database { .. } => false,
            #[cfg(any(feature = "sqlite", feature = "postgresql"))]
            Self::Database { source } => source
                .downcast_ref::<crate::database::DatabaseTrouble>()
                .is_some_and(|trouble| trouble.breach() == crate::database::Breach::Final),
            Self::Damaged { .. } => true,
            Self::Format { .. } => false,
        }
    }
}

#[cfg(any(feature = "sqlite", feature = "postgresql"))]
impl From<crate::database::DatabaseError> for VersionStoreError {
    fn from(error: crate::database::DatabaseError) -> Self {
        match error {
            crate::database::DatabaseError::Database(source) => Self::Database { source: source.into() },
            crate::database::DatabaseError::Format { found, known } => Self::Format { found, known },
        }
    }
}

/// The domain, address and version columns are the same in every database; so is what is written into them.
#[cfg(any(feature = "sqlite", feature = "postgresql"))]
mod rows {
    use std::collections::BTreeMap;

    use koppeltaal_messaging::ResourceUrl;

    use super::VersionStoreError;

    /// The newest version of each address, in the order of addresses: whoever writes several rows at once takes them in
    /// this order, so that no two wait for each other.
    pub(super) fn newest(versioned: &[ResourceUrl]) -> BTreeMap<&str, &str> {
        let mut newest = BTreeMap::new();
        for url in versioned {
            if let Some(version) = url.version() {
                let known = newest.entry(url.versionless()).or_insert(version);
                *known = version.max(*known);
            }
        }
        newest
    }

    /// The address that was asked for with the version that was found.
    pub(super) fn versioned(
        asked: &ResourceUrl,
        version: Option<&str>,
    ) -> Result<Option<ResourceUrl>, VersionStoreError> {
        let url = version.map(|version| asked.with_version(version)).transpose();
        url.map_err(|_| VersionStoreError::Damaged { resource_type: asked.resource_type().to_owned() })
    }
}
