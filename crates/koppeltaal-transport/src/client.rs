//! [`Client`]: what an application holds. The operations are in files of their own, one per group.

use std::fmt;
use std::sync::Arc;

use koppeltaal_fhir::Format;

use crate::address::Server;
use crate::builder::{ClientBuilder, Settings};
use crate::conformance::EndpointCache;
use crate::credentials::Credentials;
use crate::retry::RetryBudget;

/// A connection to one Koppeltaal server as one application instance.
///
/// Cheap to clone: clones share connections, retry budget and what is known of the server. Build one per application
/// and keep it; building reads the certificate store of the machine.
///
/// Methods take `&self` and may run at the same time from any number of tasks. Every operation may be cancelled by
/// dropping its future; what that leaves behind at the server is what an
/// [unknown outcome](crate::Error::UnknownOutcome) would.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    credentials: Credentials,
}

/// What clients of one server have in common, whoever they are.
pub(crate) struct Shared {
    pub(crate) http: reqwest::Client,
    /// The same with a new connection for every request.
    pub(crate) anew: reqwest::Client,
    pub(crate) server: Server,
    /// Where launches and tokens are asked for: the server, unless the application named another one.
    pub(crate) oauth_server: Server,
    pub(crate) settings: Settings,
    pub(crate) retry_budget: RetryBudget,
    pub(crate) endpoints: EndpointCache,
}

impl Client {
    /// Options for a client of the server at this address, such as `https://koppeltaal.example`. The FHIR base that a
    /// launch hands out as `iss` (`https://koppeltaal.example/FHIR/Koppeltaal`) is fine too.
    pub fn builder(server: &str) -> ClientBuilder {
        ClientBuilder::new(server)
    }

    pub(crate) fn new(shared: Shared, credentials: Credentials) -> Self {
        Self { shared: Arc::new(shared), credentials }
    }

    /// A client of the same server as somebody else: another application instance, or a user's session. It shares
    /// connections, TLS, endpoints and retry budget with this one.
    #[must_use]
    pub fn with_credentials(&self, credentials: Credentials) -> Self {
        Self { shared: self.shared.clone(), credentials }
    }

    /// The address of the server, without a slash at the end.
    pub fn server_url(&self) -> &str {
        self.shared.server.as_str()
    }

    /// The format of requests.
    pub fn format(&self) -> Format {
        self.shared.settings.format
    }

    /// Who the client is to the server.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn server(&self) -> &Server {
        &self.shared.server
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
