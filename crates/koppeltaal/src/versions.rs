//! [`VersionStore`]: the newest known version of each resource, so that the application never has to handle
//! versions itself.

#[cfg(any(feature = "sqlite", feature = "postgresql"))]
mod list;
mod memory;
#[cfg(feature = "postgresql")]
mod postgresql;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use koppeltaal_messaging::ResourceUrl;

#[cfg(any(feature = "sqlite", feature = "postgresql"))]
pub use list::{KnownVersion, VersionFilter};
pub use memory::MemoryVersionStore;
#[cfg(feature = "postgresql")]
pub use postgresql::PostgresqlVersionStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteVersionStore;

/// The versions of resources, by domain and by address without version.
///
/// The server gives a resource a new version with every change. The version is in the server's replies and in
/// the messages that it delivers. A message that changes a resource must name the current version, or it is a
/// conflict.
///
/// An older version never replaces a newer one ([`ResourceUrl::is_newer_than`]). So several tasks or
/// processes may record versions in any order.
///
/// [`MemoryVersionStore`] forgets its versions when the process ends. An application that restarts needs a
/// database.
///
/// A store behind an [`Arc`] or a [`Box`] is a store as well, so an application can share one, or choose one
/// by its configuration:
///
/// ```
/// use koppeltaal::{MemoryVersionStore, VersionStore};
///
/// fn version_store(file: Option<&str>) -> Result<Box<dyn VersionStore>, Box<dyn std::error::Error>> {
///     match file {
/// #       #[cfg(feature = "sqlite")]
///         Some(path) => Ok(Box::new(koppeltaal::SqliteVersionStore::open(path)?)),
/// #       #[cfg(not(feature = "sqlite"))]
/// #       Some(path) => unreachable!("{path}"),
///         None => Ok(Box::new(MemoryVersionStore::new())),
///     }
/// }
/// # assert!(version_store(None).is_ok());
/// ```
pub trait VersionStore: Send + Sync + 'static {
    /// For each address, the same address with the version that is known, or `None`, in the order asked. A
    /// version in an address that is asked for does not matter.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    fn versions<'a>(
        &'a self,
        domain: &'a str,
        resources: &'a [ResourceUrl],
    ) -> BoxFuture<'a, Result<Vec<Option<ResourceUrl>>, VersionStoreError>>;

    /// Records the versions in these addresses: all of them or, on an error, none. Skips addresses without
    /// version.
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

/// A pointer to a store is a store.
macro_rules! stores_behind {
    ($($pointer:ident),*) => {$(
        impl<T: VersionStore + ?Sized> VersionStore for $pointer<T> {
            fn versions<'a>(
                &'a self,
                domain: &'a str,
                resources: &'a [ResourceUrl],
            ) -> BoxFuture<'a, Result<Vec<Option<ResourceUrl>>, VersionStoreError>> {
                (**self).versions(domain, resources)
            }

            fn record<'a>(
                &'a self,
                domain: &'a str,
                versioned: &'a [ResourceUrl],
            ) -> BoxFuture<'a, Result<(), VersionStoreError>> {
                (**self).record(domain, versioned)
            }
        }
    )*};
}

stores_behind!(Arc, Box);

/// Why versions could not be read or recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VersionStoreError {
    /// The database fails. Usually that passes, and the call may be made again.
    #[error("the version store's database: {}", crate::causes::causes(source.as_ref()))]
    Database {
        /// The error of the database. It is logged, so it must not hold data of patients, such as addresses
        /// of resources. The text of this error includes it.
        // With its raw name, `thiserror` does not take it for the source.
        r#source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The tables are not those of this version of the crate: they are missing or older and have to be
    /// migrated, or a later version made them.
    #[error(
        "the version store's tables have format {found} (0: there are none), and this version of the crate needs {known}"
    )]
    Format {
        /// The format of the tables; 0 if there are none.
        found: i64,
        /// The format that this version of the crate needs.
        known: i64,
    },
    /// A stored text cannot be the version of a resource: somebody else has changed the table.
    #[error("the version store holds a text that is not the version of a {resource_type}")]
    Damaged {
        /// The type of the resource. Its address is left out, because it may be that of a patient.
        resource_type: String,
    },
}

#[cfg(feature = "connector")]
impl VersionStoreError {
    /// Whether the same call will never succeed.
    pub(crate) fn is_permanent(&self) -> bool {
        match self {
            #[cfg(not(any(feature = "sqlite", feature = "postgresql")))]
            Self::Database { .. } => false,
            #[cfg(any(feature = "sqlite", feature = "postgresql"))]
            Self::Database { source } => source
                .downcast_ref::<crate::database::DriverError>()
                .is_some_and(|error| error.kind() == crate::database::ErrorKind::Permanent),
            Self::Damaged { .. } => true,
            Self::Format { .. } => false,
        }
    }
}

#[cfg(any(feature = "sqlite", feature = "postgresql"))]
impl From<crate::database::DatabaseError> for VersionStoreError {
    fn from(error: crate::database::DatabaseError) -> Self {
        match error {
            crate::database::DatabaseError::Driver(source) => Self::Database { source: source.into() },
            crate::database::DatabaseError::Format { found, known } => Self::Format { found, known },
        }
    }
}

/// The parts that all databases share: the values of the columns, and how they are read back.
#[cfg(any(feature = "sqlite", feature = "postgresql"))]
mod rows {
    use std::collections::BTreeMap;

    use koppeltaal_messaging::ResourceUrl;

    use super::VersionStoreError;

    /// The newest version of each address, in the order of addresses. Rows are always written in this order,
    /// so that no two writers wait for each other.
    pub(super) fn newest(versioned: &[ResourceUrl]) -> BTreeMap<&str, &str> {
        let mut newest: BTreeMap<&str, &ResourceUrl> = BTreeMap::new();
        for url in versioned {
            let known = newest.entry(url.versionless()).or_insert(url);
            if url.is_newer_than(known) {
                *known = url;
            }
        }
        newest.into_iter().filter_map(|(resource, url)| Some((resource, url.version()?))).collect()
    }

    /// The addresses that were asked for, each with the version that was found.
    pub(super) fn with_versions(
        resources: &[ResourceUrl],
        versions: Vec<Option<String>>,
    ) -> Result<Vec<Option<ResourceUrl>>, VersionStoreError> {
        let with_version = |(url, version): (&ResourceUrl, Option<String>)| {
            let url_with_version = version.map(|version| url.with_version(&version)).transpose();
            url_with_version
                .map_err(|_| VersionStoreError::Damaged { resource_type: url.resource_type().to_owned() })
        };
        resources.iter().zip(versions).map(with_version).collect()
    }
}
