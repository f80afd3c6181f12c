#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod compose;
mod content;
mod draft;
mod entry;
mod event;
mod extract;
mod misplaced;
#[rustfmt::skip]
#[allow(clippy::doc_markdown, reason = "notes of the schema, unchanged")]
mod generated;
mod header;
mod kind;
mod log_text;
mod message;
mod outcome;
mod profile;
mod reply;
pub mod rules;
mod sender;
mod source;
mod status;
mod url;
mod validate;
pub mod vocabulary;

pub use compose::{ComposeError, MissingReference};
pub use draft::Draft;
pub use entry::MessageEntry;
pub use event::{Focal, UnknownEvent};
pub use extract::{ExtractError, ExtractReason, versions_in};
pub use generated::events::Content;
pub use generated::kinds::ResourceKind;
pub use generated::profiles::OperationOutcomeIssue as Issue;
pub use generated::valuesets::{Event, ProcessingStatus};
pub use generated::{profiles, valuesets};
pub use header::Header;
pub use kind::UnknownKind;
pub use message::{Message, domain_of, domain_tag, message_tag};
pub use outcome::details;
pub use profile::{
    Binding, CodeSystem, ElementDefinition, ElementType, Profile, Reference, Rest, UnlistedCode,
};
pub use reply::{Reply, ReplyError};
pub use sender::Sender;
pub use source::{ApiVersion, CONNECTOR_SOFTWARE, CONNECTOR_VERSION, Source, UnknownApiVersion};
pub use status::{
    Acknowledgement, Cause, IllegalTransition, ProcessingState, TRANSITIONS, Transition, UnknownStatus,
};
pub use url::{ResourceUrl, UrlError};
pub use validate::{Validator, place_findings};
