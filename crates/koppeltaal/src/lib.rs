#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub use koppeltaal_fhir as fhir;
#[cfg(feature = "messaging")]
pub use koppeltaal_messaging as messaging;
#[cfg(feature = "push")]
pub use koppeltaal_push as push;
#[cfg(feature = "transport")]
pub use koppeltaal_transport as transport;

#[cfg(feature = "transport")]
mod causes;
#[cfg(feature = "connector")]
mod connector;
#[cfg(any(feature = "sqlite", feature = "postgresql"))]
mod database;
#[cfg(all(feature = "connector", any(feature = "sqlite", feature = "postgresql")))]
mod dead_letters;
#[cfg(feature = "connector")]
mod launch;
#[cfg(any(feature = "connector", feature = "sqlite", feature = "postgresql"))]
mod metrics;
#[cfg(any(feature = "sqlite", feature = "postgresql"))]
mod migration;
#[cfg(feature = "connector")]
mod observer;
#[cfg(all(feature = "connector", any(feature = "sqlite", feature = "postgresql")))]
mod outbox;
#[cfg(feature = "connector")]
mod profile;
#[cfg(feature = "connector")]
mod receive;
#[cfg(feature = "transport")]
mod versions;
#[cfg(feature = "connector")]
mod worker;

#[cfg(feature = "connector")]
#[cfg_attr(docsrs, doc(cfg(feature = "connector")))]
pub use connector::{
    Connector, DefinitionError, DefinitionOutcome, MergeLimits, NewerVersions, PreparedMessage, RelearnError,
    SendError, SentMessage,
};
#[cfg(feature = "connector")]
#[cfg_attr(docsrs, doc(cfg(feature = "connector")))]
pub use launch::{Launch, LaunchError, LaunchSession, Launches, PendingLaunch, SessionError};
#[cfg(feature = "connector")]
#[cfg_attr(docsrs, doc(cfg(feature = "connector")))]
pub use profile::{ConfigError, Profile, secret_in_file};
#[cfg(feature = "connector")]
#[cfg_attr(docsrs, doc(cfg(feature = "connector")))]
pub use receive::{Deliveries, Delivery, ReceiveError, ReceivedMessage};

#[cfg(all(feature = "connector", any(feature = "sqlite", feature = "postgresql")))]
#[cfg_attr(
    docsrs,
    doc(cfg(all(feature = "connector", any(feature = "sqlite", feature = "postgresql"))))
)]
pub use dead_letters::{DeadLetter, DeadLetters};
#[cfg(feature = "postgresql")]
pub use deadpool_postgres;
#[cfg(any(feature = "sqlite", feature = "postgresql"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "sqlite", feature = "postgresql"))))]
pub use migration::TableError;
#[cfg(feature = "postgresql")]
#[cfg_attr(docsrs, doc(cfg(feature = "postgresql")))]
pub use migration::migrate_postgresql;
#[cfg(feature = "sqlite")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
pub use migration::migrate_sqlite;
#[cfg(all(feature = "connector", any(feature = "sqlite", feature = "postgresql")))]
#[cfg_attr(
    docsrs,
    doc(cfg(all(feature = "connector", any(feature = "sqlite", feature = "postgresql"))))
)]
pub use outbox::{
    DispatchProblem, DispatchReport, Dispatcher, LastError, Outbox, OutboxEntry, OutboxError, OutboxFilter,
    OutboxState, OutboxSummary, Outgoing,
};
#[cfg(feature = "sqlite")]
pub use rusqlite;
#[cfg(feature = "postgresql")]
#[cfg_attr(docsrs, doc(cfg(feature = "postgresql")))]
pub use versions::PostgresqlVersionStore;
#[cfg(feature = "sqlite")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
pub use versions::SqliteVersionStore;
#[cfg(any(feature = "sqlite", feature = "postgresql"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "sqlite", feature = "postgresql"))))]
pub use versions::{KnownVersion, VersionFilter};
#[cfg(feature = "transport")]
pub use versions::{MemoryVersionStore, VersionStore, VersionStoreError};

#[cfg(all(feature = "connector", any(feature = "sqlite", feature = "postgresql")))]
#[cfg_attr(
    docsrs,
    doc(cfg(all(feature = "connector", any(feature = "sqlite", feature = "postgresql"))))
)]
pub use worker::ReplayReport;
#[cfg(feature = "connector")]
#[cfg_attr(docsrs, doc(cfg(feature = "connector")))]
pub use worker::{HandlerError, Worker, WorkerProblem, WorkerReport};

/// The README of the repository, whose examples are tested here.
#[cfg(all(doctest, feature = "connector"))]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
