//! [`Sender`]: the application that sends, and the domain it sends into.

use crate::draft::Draft;
use crate::event::Focal;
use crate::generated::kinds::ResourceKind;
use crate::source::{ApiVersion, Source};
use crate::url::{ResourceUrl, UrlError};

/// The application that sends, the domain it sends into, and its api-version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    source: Source,
    domain: String,
    api_version: ApiVersion,
}

impl Sender {
    /// An application in a domain, with the newest api-version.
    pub fn new(source: Source, domain: impl Into<String>) -> Self {
        Self { source, domain: domain.into(), api_version: ApiVersion::default() }
    }

    /// Sets the api-version: the one that is configured at the server for this application instance.
    #[must_use]
    pub fn with_api_version(mut self, api_version: ApiVersion) -> Self {
        self.api_version = api_version;
        self
    }

    /// The application.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The name of the domain.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The address of one of the application's own resources.
    ///
    /// # Errors
    ///
    /// An id that a URL cannot hold.
    pub fn url(&self, kind: ResourceKind, id: &str) -> Result<ResourceUrl, UrlError> {
        ResourceUrl::new(&self.source.endpoint, kind.url_segment(), id)
    }

    /// The api-version.
    pub fn api_version(&self) -> ApiVersion {
        self.api_version
    }

    /// The draft of a message about one of the application's own resources. The profile determines the event,
    /// and the id the address.
    ///
    /// # Errors
    ///
    /// An id that a URL cannot hold.
    pub fn draft<P: Focal>(&self, id: &str, focal: P) -> Result<Draft, UrlError> {
        Ok(Draft::new(P::EVENT, self.url(P::EVENT.focal(), id)?, focal))
    }
}
