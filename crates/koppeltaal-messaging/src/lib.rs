#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod application;
mod compose;
mod content;
mod entry;
mod event;
mod extract;
#[rustfmt::skip]
#[allow(clippy::doc_markdown, reason = "notes of the schema, as they stand there")]
mod generated;
mod header;
mod kind;
mod message;
mod outcome;
mod profile;
mod references;
mod repair;
mod reply;
mod status;
mod url;
pub mod vocabulary;

pub use application::{ApiVersion, Application, CONNECTOR_SOFTWARE, CONNECTOR_VERSION, UnknownApiVersion};
pub use compose::{ComposeError, Draft, MissingReference, Sender};
pub use content::Content;
pub use entry::MessageEntry;
pub use event::{Event, UnknownEvent};
pub use extract::{ExtractError, ExtractReason};
pub use generated::{profiles, valuesets};
pub use header::{Acknowledgement, Header};
pub use kind::{ResourceKind, UnknownKind};
pub use message::{Message, domain_of};
pub use outcome::{Issue, NO_VERSION, WRONG_VERSION, issue_type};
pub use profile::{
    Binding, CodeSystem, Deviation, DeviationKind, ElementRule, Profile, Reference, Rest, UnlistedCode,
};
pub use reply::{Reply, ReplyError};
pub use status::{IllegalTransition, ProcessingState, ProcessingStatus, UnknownStatus};
pub use url::{ResourceUrl, UrlError};
