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
use crate::persistence::DataFileError;
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
    /// What goes on beside the requests; ends with the sandbox.
    _tasks: JoinSet<()>,
}

impl Sandbox {
    /// The configuration of a sandbox with nothing in it, to add to and to start. `Sandbox::builder().portal_and_game()` has
    /// a small world that works at once.
    pub fn builder() -> SandboxConfig {
        SandboxConfig::default()
    }

    pub(crate) async fn start(config: SandboxConfig) -> Result<Self, StartError> {
        config.check()?;
        let listener = TcpListener::bind(config.listen).await.map_err(StartError::Listen)?;
        let address = listener.local_addr().map_err(StartError::Listen)?;
        if !address.ip().is_loopback() {
            tracing::warn!(%address, "the sandbox can be reached from other machines; it is not for production");
        }
        let reachable = reachable(address);
        let mut tasks = JoinSet::new();
        let app = Arc::new(App::new(&config, reachable, address.ip(), &mut tasks)?);
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async {
            // An error means that the sender is gone, which means stop just as well.
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

    /// Puts the sandbox's clock forward: claims older than the claim timeout run out at once.
    pub fn advance_clock(&self, by: Duration) {
        self.app.advance_clock(by);
    }

    /// Lets these faults happen from now on, in place of those that were set before.
    pub fn set_faults(&self, faults: impl IntoIterator<Item = Fault>) {
        self.app.faults().set(faults.into_iter().collect());
    }

    /// How many records of the data file could not be used when it was opened. They are in its table `set_aside`; only when
    /// the file could not be written are they still where they were.
    pub fn number_set_aside(&self) -> usize {
        self.app.number_set_aside()
    }

    /// Bounds the data file from now on, as [`Limits::data_bytes`](crate::Limits::data_bytes) does from the start: tests
    /// let it be full with this, and no longer be.
    ///
    /// # Errors
    ///
    /// The data file cannot be used.
    #[doc(hidden)]
    pub fn limit_data(&self, bytes: u64) -> Result<(), DataFileError> {
        self.app.limit_data(bytes)
    }

    /// Stops listening and lets the requests under way finish, for [`Limits::stop_time`](crate::Limits::stop_time) at
    /// most; what is not finished then is cut off.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        self.app.hub().stop();
        // A panic in it has been reported already.
        let _ = (&mut self.server).await;
    }
}

impl Drop for Sandbox {
    /// Cuts off all connections: a client that says nothing would keep the server alive for ever.
    fn drop(&mut self) {
        self.server.abort();
        self.app.hub().stop();
    }
}

/// Where a client on this machine reaches the server: nobody can connect to "all addresses".
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
    /// The address cannot be had.
    #[error("the sandbox cannot listen: {0}")]
    Listen(#[source] std::io::Error),
}
