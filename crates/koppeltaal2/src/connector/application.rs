//! [`Connector`]: an application in its domain: its identity, its access tokens, its trace.

use std::fmt;
use std::sync::Arc;

use koppeltaal_smart::{AccessTokens, Scopes, Signer, SmartClient};

use crate::connector::audit::log::AuditLog;
use crate::connector::domain::Domain;
use crate::connector::error::Error;
use crate::connector::exchange::Request;
use crate::connector::exchange::answer::Answer;
use crate::connector::own_writes::OwnWrites;
use crate::connector::request_info::RequestInfo;
use crate::connector::trace::Trace;

/// An application in its domain. Cheap to clone: clones share tokens and connections, and can be used from
/// any number of tasks at once.
///
/// Access tokens are asked for when they are needed and renewed before they expire; after a 401 a request is
/// made once more with a new one. Each request has a new `X-Request-Id`.
#[derive(Clone)]
#[must_use]
pub struct Connector {
    shared: Arc<Shared>,
    trace: Trace,
}

struct Shared {
    domain: Domain,
    smart: SmartClient,
    signer: Arc<dyn Signer>,
    tokens: AccessTokens,
    device: String,
    own_writes: OwnWrites,
    audit_log: AuditLog,
}

impl Domain {
    /// The application with this `client_id`, whose JWKS (or key) that was registered holds the signer's
    /// public key. Nothing is asked yet.
    pub fn connect(&self, client_id: &str, signer: Arc<dyn Signer>) -> Connector {
        self.connect_as(client_id, &format!("Device/{client_id}"), signer)
    }

    /// The same for an application whose Device has another id than its `client_id`, as in domains from
    /// before 2023: `Device/<id>`.
    pub fn connect_as(&self, client_id: &str, device: &str, signer: Arc<dyn Signer>) -> Connector {
        let http = self.exchange().http.clone();
        let smart = SmartClient::new(http, self.configuration().clone(), client_id, signer.clone());
        let tokens = AccessTokens::new(smart.clone(), "");
        let shared = Shared {
            domain: self.clone(),
            smart,
            signer,
            tokens,
            device: device.to_owned(),
            own_writes: OwnWrites::default(),
            audit_log: AuditLog::default(),
        };
        Connector { shared: Arc::new(shared), trace: Trace::none() }
    }
}

impl Connector {
    /// The domain.
    pub fn domain(&self) -> &Domain {
        &self.shared.domain
    }

    /// The application's identifier at the authorization service.
    pub fn client_id(&self) -> &str {
        self.shared.smart.client_id()
    }

    /// The application's Device, `Device/<client_id>`: the resource-origin of what it creates.
    pub fn device(&self) -> &str {
        &self.shared.device
    }

    /// The same application, whose requests belong to a chain.
    pub fn with_trace(&self, trace: Trace) -> Self {
        Self { shared: self.shared.clone(), trace }
    }

    /// The chain that the requests belong to.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// What the application may do, as its access token says. A permission that was taken away works until
    /// the token expires.
    ///
    /// # Errors
    ///
    /// [`Error::Token`].
    pub async fn scopes(&self) -> Result<Scopes, Error> {
        match self.shared.tokens.get().await {
            Ok(token) => Ok(token.scopes().clone()),
            Err(source) => {
                let request_id = String::new();
                let request = RequestInfo { interaction: "scopes", resource_type: "", request_id };
                Err(Error::Token { request, source })
            }
        }
    }

    /// The application at the authorization service: tokens, introspection and keys, for what the connector
    /// has no method for.
    pub fn smart(&self) -> &SmartClient {
        &self.shared.smart
    }

    /// The application's access tokens, for a request outside FHIR with the same rights.
    pub fn tokens(&self) -> &AccessTokens {
        &self.shared.tokens
    }

    pub(crate) fn signer(&self) -> &dyn Signer {
        &*self.shared.signer
    }

    pub(crate) fn own_writes(&self) -> &OwnWrites {
        &self.shared.own_writes
    }

    pub(crate) fn audit_log(&self) -> &AuditLog {
        &self.shared.audit_log
    }

    pub(crate) async fn send(&self, request: Request) -> Result<Answer, Error> {
        self.domain().exchange().send(Some(&self.shared.tokens), &self.trace, request).await
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("base", &self.domain().base())
            .field("client_id", &self.client_id())
            .field("trace", &self.trace)
            .finish_non_exhaustive()
    }
}
