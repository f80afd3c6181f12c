//! [`HandlerCall`]: calls the handler for a message, within the time that it may take.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::timeout;

use super::Settings;
use super::handlers::{HandlerError, Handlers};
use crate::causes::causes;
use crate::receive::ReceivedMessage;

/// The handlers, with the time that they may take.
pub(super) struct HandlerCall {
    handlers: Arc<Handlers>,
    time_limit: Option<Duration>,
}

/// A handler reached [`Worker::time_limit`](super::Worker::time_limit).
#[derive(Debug, thiserror::Error)]
#[error("the handler took more than {} s", .0.as_secs_f32())]
struct HandlerTimeout(Duration);

impl HandlerCall {
    pub(super) fn new(settings: &Settings) -> Self {
        Self { handlers: Arc::clone(&settings.handlers), time_limit: settings.time_limit }
    }

    /// The handler's result; `None` if it panics.
    pub(super) async fn run(&self, received: ReceivedMessage) -> Option<Result<(), HandlerError>> {
        let handling = AssertUnwindSafe(self.handlers.handle(received)).catch_unwind();
        let Some(limit) = self.time_limit else { return handling.await.ok() };
        match timeout(limit, handling).await {
            Ok(handled) => handled.ok(),
            Err(_) => Some(Err(HandlerTimeout(limit).into())),
        }
    }
}

/// The text of a handler's error with its causes; without an error, the handler panicked. It may hold data of
/// patients.
pub(super) fn error_text(error: Option<&HandlerError>) -> String {
    match error {
        Some(HandlerError::Release(error)) => causes(&**error),
        Some(HandlerError::Failure(reason)) => reason.clone(),
        None => "the handler panicked".to_owned(),
    }
}
