//! [`Sandbox`]: a running server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::app::App;
use crate::config::{ConfigError, Fault, SandboxConfig};
use crate::http;
use crate::links::Links;
use crate::mailbox::Filter;
use crate::persistence::DataFileError;
use crate::queued_message::QueuedMessage;
use crate::refusals::RefusedRequest;
use crate::server;

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
    /// Tasks that run beside the requests. They end with the sandbox.
    _tasks: JoinSet<()>,
}

impl SandboxConfig {
    /// Starts a sandbox with this configuration.
    ///
    /// # Errors
    ///
    /// The configuration contradicts itself, the data file cannot be used, or the sandbox cannot listen on
    /// the address.
    pub async fn start(self) -> Result<Sandbox, StartError> {
        Sandbox::start(self).await
    }
}

impl Sandbox {
    async fn start(config: SandboxConfig) -> Result<Self, StartError> {
        config.check()?;
        let unusable = |source| StartError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        if !address.ip().is_loopback() {
            tracing::warn!(%address, "the sandbox can be reached from other machines; it is not for production");
        }
        let reachable = reachable(address);
        let mut tasks = JoinSet::new();
        let app = Arc::new(App::new(&config, reachable, address.ip(), &mut tasks)?);
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async {
            // An error means that the sender is gone, which also means stop.
            let _ = stopped.await;
        };
        let service = http::service(Arc::clone(&app));
        let server = tokio::spawn(server::serve(listener, service, config.limits, stopped));
        let url = config.public_url.unwrap_or_else(|| format!("http://{reachable}"));
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self { address, url, app, stop: Some(stop), server, _tasks: tasks })
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

    /// Puts the sandbox's clock forward. Claims that are then older than the claim timeout run out.
    pub fn advance_clock(&self, by: Duration) {
        self.app.advance_clock(by);
    }

    /// Sets these faults, in place of all that were set before. One whose status is no HTTP status is
    /// answered with 500, which says so.
    pub fn set_faults(&self, faults: impl IntoIterator<Item = Fault>) {
        self.app.faults().set(faults.into_iter().collect());
    }

    /// The messages in the queue of the instance with this username, the oldest first, whatever their status.
    /// Looking changes nothing, except that claims that have run out end. `None` when there is no such
    /// instance.
    ///
    /// ```
    /// use koppeltaal_messaging::ProcessingStatus;
    ///
    /// # #[tokio::main] async fn main() -> Result<(), koppeltaal_sandbox::StartError> {
    /// let sandbox = koppeltaal_sandbox::SandboxConfig::new().portal_and_game().start().await?;
    /// // ... the code under test posts a care plan, and then:
    /// let waiting = sandbox.messages("game").expect("an instance of that name");
    /// assert!(waiting.iter().all(|message| message.status == ProcessingStatus::New));
    /// # Ok(()) }
    /// ```
    pub fn messages(&self, username: &str) -> Option<Vec<QueuedMessage>> {
        let instance = self.app.instance_named(username)?;
        let (links, now) = (Links::new(&self.url), self.app.now());
        let listed =
            self.app.mailbox(|mailbox| mailbox.list(instance, &Filter::default(), 0, usize::MAX, now));
        // The step that ends claims could not be saved, so it did not happen. The application would get 503.
        let (_, deliveries) = listed.unwrap_or_default();
        Some(deliveries.iter().map(|delivery| QueuedMessage::new(delivery, &links, now)).collect())
    }

    pub(crate) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The last 500 refused requests, the oldest first.
    pub fn refusals(&self) -> Vec<RefusedRequest> {
        self.app.refusals()
    }

    /// How many records of the data file could not be used when it was opened. They are in its table
    /// `set_aside`, unless the file could not be written; then they stayed where they were.
    pub fn number_set_aside(&self) -> usize {
        self.app.number_set_aside()
    }

    /// Bounds the data file from now on, as [`Limits::data_bytes`](crate::Limits::data_bytes) does from the
    /// start. Tests fill the file with it, and give it room again.
    ///
    /// # Errors
    ///
    /// The data file cannot be used.
    #[doc(hidden)]
    pub fn limit_data(&self, bytes: u64) -> Result<(), DataFileError> {
        self.app.limit_data(bytes)
    }

    /// Stops listening, and lets requests under way finish. Those that have not finished after
    /// [`Limits::stop_time`](crate::Limits::stop_time) are cut off.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        self.app.hub().stop();
        // A panic in it was reported when it happened.
        let _ = (&mut self.server).await;
    }
}

impl Drop for Sandbox {
    /// Cuts off all connections: a silent client would keep the server alive for ever.
    fn drop(&mut self) {
        self.server.abort();
        self.app.hub().stop();
    }
}

/// The address at which a client on this machine reaches the server. Nobody can connect to "all addresses".
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration contradicts itself.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data file cannot be used.
    #[error(transparent)]
    DataFile(#[from] DataFileError),
    /// Nobody can listen on the address: it is taken, or is no address of this machine.
    #[error("the sandbox cannot listen on {address}: {source}")]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}
