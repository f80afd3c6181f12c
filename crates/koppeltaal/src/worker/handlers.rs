//! [`Handlers`]: what an application does with the messages of each event, and what it may answer.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use koppeltaal_messaging::{Event, Focal};

use crate::receive::Received;

/// Why a handler did not process a message, and so what becomes of it.
///
/// Every other error becomes [`Later`](Self::Later) by `?`.
pub enum HandlerError {
    /// The message is permanently wrong: it gets the status `Failed` with this description and does not come again. The
    /// description is shown to people at the server: no data of patients in it.
    Failed(String),
    /// Trouble that will pass: a database that is down, for instance. The message gets the status `New` and comes again.
    Later(Box<dyn Error + Send + Sync>),
}

impl HandlerError {
    /// The message is permanently wrong, because of this.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::Failed(reason.into())
    }

    /// Trouble that will pass.
    pub fn later(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Later(error.into())
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self::Later(Box::new(error))
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(reason) => f.debug_tuple("Failed").field(reason).finish(),
            Self::Later(error) => f.debug_tuple("Later").field(error).finish(),
        }
    }
}

type Handling = BoxFuture<'static, Result<(), HandlerError>>;
type Handler = Arc<dyn Fn(Received) -> Handling + Send + Sync>;

/// The description that a message gets which nobody handles.
const NOT_EXPECTED: &str = "Event not expected";

/// The handlers by event.
#[derive(Clone, Default)]
pub(super) struct Handlers {
    typed: HashMap<Event, Handler>,
    others: Option<Handler>,
}

impl Handlers {
    pub(super) fn insert<P, F, R>(&mut self, handler: F)
    where
        P: Focal + Send + 'static,
        F: Fn(P, Received) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        let typed = move |received: Received| -> Handling {
            match received.get::<P>() {
                Some(focal) => Box::pin(handler(focal, received)),
                None => {
                    let reason = format!("The resource is not what the profile of a {} says", P::NAME);
                    Box::pin(std::future::ready(Err(HandlerError::Failed(reason))))
                }
            }
        };
        self.typed.insert(P::EVENT, Arc::new(typed));
    }

    pub(super) fn insert_others<F, R>(&mut self, handler: F)
    where
        F: Fn(Received) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        self.others = Some(Arc::new(move |received| -> Handling { Box::pin(handler(received)) }));
    }

    /// The events that have a handler, in the order of the standard's list.
    pub(super) fn events(&self) -> Vec<Event> {
        Event::ALL.into_iter().filter(|event| self.typed.contains_key(event)).collect()
    }

    pub(super) fn has_others(&self) -> bool {
        self.others.is_some()
    }

    pub(super) async fn handle(&self, received: Received) -> Result<(), HandlerError> {
        let typed = received.event().and_then(|event| self.typed.get(&event));
        match typed.or(self.others.as_ref()) {
            Some(handler) => handler(received).await,
            None => Err(HandlerError::failed(NOT_EXPECTED)),
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
