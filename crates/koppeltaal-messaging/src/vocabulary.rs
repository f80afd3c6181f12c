//! The words of the protocol that are no codes: URIs of extensions, code systems and tags of bundles, and the names of
//! search parameters. Client and server take them from here.

pub mod conformance;
pub mod search;

#[doc(inline)]
pub use crate::generated::vocabulary::{BASE, extension, system};

/// Scheme of the tag that names the domain of a message.
pub const SECURITY_TAG_SCHEME: &str = "http://hl7.org/fhir/tag/security";
/// What the term of a domain tag starts with; the name of the domain follows.
pub const DOMAIN_TAG_PREFIX: &str = "http://ggz.koppeltaal.nl/fhir/Koppeltaal/Domain#";
/// Scheme of the tag that says that a bundle is a message.
pub const TAG_SCHEME: &str = "http://hl7.org/fhir/tag";
/// The tag that says that a bundle is a message.
pub const MESSAGE_TAG: &str = "http://hl7.org/fhir/tag/message";
