//! [`Prepared`]: the first step of sending. A draft becomes a message that keeps all rules, with an identifier of its own
//! for good, and without the versions: those are filled in when it is posted.

use koppeltaal_fhir::{Bundle, Severity};
use koppeltaal_messaging::{Draft, Event, Header, Message, ResourceUrl, Source, Validator};

#[cfg(any(feature = "sqlite", feature = "postgresql"))]
mod kept;

use super::Connector;
use super::send::SendError;

/// A message that lacks nothing but versions. However often it is posted, the server takes it once, by its identifier.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Prepared {
    pub(super) bundle: Bundle,
    identifier: String,
    event: Event,
    focal: ResourceUrl,
    /// Who sends it, by the endpoint in the message.
    source: Source,
}

impl Prepared {
    /// The `MessageHeader.identifier`.
    pub(crate) fn identifier(&self) -> &str {
        &self.identifier
    }

    /// The resource that the message is about. A version means that the application insists on it.
    pub(crate) fn focal(&self) -> &ResourceUrl {
        &self.focal
    }

    /// Whether this is the header of the message at the server.
    pub(super) fn is_at(&self, header: &Header) -> bool {
        header.identifier() == Some(&self.identifier) && self.source.sent(header)
    }

    fn of(bundle: Bundle) -> Option<Self> {
        let header = Header::all_from_bundle(&bundle).next()?;
        let identifier = header.identifier()?.to_owned();
        let (event, focal) = (header.event().ok()?, header.focal()?);
        let source = Source::new("", header.source_endpoint().unwrap_or_default());
        Some(Self { bundle, identifier, event, focal, source })
    }
}

impl Connector {
    /// Composes and validates. Findings of severity error stop the message.
    pub(crate) fn prepare(&self, draft: Draft) -> Result<Prepared, SendError> {
        let bundle = Message::compose(self.sender(), draft)?.into_bundle();
        if self.validates {
            let validator = Validator::default().api_version(self.sender().api_version());
            let mut findings = validator.bundle(&bundle);
            findings.retain(|finding| finding.severity == Severity::Error);
            if !findings.is_empty() {
                return Err(SendError::Invalid { findings });
            }
        }
        // Composing has seen to the rest.
        Prepared::of(bundle).ok_or(SendError::NoIdentifier)
    }
}
