//! [`ActiveConnection`]: a connection from its start until it is given up. It receives while it has a
//! channel, and reconnects when it has lost it.

use std::sync::Arc;
use std::time::Duration;

use koppeltaal_transport::{Backoff, causes};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::calls::{Call, Calls};
use super::channel::{self, Channel};
use super::context::{Context, StartReply};
use super::error::{ConnectError, ConnectStep, InvokeError, LostReason};
use super::handshake::{OpenConnection, time_to_open};
use super::protocol::Transport;
use super::protocol::frame::{Frame, Item, ServerMessage};
use super::protocol::hub::{self, HubResult};
use super::protocol::keep_alive::{KeepAliveWatch, Silence};
use super::session::{CALL_LIMIT, Session};
use super::status::ConnectionState;
use super::stop::StopRequest;

/// How long the abort of a connection that is given up may take.
const ABORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How much longer than other transports a reconnecting poll may take to show that it is held.
const POLL_GRACE: Duration = Duration::from_secs(6);

/// A connection that has started.
pub(crate) struct ActiveConnection<'a> {
    context: &'a mut Context,
    session: Arc<Session>,
    transport: Transport,
    channel: Box<dyn Channel>,
    /// Messages that came before the start.
    backlog: Vec<ServerMessage>,
    calls: Calls,
    silence: KeepAliveWatch,
    /// When the channel was opened.
    opened: Instant,
    /// The first loss of a channel since one last worked. The disconnect timeout counts from here, so that
    /// channels that are lost as soon as they are opened do not follow each other without end.
    losing_since: Option<Instant>,
    /// Whether the last frame was unreadable.
    was_unreadable: bool,
}

/// Why receiving ended.
enum Interruption {
    /// The channel is lost: reconnect.
    ChannelLost(LostReason),
    /// The connection is over.
    Over(ConnectionEnd),
}

/// How a connection ends.
enum ConnectionEnd {
    /// The server has ended or forgotten it.
    Ended(ConnectError),
    /// The server would send an unusable frame again after every reconnect.
    UnusableFrame(LostReason),
    /// The application has stopped it.
    Stopped(StopRequest),
}

impl From<ConnectionEnd> for Interruption {
    fn from(end: ConnectionEnd) -> Self {
        Self::Over(end)
    }
}

impl<'a> ActiveConnection<'a> {
    pub(crate) fn new(context: &'a mut Context, connection: OpenConnection) -> Self {
        let OpenConnection { session, transport, channel, backlog } = connection;
        Self {
            context,
            silence: watch(&session),
            session,
            transport,
            channel,
            backlog: backlog.into_messages(),
            calls: Calls::default(),
            opened: Instant::now(),
            losing_since: None,
            was_unreadable: false,
        }
    }

    /// Keeps the connection going until it is over. Returns why; an error if it was stopped.
    pub(crate) async fn run(mut self, started: Option<StartReply>) -> Result<ConnectError, StopRequest> {
        let end = self.keep_connected(started).await;
        self.calls.fail_all();
        let timeout = self.context.options.request_timeout;
        match end {
            ConnectionEnd::Ended(error) => Ok(error),
            ConnectionEnd::UnusableFrame(reason) => {
                // So that the server forgets what it would send again.
                self.session.abort(self.transport, ABORT_TIMEOUT.min(timeout)).await;
                Ok(ConnectError::UnusableFrame { reason })
            }
            ConnectionEnd::Stopped(stop) => {
                self.session.abort(self.transport, timeout).await;
                Err(stop)
            }
        }
    }

    async fn keep_connected(&mut self, mut started: Option<StartReply>) -> ConnectionEnd {
        loop {
            self.context.status.send_modify(|status| *status = status.connected(self.transport));
            tracing::debug!(transport = %self.transport, "the hub is connected");
            if let Some(started) = started.take() {
                // After the change of the status, which the caller may look at. The caller may be gone.
                let _ = started.send(Ok(()));
            }
            let reason = match self.receive().await {
                Interruption::ChannelLost(reason) => reason,
                Interruption::Over(end) => return end,
            };
            tracing::debug!(%reason, "the hub's channel is lost");
            if let Err(end) = self.reconnect().await {
                return end;
            }
        }
    }

    /// Receives, delivers and calls as long as there is a channel.
    async fn receive(&mut self) -> Interruption {
        for message in std::mem::take(&mut self.backlog) {
            if let Err(interruption) = self.deliver(message) {
                return interruption;
            }
        }
        loop {
            let deadline = self.silence.deadline().filter(|_| self.channel.has_signs_of_life());
            let deadline = deadline.map(Instant::from_std);
            let next = tokio::select! {
                text = self.channel.receive() => self.received(text),
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    self.check_silence()
                }
                results = self.calls.answered() => self.results(results),
                Some(call) = self.context.calls.recv() => self.call(call).await,
                stop = self.context.stop.requested() => Err(ConnectionEnd::Stopped(stop).into()),
            };
            if let Err(interruption) = next {
                return interruption;
            }
        }
    }

    fn received(&mut self, text: Result<String, LostReason>) -> Result<(), Interruption> {
        if self.silence.received(Instant::now().into_std()) {
            self.context.status.send_modify(|status| status.is_slow = false);
        }
        let message = text.and_then(|text| self.session.read(&text)).map_err(|reason| self.lost(reason))?;
        // Only the answer to a poll shows that reconnecting has succeeded.
        if message != ServerMessage::KeepAlive || self.transport != Transport::LongPolling {
            self.losing_since = None;
        }
        if matches!(message, ServerMessage::Frame(_)) {
            self.was_unreadable = false;
        }
        self.deliver(message)
    }

    /// Decides whether the connection reconnects. It does not if the server would send the same frame again.
    /// An unreadable text may have been damaged on the way, so it is asked for once more.
    fn lost(&mut self, reason: LostReason) -> Interruption {
        let is_final = match reason {
            LostReason::TooLarge | LostReason::HubStateTooLarge => true,
            LostReason::Unreadable => std::mem::replace(&mut self.was_unreadable, true),
            _ => false,
        };
        if is_final { ConnectionEnd::UnusableFrame(reason).into() } else { Interruption::ChannelLost(reason) }
    }

    fn deliver(&mut self, message: ServerMessage) -> Result<(), Interruption> {
        match message {
            ServerMessage::KeepAlive => Ok(()),
            ServerMessage::Result(result) => self.results([result]),
            ServerMessage::Frame(frame) => self.deliver_frame(frame),
            ServerMessage::Fatal(reason) => {
                Err(ConnectionEnd::Ended(ConnectError::Ended { reason: Some(reason) }).into())
            }
        }
    }

    fn deliver_frame(&mut self, frame: Frame) -> Result<(), Interruption> {
        for item in frame.items {
            match item {
                Item::Result(result) => self.results([result])?,
                Item::Event(mut event) => {
                    self.session.merge_hub_state(event.state.take()).map_err(|reason| self.lost(reason))?;
                    self.context.events.send(event);
                }
            }
        }
        if frame.disconnect {
            return Err(ConnectionEnd::Ended(ConnectError::Ended { reason: None }).into());
        }
        // The server closes sockets and streams afterwards, but it cannot close a poll that was answered.
        if frame.reconnect && self.transport == Transport::LongPolling {
            return Err(Interruption::ChannelLost(LostReason::ShuttingDown));
        }
        Ok(())
    }

    fn results(&mut self, results: impl IntoIterator<Item = HubResult>) -> Result<(), Interruption> {
        for mut result in results {
            let state = result.state.take();
            self.calls.result(result);
            self.session.merge_hub_state(state).map_err(|reason| self.lost(reason))?;
        }
        Ok(())
    }

    fn check_silence(&mut self) -> Result<(), Interruption> {
        match self.silence.check(Instant::now().into_std()) {
            Silence::Fine => Ok(()),
            Silence::Slow => {
                self.context.status.send_modify(|status| status.is_slow = true);
                Ok(())
            }
            Silence::Lost => Err(Interruption::ChannelLost(LostReason::Silent)),
            Silence::Asleep => {
                let limit = self.session.negotiated.disconnect_timeout;
                Err(ConnectionEnd::Ended(ConnectError::DisconnectTimeout { limit }).into())
            }
        }
    }

    async fn call(&mut self, call: Call) -> Result<(), Interruption> {
        let Call { method, arguments, reply, permit } = call;
        let id = self.calls.add(reply);
        let text = hub::call(&self.session.hub, &method, &arguments, id, &self.session.hub_state());
        if text.len() > CALL_LIMIT {
            self.calls.finish(&id.to_string(), Err(InvokeError::TooLong));
            return Ok(());
        }
        if let Some(sent) = self.channel.send(&text) {
            return sent.await.map_err(Interruption::ChannelLost);
        }
        let (session, timeout) = (Arc::clone(&self.session), self.context.options.invoke_timeout);
        self.calls.send(session, self.transport, id, text, timeout, permit);
        Ok(())
    }

    /// Opens a channel again.
    async fn reconnect(&mut self) -> Result<(), ConnectionEnd> {
        self.session.http.distrust_connections();
        if self.transport == Transport::WebSockets {
            // Their results would have come over the socket.
            self.calls.fail_all();
        }
        self.context.status.send_modify(|status| {
            status.state = ConnectionState::Reconnecting;
            status.is_slow = false;
        });
        let options = self.context.options.clone();
        // A channel that is lost as soon as it is opened must not be opened again without a pause.
        let at_once = self.opened.elapsed() >= options.reconnect_delay;
        if at_once {
            self.losing_since = None;
        }
        let since = *self.losing_since.get_or_insert_with(Instant::now);
        let mut limit_to_open = time_to_open(&self.session, &options);
        if self.transport == Transport::LongPolling && !self.session.polls_have_signs_of_life() {
            limit_to_open += POLL_GRACE;
        }
        let attempts = Attempts {
            session: Arc::clone(&self.session),
            transport: self.transport,
            at_once,
            pauses: Backoff::new(options.reconnect_delay, options.reconnect_delay.saturating_mul(2)),
            limit_to_open,
            give_up: since + self.session.negotiated.disconnect_timeout,
        };
        let reconnected = self.context.unless_stopped(attempts.run()).await;
        self.channel = reconnected.map_err(ConnectionEnd::Stopped)?.map_err(ConnectionEnd::Ended)?;
        self.opened = Instant::now();
        self.silence = watch(&self.session);
        Ok(())
    }
}

fn watch(session: &Session) -> KeepAliveWatch {
    let negotiated = &session.negotiated;
    KeepAliveWatch::new(negotiated.keep_alive, negotiated.reconnect_window(), Instant::now().into_std())
}

/// Attempts to open a channel again.
struct Attempts {
    session: Arc<Session>,
    transport: Transport,
    /// Whether the first attempt comes without a pause.
    at_once: bool,
    pauses: Backoff,
    limit_to_open: Duration,
    give_up: Instant,
}

impl Attempts {
    /// Tries until a channel is open, the server refuses, or it is time to give up.
    async fn run(mut self) -> Result<Box<dyn Channel>, ConnectError> {
        let mut pause = if self.at_once { Duration::ZERO } else { self.pauses.next_delay() };
        loop {
            sleep_until(self.give_up.min(Instant::now() + pause)).await;
            if Instant::now() >= self.give_up {
                let limit = self.session.negotiated.disconnect_timeout;
                return Err(ConnectError::DisconnectTimeout { limit });
            }
            let attempt = channel::open(&self.session, self.transport, ConnectStep::Reconnect);
            match timeout_at(self.give_up.min(Instant::now() + self.limit_to_open), attempt).await {
                Ok(Ok(channel)) => return Ok(channel),
                // The same request would be refused again. A new start has another token and fresh
                // credentials.
                Ok(Err(error)) if error.is_refusal() => return Err(error),
                Ok(Err(error)) => tracing::debug!(error = causes(&error), "not reconnected yet"),
                Err(_) => tracing::debug!("not reconnected yet: no answer"),
            }
            pause = self.pauses.next_delay();
        }
    }
}
