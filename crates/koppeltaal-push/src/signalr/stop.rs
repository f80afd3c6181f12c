//! How a task is asked to stop: a handle for its owner, a signal for the task, and a request to be answered
//! at the end.

use tokio::sync::oneshot;

/// Stops a task. Dropping it stops the task, too, without waiting.
pub(crate) struct StopHandle(oneshot::Sender<StopRequest>);

/// The task's side.
pub(crate) struct StopSignal(oneshot::Receiver<StopRequest>);

/// The request that the task ends. The task drops it when it has ended.
#[derive(Default)]
pub(crate) struct StopRequest {
    /// Whoever waits for the end holds the receiver. Nothing is sent: the drop is the message.
    _done: Option<oneshot::Sender<()>>,
}

pub(crate) fn channel() -> (StopHandle, StopSignal) {
    let (sender, receiver) = oneshot::channel();
    (StopHandle(sender), StopSignal(receiver))
}

impl StopHandle {
    /// Asks the task to end and waits until it has ended.
    pub(crate) async fn stop(self) {
        let (sender, done) = oneshot::channel();
        // An error means that the task has ended already; so does the one below.
        if self.0.send(StopRequest { _done: Some(sender) }).is_ok() {
            let _ = done.await;
        }
    }
}

impl StopSignal {
    /// Waits until the task is to end. Cancel safe; not to be called again once it has been answered.
    pub(crate) async fn requested(&mut self) -> StopRequest {
        (&mut self.0).await.unwrap_or_default()
    }
}
