//! [`Context`]: what the task of a connection works with.

use std::pin::pin;

use koppeltaal_transport::Client;
use tokio::sync::{mpsc, oneshot};

use super::calls::Call;
use super::error::{ConnectError, InvokeError};
use super::events::EventSender;
use super::options::Options;
use super::status::StatusSender;
use super::stop::{StopRequest, StopSignal};

/// Tells whoever waits for the first start how it went.
pub(crate) type StartReply = oneshot::Sender<Result<(), ConnectError>>;

/// What the task of a connection works with.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) hub: String,
    pub(crate) options: Options,
    pub(crate) status: StatusSender,
    pub(crate) events: EventSender,
    pub(crate) calls: mpsc::Receiver<Call>,
    pub(crate) stop: StopSignal,
}

impl Context {
    /// Waits for a future unless the task is to stop. Calls that come meanwhile are refused.
    pub(crate) async fn unless_stopped<T>(
        &mut self,
        future: impl Future<Output = T>,
    ) -> Result<T, StopRequest> {
        let mut future = pin!(future);
        loop {
            tokio::select! {
                output = &mut future => return Ok(output),
                stop = self.stop.requested() => return Err(stop),
                Some(call) = self.calls.recv() => {
                    call.reply.send(Err(InvokeError::NotConnected));
                }
            }
        }
    }
}
