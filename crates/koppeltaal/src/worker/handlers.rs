//! [`Handlers`]: the application's handler for each event, and the errors that handlers return.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use koppeltaal_messaging::{Event, Focal};

use crate::receive::ReceivedMessage;

/// Why a handler did not process a message. It decides how the message is answered: see
/// [`Acknowledgement`](koppeltaal_messaging::Acknowledgement).
///
/// `?` turns every other error into [`Release`](Self::Release).
pub enum HandlerError {
    /// The message is permanently wrong. It gets the status `Failed` with this description and does not come
    /// again.
    ///
    /// People at the server see the description: it must not contain data of patients.
    Failure(String),
    /// The message cannot be processed now, because a database is down, for instance. After a pause it gets
    /// the status `New` and comes again.
    Release(Box<dyn Error + Send + Sync>),
}

impl HandlerError {
    /// The message is permanently wrong, for this reason.
    pub fn failure(reason: impl Into<String>) -> Self {
        Self::Failure(reason.into())
    }

    /// The message cannot be processed now, because of this error.
    pub fn release(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Release(error.into())
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self::Release(Box::new(error))
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failure(reason) => f.debug_tuple("Failure").field(reason).finish(),
            Self::Release(error) => f.debug_tuple("Release").field(error).finish(),
        }
    }
}

type HandlerFuture = BoxFuture<'static, Result<(), HandlerError>>;
type Handler = Arc<dyn Fn(ReceivedMessage) -> HandlerFuture + Send + Sync>;

/// The description that a message gets when it has no handler.
const NOT_EXPECTED: &str = "Event not expected";

/// The handler of each event.
#[derive(Clone, Default)]
pub(super) struct Handlers {
    typed: HashMap<Event, Handler>,
    others: Option<Handler>,
}

impl Handlers {
    pub(super) fn insert<P, F, R>(&mut self, handler: F)
    where
        P: Focal + Send + 'static,
        F: Fn(P, ReceivedMessage) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        let typed = move |received: ReceivedMessage| -> HandlerFuture {
            match received.get::<P>() {
                Some(focal) => Box::pin(handler(focal, received)),
                None => {
                    let reason = format!("The resource does not match the profile of a {}", P::NAME);
                    Box::pin(std::future::ready(Err(HandlerError::Failure(reason))))
                }
            }
        };
        self.typed.insert(P::EVENT, Arc::new(typed));
    }

    pub(super) fn insert_others<F, R>(&mut self, handler: F)
    where
        F: Fn(ReceivedMessage) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        self.others = Some(Arc::new(move |received| -> HandlerFuture { Box::pin(handler(received)) }));
    }

    /// The events that have a handler, in the standard's order.
    pub(super) fn events(&self) -> Vec<Event> {
        Event::ALL.into_iter().filter(|event| self.typed.contains_key(event)).collect()
    }

    pub(super) fn has_others(&self) -> bool {
        self.others.is_some()
    }

    fn get(&self, received: &ReceivedMessage) -> Option<&Handler> {
        let typed = received.event().and_then(|event| self.typed.get(&event));
        typed.or(self.others.as_ref())
    }

    /// Whether there is a handler for this message: what a replay of dead letters asks.
    #[cfg(any(feature = "sqlite", feature = "postgresql"))]
    pub(super) fn has_for(&self, received: &ReceivedMessage) -> bool {
        self.get(received).is_some()
    }

    pub(super) async fn handle(&self, received: ReceivedMessage) -> Result<(), HandlerError> {
        match self.get(&received) {
            Some(handler) => handler(received).await,
            None => Err(HandlerError::failure(NOT_EXPECTED)),
        }
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers")
            .field("events", &self.events())
            .field("others", &self.others.is_some())
            .finish()
    }
}
