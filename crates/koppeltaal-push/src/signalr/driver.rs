//! The task behind a [`HubConnection`](super::HubConnection): starts it, keeps it connected, starts it anew.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ConstantBuilder, ExponentialBuilder};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::builder::HubConnectionBuilder;
use super::calls::{Calls, results};
use super::channel;
use super::connection::{Command, ConnectionState, ConnectionStatus};
use super::error::{ConnectError, ConnectStep, InvokeError, LostReason};
use super::link::Link;
use super::protocol::Transport;
use super::protocol::frame::{Frame, Item, Received};
use super::protocol::hub::{self, HubEvent, HubResult};
use super::protocol::keep_alive::{KeepAliveWatch, Silence};
use super::session::{CALL_LIMIT, Session};
use super::start::{self, Live, read, time_to_open};

/// How long a connection has to live for the pauses before restarts to begin with the shortest again.
const STABLE: Duration = Duration::from_secs(10);
/// How long the goodbye to a connection that is given up may take.
const ABORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How much longer a reconnecting poll may take to show that it is held.
const POLL_GRACE: Duration = Duration::from_secs(6);

/// What the task works with.
pub(crate) struct Driver {
    pub(crate) options: HubConnectionBuilder,
    pub(crate) status: watch::Sender<ConnectionStatus>,
    pub(crate) events: broadcast::Sender<HubEvent>,
}

type Commands = mpsc::Receiver<Command>;
/// Where it is told how the first start went.
type Started = oneshot::Sender<Result<(), ConnectError>>;

/// Somebody wants the connection to end, and may want to hear when it has.
struct Stop(Option<oneshot::Sender<()>>);

/// Why a connection is not connected any more.
enum Left {
    Lost(LostReason),
    Ended(ConnectError),
    Stop(Stop),
}

/// Runs until the connection is stopped or dropped. With `started`, the first start decides: if it fails, that is all.
pub(crate) async fn run(driver: Driver, mut commands: Commands, mut started: Option<Started>) {
    let mut delays = driver.restart_delays();
    let mut is_first = true;
    let stop = loop {
        driver.change(|status| status.state = ConnectionState::Connecting);
        let link = Link::new(driver.options.client.clone(), &driver.options.path);
        if !std::mem::take(&mut is_first) {
            link.distrust_connections();
        }
        let error = match until_stop(&mut commands, start::start(&driver.options, link)).await {
            Err(stop) => break stop,
            Ok(Ok(live)) => {
                let since = Instant::now();
                match driver.live(live, &mut commands, started.take()).await {
                    Err(stop) => break stop,
                    Ok(error) => {
                        if since.elapsed() >= STABLE {
                            delays = driver.restart_delays();
                        }
                        error
                    }
                }
            }
            Ok(Err(error)) => {
                if let Some(started) = started.take() {
                    let _ = started.send(Err(error));
                    break Stop(None);
                }
                error
            }
        };
        tracing::debug!(%error, "there is no hub connection");
        let next = delays.next().unwrap_or(driver.options.longest_restart_delay);
        let delay = if error.is_authentication() { driver.options.longest_restart_delay } else { next };
        driver.change(|status| {
            *status = ConnectionStatus {
                state: ConnectionState::Disconnected,
                connections: status.connections,
                error: Some(error),
                ..ConnectionStatus::default()
            }
        });
        if let Err(stop) = until_stop(&mut commands, sleep(delay)).await {
            break stop;
        }
    };
    driver.change(|status| {
        *status = ConnectionStatus {
            state: ConnectionState::Disconnected,
            connections: status.connections,
            error: status.error.take(),
            ..ConnectionStatus::default()
        }
    });
    // Before the news: whoever hears it finds no task any more, nearly.
    drop((driver, commands));
    if let Stop(Some(stopped)) = stop {
        let _ = stopped.send(());
    }
}

/// Waits for a future; calls that come meanwhile are refused.
async fn until_stop<T>(commands: &mut Commands, future: impl Future<Output = T>) -> Result<T, Stop> {
    let mut future = pin!(future);
    loop {
        tokio::select! {
            output = &mut future => return Ok(output),
            command = commands.recv() => match command {
                Some(Command::Invoke { reply, .. }) => {
                    let _ = reply.send(Err(InvokeError::NotConnected));
                }
                Some(Command::Stop(stopped)) => return Err(Stop(Some(stopped))),
                None => return Err(Stop(None)),
            }
        }
    }
}

impl Driver {
    fn change(&self, change: impl FnOnce(&mut ConnectionStatus)) {
        self.status.send_modify(change);
    }

    fn restart_delays(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        ExponentialBuilder::default()
            .with_factor(2.0)
            .with_min_delay(self.options.restart_delay)
            .with_max_delay(self.options.longest_restart_delay)
            .without_max_times()
            .with_jitter()
            .build()
    }

    /// Keeps a connection going until it cannot be, and says why. `started` is who waits for it to be connected.
    async fn live(
        &self,
        mut live: Live,
        commands: &mut Commands,
        mut started: Option<Started>,
    ) -> Result<ConnectError, Stop> {
        let mut calls = Calls::default();
        // Since when reconnecting has not led to a channel that brought anything.
        let mut reconnecting_since: Option<Instant> = None;
        // Whether the last frame that came could not be read.
        let mut was_unreadable = false;
        loop {
            self.change(|status| {
                *status = ConnectionStatus {
                    state: ConnectionState::Connected,
                    transport: Some(live.transport),
                    connections: status.connections + 1,
                    ..ConnectionStatus::default()
                }
            });
            tracing::debug!(transport = %live.transport, "the hub is connected");
            if let Some(started) = started.take() {
                // After the status, which who waits may look at. It may have gone; then the commands have ended as well.
                let _ = started.send(Ok(()));
            }
            let opened = Instant::now();
            let reason = match self
                .connected(&mut live, &mut calls, &mut reconnecting_since, &mut was_unreadable, commands)
                .await
            {
                Left::Lost(reason) if is_indigestible(&reason, &mut was_unreadable) => {
                    calls.fail_all();
                    // The server is to forget what it would send again.
                    live.session.abort(live.transport, ABORT_TIMEOUT.min(self.options.request_timeout)).await;
                    return Ok(ConnectError::Indigestible { reason });
                }
                Left::Lost(reason) => reason,
                Left::Ended(error) => {
                    calls.fail_all();
                    return Ok(error);
                }
                Left::Stop(stop) => {
                    calls.fail_all();
                    live.session.abort(live.transport, self.options.request_timeout).await;
                    return Err(stop);
                }
            };
            tracing::debug!(%reason, "the hub's channel is lost");
            live.session.link.distrust_connections();
            if live.transport == Transport::WebSockets {
                // Their results would have come over the socket that is no more.
                calls.fail_all();
            }
            self.change(|status| {
                status.state = ConnectionState::Reconnecting;
                status.is_slow = false;
            });
            // A channel that is lost as soon as it is opened must not become a loop without pause, nor one without end.
            let at_once = opened.elapsed() >= self.options.reconnect_delay;
            if at_once {
                reconnecting_since = None;
            }
            let since = *reconnecting_since.get_or_insert_with(Instant::now);
            let reconnected = self.reconnect(&live.session, live.transport, since, at_once);
            match until_stop(commands, reconnected).await {
                Ok(Ok(channel)) => live.channel = channel,
                Ok(Err(error)) => {
                    calls.fail_all();
                    return Ok(error);
                }
                Err(stop) => {
                    calls.fail_all();
                    live.session.abort(live.transport, self.options.request_timeout).await;
                    return Err(stop);
                }
            }
        }
    }

    /// Opens a channel again, until that succeeds or the server has forgotten the connection.
    async fn reconnect(
        &self,
        session: &Arc<Session>,
        transport: Transport,
        since: Instant,
        at_once: bool,
    ) -> Result<Box<dyn channel::Channel>, ConnectError> {
        let limit = session.negotiated.disconnect_timeout;
        let give_up = since + limit;
        let mut time_to_open = time_to_open(session, &self.options);
        if transport == Transport::LongPolling && !session.polls_have_signs_of_life() {
            time_to_open += POLL_GRACE;
        }
        let delays = ConstantBuilder::default()
            .with_delay(self.options.reconnect_delay)
            .without_max_times()
            .with_jitter()
            .build();
        for delay in at_once.then_some(Duration::ZERO).into_iter().chain(delays) {
            sleep_until(give_up.min(Instant::now() + delay)).await;
            if Instant::now() >= give_up {
                break;
            }
            let attempt = channel::open(session, transport, ConnectStep::Reconnect);
            match timeout_at(give_up.min(Instant::now() + time_to_open), attempt).await {
                Ok(Ok(channel)) => return Ok(channel),
                // The same again would not help; a new start gets another token and fresh credentials.
                Ok(Err(error)) if error.is_refusal() => return Err(error),
                Ok(Err(error)) => tracing::debug!(%error, "not reconnected yet"),
                Err(_) => tracing::debug!("not reconnected yet: no answer"),
            }
        }
        Err(ConnectError::DisconnectTimeout { limit })
    }

    /// Receives, delivers and calls while there is a channel.
    async fn connected(
        &self,
        live: &mut Live,
        calls: &mut Calls,
        reconnecting_since: &mut Option<Instant>,
        was_unreadable: &mut bool,
        commands: &mut Commands,
    ) -> Left {
        let Live { session, transport, channel, backlog } = live;
        let (session, transport) = (&*session, *transport);
        let now = || Instant::now().into_std();
        let mut watch =
            KeepAliveWatch::new(session.negotiated.keep_alive, session.negotiated.reconnect_window(), now());
        for received in backlog.take() {
            if let Some(left) = self.deliver(received, session, transport, calls) {
                return left;
            }
        }
        loop {
            let deadline = watch.deadline().map(Instant::from_std).filter(|_| channel.has_signs_of_life());
            tokio::select! {
                text = channel.receive() => {
                    if watch.received(now()) {
                        self.change(|status| status.is_slow = false);
                    }
                    match text.and_then(|text| read(session, &text)) {
                        Err(reason) => return Left::Lost(reason),
                        Ok(received) => {
                            // Of a poll only the answer shows that reconnecting has led somewhere.
                            if received != Received::KeepAlive || transport != Transport::LongPolling {
                                *reconnecting_since = None;
                            }
                            *was_unreadable &= !matches!(received, Received::Frame(_));
                            if let Some(left) = self.deliver(received, session, transport, calls) {
                                return left;
                            }
                        }
                    }
                }
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    match watch.check(now()) {
                        Silence::Fine => {}
                        Silence::Slow => self.change(|status| status.is_slow = true),
                        Silence::Lost => return Left::Lost(LostReason::Silent),
                        Silence::Asleep => {
                            let limit = session.negotiated.disconnect_timeout;
                            return Left::Ended(ConnectError::DisconnectTimeout { limit });
                        }
                    }
                }
                answer = calls.answered() => {
                    for result in answer.map(results).unwrap_or_default() {
                        finish(session, calls, result);
                    }
                }
                command = commands.recv() => match command {
                    None => return Left::Stop(Stop(None)),
                    Some(Command::Stop(stopped)) => return Left::Stop(Stop(Some(stopped))),
                    Some(Command::Invoke { method, arguments, reply }) => {
                        let id = calls.add(reply);
                        let call = hub::call(&session.hub, &method, &arguments, id, &session.hub_state());
                        if call.len() > CALL_LIMIT {
                            calls.finish(&id.to_string(), Err(InvokeError::TooLong));
                            continue;
                        }
                        let Some(sent) = channel.send(call.clone()) else {
                            let limit = self.options.invoke_timeout;
                            calls.send(Arc::clone(session), transport, id, call, limit);
                            continue;
                        };
                        if let Err(reason) = sent.await {
                            return Left::Lost(reason);
                        }
                    }
                }
            }
        }
    }

    /// Passes on what came. Something, if it ends the channel.
    fn deliver(
        &self,
        received: Received,
        session: &Session,
        transport: Transport,
        calls: &mut Calls,
    ) -> Option<Left> {
        match received {
            Received::KeepAlive => None,
            Received::Fatal(reason) => Some(Left::Ended(ConnectError::Ended { reason: Some(reason) })),
            Received::Result(result) => {
                finish(session, calls, result);
                None
            }
            Received::Frame(Frame { items, disconnect, reconnect, .. }) => {
                for item in items {
                    match item {
                        Item::Result(result) => finish(session, calls, result),
                        Item::Event(mut event) => {
                            session.merge_hub_state(event.state.take());
                            // An error means that nobody listens.
                            let _ = self.events.send(event);
                        }
                    }
                }
                if disconnect {
                    return Some(Left::Ended(ConnectError::Ended { reason: None }));
                }
                // Sockets and streams are closed by the server afterwards; nothing closes a poll that was answered.
                (reconnect && transport == Transport::LongPolling)
                    .then_some(Left::Lost(LostReason::ShuttingDown))
            }
        }
    }
}

/// Whether what ended the channel would come again with the same cursor. What cannot be read may have been garbled on the
/// way, so it is asked for once more.
fn is_indigestible(reason: &LostReason, was_unreadable: &mut bool) -> bool {
    match reason {
        LostReason::TooLarge => true,
        LostReason::Unreadable => std::mem::replace(was_unreadable, true),
        _ => false,
    }
}

fn finish(session: &Session, calls: &mut Calls, mut result: HubResult) {
    session.merge_hub_state(result.state.take());
    calls.result(result);
}
