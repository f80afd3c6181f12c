//! [`Source`]: the application that sends, and its version of the protocol.

use std::fmt;
use std::str::FromStr;

use koppeltaal_fhir::resources::MessageHeaderSource;

use crate::header::Header;

/// The name of this connector in `MessageHeader.source.software`.
pub const CONNECTOR_SOFTWARE: &str = "Koppeltaal Rust Connector";
/// The version of this connector in `MessageHeader.source.version`.
pub const CONNECTOR_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The identity of an application, as `MessageHeader.source` carries it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// The name of the installation, for people. May be empty.
    pub name: String,
    /// The name of the software.
    pub software: String,
    /// The version of the software.
    pub version: String,
    /// The application's endpoint, by which it recognises its own messages. A connector gives its FHIR base
    /// here: the start of the URLs of the application's own resources. It need not be reachable.
    pub endpoint: String,
}

impl Source {
    /// An application by the name of its software and its FHIR base. Name and version are empty.
    ///
    /// ```
    /// use koppeltaal_messaging::Source;
    ///
    /// let epd = Source { version: "4.1".into(), ..Source::new("EPD", "https://epd.example/fhir") };
    /// assert_eq!(epd.endpoint, "https://epd.example/fhir");
    /// ```
    pub fn new(software: impl Into<String>, endpoint: impl Into<String>) -> Self {
        Self { software: software.into(), endpoint: endpoint.into(), ..Self::default() }
    }

    /// The source of the application's messages. Software and version name the connector first, then the
    /// application, separated by "; ", as the connector guide prescribes.
    pub fn to_fhir(&self) -> MessageHeaderSource {
        let name = self.name.as_str();
        MessageHeaderSource {
            name: if name.is_empty() { Default::default() } else { name.into() },
            software: both(CONNECTOR_SOFTWARE, &self.software).into(),
            version: both(CONNECTOR_VERSION, &self.version).into(),
            endpoint: self.endpoint.as_str().into(),
            ..MessageHeaderSource::default()
        }
    }

    /// Whether the application itself sent the message with this header. A server delivers a sender's
    /// messages to it as well if it subscribes to them.
    pub fn sent(&self, header: &Header) -> bool {
        let own = self.endpoint.trim_end_matches('/');
        !own.is_empty() && header.source_endpoint().is_some_and(|other| other.trim_end_matches('/') == own)
    }
}

fn both(connector: &str, application: &str) -> String {
    if application.is_empty() { connector.to_owned() } else { format!("{connector}; {application}") }
}

/// How the server versions the resources of a sender. A setting of the application instance at the server
/// (Koppeltaal's technical design 1.3, "api-version").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum ApiVersion {
    /// Only the focal resource has a version.
    V1_3_3,
    /// Every resource in a message has a version. Later versions of the protocol follow the same rules.
    #[default]
    V1_3_5,
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V1_3_3 => "1.3.3",
            Self::V1_3_5 => "1.3.5",
        })
    }
}

/// A text that is not a version of the protocol from 1.3.3 on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an api-version of Koppeltaal (1.3.3, 1.3.5 or later)")]
pub struct UnknownApiVersion(
    /// The text.
    pub String,
);

impl FromStr for ApiVersion {
    type Err = UnknownApiVersion;

    /// Reads `1.3.x`, with or without a leading `v`. Versions up to `1.3.4` follow the rules of 1.3.3, later
    /// ones those of 1.3.5.
    fn from_str(text: &str) -> Result<Self, UnknownApiVersion> {
        let patch = text
            .trim_start_matches(['v', 'V'])
            .strip_prefix("1.3.")
            .and_then(|patch| patch.parse::<u8>().ok());
        match patch {
            Some(3 | 4) => Ok(Self::V1_3_3),
            Some(5..) => Ok(Self::V1_3_5),
            _ => Err(UnknownApiVersion(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Event;

    fn game() -> Source {
        Source {
            name: String::new(),
            software: "Vuurtoren".to_owned(),
            version: "2.0".to_owned(),
            endpoint: "https://game.example/fhir".to_owned(),
        }
    }

    #[test]
    fn an_application_knows_its_own_messages_by_the_endpoint() {
        let mut header = Header::new(Event::UpdateCarePlanActivityStatus, game().to_fhir());
        assert!(game().sent(&header));
        assert!(Source { endpoint: "https://game.example/fhir/".to_owned(), ..game() }.sent(&header));
        assert!(!Source { endpoint: "https://game.example".to_owned(), ..game() }.sent(&header));
        header.set_source(MessageHeaderSource::default());
        assert!(!Source { endpoint: String::new(), ..game() }.sent(&header));
    }

    #[test]
    fn software_and_version_name_connector_and_application() {
        let source = game().to_fhir();
        assert!(source.name.is_absent());
        assert_eq!(source.software.as_str(), Some("Koppeltaal Rust Connector; Vuurtoren"));
        assert_eq!(source.version.as_str(), Some(concat!(env!("CARGO_PKG_VERSION"), "; 2.0")));
        assert_eq!(source.endpoint.as_str(), Some("https://game.example/fhir"));
    }

    #[test]
    fn later_versions_follow_the_rules_of_1_3_5() {
        for (text, expected) in
            [("1.3.3", "1.3.3"), ("1.3.4", "1.3.3"), ("1.3.5", "1.3.5"), ("v1.3.9", "1.3.5")]
        {
            assert_eq!(
                text.parse::<ApiVersion>().map(|version| version.to_string()),
                Ok(expected.to_owned())
            );
        }
        assert!("1.2".parse::<ApiVersion>().is_err());
        assert!("1.3.1".parse::<ApiVersion>().is_err());
    }
}
