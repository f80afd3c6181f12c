//! [`Sender`]: the application that sends, and the domain it sends into.

use crate::content::Focal;
use crate::draft::Draft;
use crate::generated::kinds::ResourceKind;
use crate::source::{ApiVersion, Source};
use crate::url::{ResourceUrl, UrlError};

/// Who sends, into which domain, and by which rules for versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    source: Source,
    domain: String,
    api_version: ApiVersion,
}

impl Sender {
    /// An application in a domain, with the newest rules for versions.
    pub fn new(source: Source, domain: impl Into<String>) -> Self {
        Self { source, domain: domain.into(), api_version: ApiVersion::default() }
    }

    /// With other rules for versions: those that the server has for this application instance.
    #[must_use]
    pub fn api_version(mut self, api_version: ApiVersion) -> Self {
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
    /// An id that cannot stand in a URL.
    pub fn url(&self, kind: ResourceKind, id: &str) -> Result<ResourceUrl, UrlError> {
        ResourceUrl::new(&self.source.endpoint, kind.url_segment(), id)
    }

    /// The rules for versions.
    pub fn version_rules(&self) -> ApiVersion {
        self.api_version
    }

    /// The draft of a message about one of the application's own resources: the event is that of the profile, the address
    /// that of the id.
    ///
    /// # Errors
    ///
    /// An id that cannot stand in a URL.
    pub fn draft<P: Focal>(&self, id: &str, focal: P) -> Result<Draft, UrlError> {
        Ok(Draft::new(P::EVENT, self.url(P::EVENT.focal(), id)?, focal))
    }
}
