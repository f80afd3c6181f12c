//! [`Sandbox`]: a running server, and how to start one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::ServiceExt;
use koppeltaal_fhir::resources::Other;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::config::{ConfigError, Instance, Limits, SandboxConfig};
use crate::http::{self, App};

/// A Koppeltaal server in this process. It stops when it is dropped.
///
/// It needs a Tokio runtime, in which it runs beside the code that uses it.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    url: String,
    app: Arc<App>,
    /// Dropped to stop.
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

impl Sandbox {
    /// Starts a sandbox with the default configuration on a free port of 127.0.0.1: see [`SandboxConfig`].
    ///
    /// # Errors
    ///
    /// No port can be had.
    pub async fn start() -> Result<Self, StartError> {
        Self::with_config(SandboxConfig::default()).await
    }

    /// A sandbox to be configured, from the default configuration on.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }

    /// Starts a sandbox with this configuration.
    ///
    /// # Errors
    ///
    /// The configuration contradicts itself, or the address cannot be had.
    pub async fn with_config(config: SandboxConfig) -> Result<Self, StartError> {
        config.check()?;
        let listener = TcpListener::bind(config.listen).await.map_err(StartError::Listen)?;
        let address = listener.local_addr().map_err(StartError::Listen)?;
        let app = App::new(&config, address).map_err(|refusal| {
            StartError::Content(
                refusal
                    .issues
                    .into_iter()
                    .map(|issue| issue.details.unwrap_or_default())
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        })?;
        let app = Arc::new(app);
        if !address.ip().is_loopback() {
            tracing::warn!(%address, "the sandbox can be reached from other machines; it is not for production");
        }

        let (stop, stopped) = oneshot::channel::<()>();
        let service = http::service(Arc::clone(&app));
        let server = axum::serve(listener, service.into_make_service()).with_graceful_shutdown(async {
            // An error means that the sender is gone, which means stop just as well.
            let _ = stopped.await;
        });
        let server = tokio::spawn(async {
            // Serving ends only when it is stopped.
            let _ = server.await;
        });
        let url = config.public_url.unwrap_or_else(|| format!("http://{address}"));
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self { address, url, app, stop: Some(stop), server })
    }

    /// The base URL for clients, without a slash at the end: the public URL if one is configured, else
    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address that the sandbox listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Puts the sandbox's clock forward: claims older than the claim timeout run out at once.
    pub fn advance_clock(&self, by: Duration) {
        self.app.advance_clock(by);
    }

    /// Stops listening, lets the requests under way finish, and returns when they have.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        // The task cannot be cancelled from elsewhere; a panic in it has been reported already.
        let _ = (&mut self.server).await;
    }
}

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration contradicts itself.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A configured activity definition cannot be taken in.
    #[error("the configured content cannot be taken in: {0}")]
    Content(String),
    /// The address cannot be had.
    #[error("the sandbox cannot listen: {0}")]
    Listen(#[source] std::io::Error),
}

/// A [`SandboxConfig`] under construction, starting from the default one.
///
/// ```
/// use std::time::Duration;
/// use koppeltaal_sandbox::{Instance, Sandbox};
///
/// # #[tokio::main] async fn main() -> Result<(), koppeltaal_sandbox::StartError> {
/// let sandbox = Sandbox::builder()
///     .instance(Instance::new("rom", "secret", "Zonnedauw"))
///     .claim_timeout(Duration::from_secs(30))
///     .start()
///     .await?;
/// assert!(sandbox.url().starts_with("http://127.0.0.1:"));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "a builder does nothing until `start`"]
pub struct SandboxBuilder {
    config: SandboxConfig,
}

impl SandboxBuilder {
    /// With this configuration instead of what was set so far.
    pub fn config(mut self, config: SandboxConfig) -> Self {
        self.config = config;
        self
    }

    /// With another domain.
    pub fn domain(mut self, name: impl Into<String>) -> Self {
        self.config.domains.insert(name.into());
        self
    }

    /// With this application instance, in place of one with the same user name, and its domain.
    pub fn instance(mut self, instance: Instance) -> Self {
        self.config.add_instance(instance);
        self
    }

    /// With this activity definition from the start, and its domain.
    pub fn activity_definition(mut self, domain: impl Into<String>, definition: Other) -> Self {
        self.config.add_activity_definition(domain, definition);
        self
    }

    /// With another claim timeout than 5 minutes.
    pub fn claim_timeout(mut self, timeout: Duration) -> Self {
        self.config.claim_timeout = timeout;
        self
    }

    /// With this base for all links that are handed out: `http(s)://host[/path]`, without `/FHIR`.
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.config.public_url = Some(url.into());
        self
    }

    /// Listening here instead of on a free port of 127.0.0.1.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.config.listen = address;
        self
    }

    /// With other bounds.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.config.limits = limits;
        self
    }

    /// Starts the sandbox.
    ///
    /// # Errors
    ///
    /// As [`Sandbox::with_config`].
    pub async fn start(self) -> Result<Sandbox, StartError> {
        Sandbox::with_config(self.config).await
    }
}
