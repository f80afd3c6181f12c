//! [`Domain`]: one Koppeltaal 2.0 domain: its FHIR server and its authorization service.

pub(crate) mod builder;
mod capabilities;
pub(crate) mod error;

use std::fmt;
use std::sync::Arc;

use koppeltaal_smart::{SmartConfiguration, Url};

use self::builder::{DomainBuilder, below};
use self::error::DiscoveryError;
use crate::connector::exchange::Exchange;

/// A domain: what a care provider has of Koppeltaal. Cheap to clone; clones share the connections.
///
/// One base URL is configuration; everything else the server says itself (topics 16 and 18).
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let domain = koppeltaal2::Domain::discover("https://koppeltaal.example/fhir/DEFAULT").await?;
/// println!("profiles {:?}, tokens of {:?}", domain.package_version(), domain.configuration().issuer);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Domain {
    shared: Arc<Shared>,
}

struct Shared {
    base: Url,
    configuration: SmartConfiguration,
    fhir_version: Option<String>,
    package_version: Option<String>,
    site: Option<String>,
    exchange: Exchange,
}

impl Domain {
    /// The domain whose FHIR server has this base URL, with default settings.
    ///
    /// # Errors
    ///
    /// [`DiscoveryError`].
    pub async fn discover(base: &str) -> Result<Self, DiscoveryError> {
        Self::builder(base).discover().await
    }

    /// The same with settings of one's own.
    pub fn builder(base: &str) -> DomainBuilder {
        DomainBuilder::new(base)
    }

    pub(crate) fn new(
        base: Url,
        configuration: SmartConfiguration,
        fhir_version: Option<String>,
        package_version: Option<String>,
        site: Option<String>,
        exchange: Exchange,
    ) -> Self {
        let shared = Shared { base, configuration, fhir_version, package_version, site, exchange };
        Self { shared: Arc::new(shared) }
    }

    /// The base URL of the FHIR server, without a slash at the end. A launch has it as `iss`.
    pub fn base(&self) -> &str {
        // `Url` writes the path of a bare host as a slash.
        self.shared.base.as_str().trim_end_matches('/')
    }

    /// What the domain says about its authorization service, from both of its documents.
    pub fn configuration(&self) -> &SmartConfiguration {
        &self.shared.configuration
    }

    /// The version of FHIR, such as `4.0.1`. None if the server does not say it.
    pub fn fhir_version(&self) -> Option<&str> {
        self.shared.fhir_version.as_deref()
    }

    /// The version of the profiles, such as `0.16.3`. None if the server does not say it.
    pub fn package_version(&self) -> Option<&str> {
        self.shared.package_version.as_deref()
    }

    /// The host name of this application, for its AuditEvents.
    pub fn site(&self) -> Option<&str> {
        self.shared.site.as_deref()
    }

    pub(crate) fn base_url(&self) -> &Url {
        &self.shared.base
    }

    /// The address of something below the base.
    pub(crate) fn url(&self, path: &str) -> Url {
        below(&self.shared.base, path)
    }

    pub(crate) fn exchange(&self) -> &Exchange {
        &self.shared.exchange
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Domain")
            .field("base", &self.base())
            .field("fhir_version", &self.shared.fhir_version)
            .field("package_version", &self.shared.package_version)
            .finish_non_exhaustive()
    }
}
