//! [`Client`]: what an application holds. The operations are in files of their own, one per group.

use std::fmt;
use std::sync::Arc;

use crate::address::Server;
use crate::builder::{ClientBuilder, Settings};
use crate::conformance::EndpointCache;
use crate::credentials::Credentials;
use crate::format::Format;
use crate::retry::RetryBudget;

/// A connection to one Koppeltaal server as one application instance.
///
/// Cheap to clone: clones share connections, retry budget and what is known of the server. Build one per application
/// instance and keep it; building reads the certificate store of the machine.
///
/// Methods take `&self` and may run at the same time from any number of tasks. Every operation may be cancelled by
/// dropping its future; what that leaves behind at the server is what an
/// [unknown outcome](crate::Error::UnknownOutcome) would.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    server: Server,
    credentials: Credentials,
    settings: Settings,
    retry_budget: RetryBudget,
    endpoints: EndpointCache,
}

impl Client {
    /// Options for a client of the server at this address, such as `https://koppeltaal.example`. The FHIR base that a
    /// launch hands out as `iss` (`https://koppeltaal.example/FHIR/Koppeltaal`) is fine too.
    pub fn builder(server: &str) -> ClientBuilder {
        ClientBuilder::new(server)
    }

    pub(crate) fn new(
        http: reqwest::Client,
        server: Server,
        credentials: Credentials,
        settings: Settings,
    ) -> Self {
        let inner = Inner {
            http,
            server,
            credentials,
            settings,
            retry_budget: RetryBudget::new(),
            endpoints: EndpointCache::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The address of the server, without a slash at the end.
    pub fn server_url(&self) -> &str {
        self.inner.server.as_str()
    }

    /// The format of requests.
    pub fn format(&self) -> Format {
        self.inner.settings.format
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.inner.http
    }

    pub(crate) fn server(&self) -> &Server {
        &self.inner.server
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.inner.credentials
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    pub(crate) fn retry_budget(&self) -> &RetryBudget {
        &self.inner.retry_budget
    }

    pub(crate) fn endpoint_cache(&self) -> &EndpointCache {
        &self.inner.endpoints
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.server_url())
            .field("credentials", self.credentials())
            .field("format", &self.format())
            .finish_non_exhaustive()
    }
}
