//! [`Channel`]: the texts of the server, the same for all transports.

mod long_polling;
mod server_sent_events;
mod web_sockets;

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::error::{ConnectError, ConnectStep, LostReason};
use super::protocol::Transport;
use super::session::Session;

/// An open receive channel.
pub(crate) trait Channel: Send {
    /// Waits for the next text. Cancel safe. After an error the channel cannot be used any more.
    fn receive(&mut self) -> BoxFuture<'_, Result<String, LostReason>>;

    /// Whether the server sends signs of life now, so that silence means that the channel is lost.
    fn has_signs_of_life(&self) -> bool {
        true
    }

    /// Sends a text on the channel itself. `None`: calls go over requests of their own.
    fn send(&mut self, _text: &str) -> Option<BoxFuture<'_, Result<(), LostReason>>> {
        None
    }
}

/// Opens a channel of a new connection ([`ConnectStep::Connect`]), or of one that lost its channel
/// ([`ConnectStep::Reconnect`]). The caller limits the time.
///
/// # Errors
///
/// [`ConnectError`] of this step.
pub(crate) async fn open(
    session: &Arc<Session>,
    transport: Transport,
    step: ConnectStep,
) -> Result<Box<dyn Channel>, ConnectError> {
    Ok(match transport {
        Transport::WebSockets => Box::new(web_sockets::open(session, step).await?),
        Transport::ServerSentEvents => Box::new(server_sent_events::open(session, step).await?),
        Transport::LongPolling => Box::new(long_polling::open(Arc::clone(session), step).await?),
    })
}
