//! The fixed texts of the protocol: URIs of extensions, code systems and tags, and the names of search
//! parameters. Client and server share them.

pub mod conformance;
pub mod search;

#[doc(inline)]
pub use crate::generated::vocabulary::{BASE, extension, system};

/// The scheme of the tag that names the domain of a message.
pub const SECURITY_TAG_SCHEME: &str = "http://hl7.org/fhir/tag/security";
/// The start of the term of a domain tag. The name of the domain follows.
pub const DOMAIN_TAG_PREFIX: &str = "http://ggz.koppeltaal.nl/fhir/Koppeltaal/Domain#";
/// The scheme of the tag that marks a bundle as a message.
pub const TAG_SCHEME: &str = "http://hl7.org/fhir/tag";
/// The tag that marks a bundle as a message.
pub const MESSAGE_TAG: &str = "http://hl7.org/fhir/tag/message";
