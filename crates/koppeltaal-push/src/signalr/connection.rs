//! [`HubConnection`]: the application's handle. The work is done in a task of its own, the
//! [driver](super::driver).

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use koppeltaal_transport::Client;
use serde_json::Value;
use tokio::sync::{Semaphore, mpsc, watch};

use super::calls::{CALLS, Call, CallResult, RESULTS_LIMIT, Reply};
use super::context::{Context, StartReply};
use super::driver;
use super::error::InvokeError;
use super::events::{self, EventSource, HubEvents};
use super::options::Options;
use super::status::{self, ConnectionStatus};
use super::stop::{self, StopHandle};

/// A connection to one hub of a classic ASP.NET SignalR 2.x server that keeps itself connected.
///
/// A lost channel is opened again at the position where it was lost (`reconnect`), for as long as the server
/// remembers the connection. After that the connection is started anew, with growing pauses, until it is
/// [stopped](Self::stop) or dropped. Every request has fresh authorization of the [`Client`], and goes to its
/// server only, through its TLS and proxy.
///
/// Events may be lost while there is no connection, and a server that was restarted has forgotten what it was
/// asked for. So, after every increase of [`ConnectionStatus::connections`], ask the server again for what
/// you need, and look for what you missed. [`HubSubscription`](crate::HubSubscription) does that for
/// Koppeltaal.
///
/// ```no_run
/// use koppeltaal_push::HubConnection;
/// use koppeltaal_transport::{Client, Credentials};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::builder("https://koppeltaal.example")
///     .credentials(Credentials::basic("game", "secret")?)
///     .build()?;
/// let connection = HubConnection::builder(&client, "KoppeltaalHub").start().await?;
/// let mut events = connection.events();
/// connection.invoke("StartPush", vec![]).await?;
/// while let Ok(event) = events.receive().await {
///     if event.is("KoppeltaalHub", "NewMessage") {
///         println!("a message waits");
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct HubConnection {
    caller: Caller,
    status: watch::Receiver<ConnectionStatus>,
    events: EventSource,
    /// Receives all events from the beginning, for the first caller of [`events`](Self::events).
    first_events: Mutex<Option<HubEvents>>,
    /// Dropping it ends the task, too.
    stop: StopHandle,
}

impl HubConnection {
    pub(crate) fn spawn(client: Client, hub: String, options: Options, started: Option<StartReply>) -> Self {
        // A call holds a permit as long as it is in the queue, so there is always room.
        let (call_sender, calls) = mpsc::channel(CALLS);
        let (status_sender, status) = status::channel();
        let (event_sender, events) = events::channel(options.events_limit);
        let (stop, stop_signal) = stop::channel();
        let caller = Caller {
            calls: call_sender,
            permits: Arc::new(Semaphore::new(CALLS)),
            result_memory: Arc::new(Semaphore::new(RESULTS_LIMIT)),
            timeout: options.invoke_timeout,
        };
        let first_events = Mutex::new(Some(events.receiver()));
        let context = Context {
            client,
            hub,
            options,
            status: status_sender,
            events: event_sender,
            calls,
            stop: stop_signal,
        };
        tokio::spawn(driver::run(context, started));
        Self { caller, status, events, first_events, stop }
    }

    /// Calls a method of the hub and waits for its result, which is `null` if the method has none. If the
    /// future is dropped, the method may run all the same.
    ///
    /// Over webSockets, calls start in the order in which they are made; over other transports in any order.
    /// Up to 64 calls are under way at once; further ones wait. Results that their callers have not taken yet
    /// may take 32 MiB of memory together; a result beyond that is an [`InvokeError::ResultDropped`].
    ///
    /// # Errors
    ///
    /// [`InvokeError`]. Nothing is tried again.
    pub async fn invoke(&self, method: &str, arguments: Vec<Value>) -> Result<Value, InvokeError> {
        self.caller.clone().invoke(method.to_owned(), arguments).await
    }

    /// Calls a method without arguments. The future borrows nothing. The time limit is `timeout`, or that of
    /// all calls if that is shorter.
    pub(crate) fn start_invoke(
        &self,
        method: &str,
        timeout: Duration,
    ) -> impl Future<Output = Result<Value, InvokeError>> + Send + use<> {
        let caller = Caller { timeout: timeout.min(self.caller.timeout), ..self.caller.clone() };
        caller.invoke(method.to_owned(), Vec::new())
    }

    /// The events of the hub from now on; the first caller gets those since the beginning, too. Events that
    /// are not taken are kept up to the [limit](super::HubConnectionBuilder::events_limit).
    pub fn events(&self) -> HubEvents {
        let first = self.first_events.lock().unwrap_or_else(PoisonError::into_inner).take();
        first.unwrap_or_else(|| self.events.receiver())
    }

    /// How the connection is doing, and every change of it.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<ConnectionStatus> {
        self.status.clone()
    }

    /// Tells the server that the connection ends, and ends it. Returns when it has ended, after the
    /// [request timeout](super::HubConnectionBuilder::request_timeout) at most.
    pub async fn stop(self) {
        self.stop.stop().await;
    }
}

impl fmt::Debug for HubConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubConnection").field("status", &*self.status.borrow()).finish_non_exhaustive()
    }
}

/// Makes calls.
#[derive(Clone)]
struct Caller {
    calls: mpsc::Sender<Call>,
    permits: Arc<Semaphore>,
    result_memory: Arc<Semaphore>,
    timeout: Duration,
}

impl Caller {
    async fn invoke(self, method: String, arguments: Vec<Value>) -> Result<Value, InvokeError> {
        let Self { calls, permits, result_memory, timeout } = self;
        let result = async {
            let permit = permits.acquire_owned().await.map_err(|_| InvokeError::Stopped)?;
            let permit = Arc::new(permit);
            let (reply, result) = Reply::new(result_memory);
            let call = Call { method, arguments, reply, permit: Arc::clone(&permit) };
            calls.send(call).await.map_err(|_| InvokeError::Stopped)?;
            let result = result.await.map_or(Err(InvokeError::Stopped), CallResult::into_outcome);
            drop(permit);
            result
        };
        tokio::time::timeout(timeout, result).await.unwrap_or(Err(InvokeError::Timeout { limit: timeout }))
    }
}
