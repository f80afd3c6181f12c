//! [`Client`]: its state. The operations are in [`operations`](crate::operations) and
//! [`oauth`](crate::oauth).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use koppeltaal_fhir::{Format, Limits};

use crate::address::Server;
use crate::credentials::Credentials;
use crate::endpoints::EndpointCache;
use crate::exchange::headers::HeaderSource;
use crate::exchange::retry::{RetryBudget, RetryPolicy};

/// A client of one Koppeltaal server, as one application instance.
///
/// Cheap to clone: clones share connections, retry budget and the server's endpoints. Build one per
/// application and keep it; building reads the certificate store of the machine.
///
/// Methods take `&self` and may run at the same time from any number of tasks. Every operation may be
/// cancelled by dropping its future. Then, as after an [unknown outcome](crate::Error::UnknownOutcome), the
/// server may have acted on it or not.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    credentials: Credentials,
}

/// The state that clients of one server share, whatever their credentials.
pub(crate) struct Shared {
    pub(crate) http: reqwest::Client,
    /// The same, with a new connection for every request.
    pub(crate) http_without_reuse: reqwest::Client,
    pub(crate) server: Server,
    /// Where launches and tokens are asked for: the server, unless the application named another one.
    pub(crate) oauth_server: Server,
    pub(crate) settings: Settings,
    pub(crate) retry_budget: RetryBudget,
    pub(crate) endpoints: EndpointCache,
}

/// The options that a client needs while it works.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) format: Format,
    pub(crate) request_timeout: Duration,
    pub(crate) total_timeout: Duration,
    pub(crate) limits: Limits,
    pub(crate) retry: RetryPolicy,
    pub(crate) headers: Option<HeaderSource>,
}

impl Client {
    pub(crate) fn new(shared: Shared, credentials: Credentials) -> Self {
        Self { shared: Arc::new(shared), credentials }
    }

    /// A client of the same server as somebody else: another application instance, or a user's session. It
    /// shares connections, TLS, endpoints and retry budget with this one.
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
