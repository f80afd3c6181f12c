//! [`DiscoveryError`]: why a domain cannot be used.

use std::fmt;

use crate::connector::error::Error;

/// Why there is no [`Domain`](crate::Domain). Each names the address and what was missing there.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// The base URL is no absolute http or https URL, or has a user name, a query or a fragment.
    #[error("{base:?} is not the base URL of a FHIR server: {problem}")]
    Base {
        /// What was given, without a password that it may have held.
        base: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The base URL is http and of another machine: access tokens could be read on the way.
    #[error(
        "{base} is http, which anybody on the way can read; use https, or `allow_plain_http` in a closed network"
    )]
    PlainHttp {
        /// The base URL.
        base: String,
    },
    /// The HTTP client cannot be made.
    #[error("there is no HTTP client: {0}")]
    Client(koppeltaal_smart::Error),
    /// Neither document of discovery can be read.
    #[error(
        "nothing can be learned about {base}: its .well-known/smart-configuration ({configuration}), \
         its metadata ({capabilities})"
    )]
    Unreadable {
        /// The base URL.
        base: String,
        /// What is wrong with the SMART configuration.
        configuration: koppeltaal_smart::Error,
        /// What is wrong with the `CapabilityStatement`.
        capabilities: Box<Error>,
    },
    /// The SMART configuration cannot be read for now, also not after the retries. Without it the domain
    /// would be half known.
    #[error("{base} cannot be read for now: {source}; try again later")]
    Unavailable {
        /// The base URL.
        base: String,
        /// Why not.
        source: koppeltaal_smart::Error,
    },
    /// Neither document says where something is that every application needs.
    #[error(
        "{base} does not say its {member}, neither in .well-known/smart-configuration nor as oauth-uris in \
         metadata; tell the domain's administrator, or set it with `DomainBuilder::configuration`"
    )]
    Missing {
        /// The base URL.
        base: String,
        /// The member of the SMART configuration that is missing, or is no URL.
        member: &'static str,
    },
    /// The server speaks another version of FHIR than R4.
    #[error("{base} speaks FHIR {found}, not 4.0.1")]
    FhirVersion {
        /// The base URL.
        base: String,
        /// What it says.
        found: String,
    },
}

impl fmt::Debug for DiscoveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DiscoveryError({self})")
    }
}
