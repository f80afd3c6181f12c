//! [`DispatchProblem`]: what a dispatcher tells the application when something goes wrong.

use std::fmt;
use std::time::Duration;

use crate::outbox::{LastError, OutboxError};

/// Something that went wrong while a dispatcher ran. The dispatcher goes on.
///
/// `Display` is made for logs. It names the event and the identifier of a message and shows none of its
/// content.
#[derive(Debug)]
#[non_exhaustive]
pub enum DispatchProblem<'a> {
    /// A message was refused, by the server or after too many failures. It waits for
    /// [`retry`](crate::Outbox::retry) or [`give_up`](crate::Outbox::give_up): alert somebody.
    Refused {
        /// The `MessageHeader.identifier`.
        identifier: &'a str,
        /// The code of the event.
        event: &'a str,
        /// Why.
        error: &'a LastError,
    },
    /// A message could not be sent now. It is tried again after a pause.
    Delayed {
        /// The `MessageHeader.identifier`.
        identifier: &'a str,
        /// The code of the event.
        event: &'a str,
        /// Why.
        error: &'a LastError,
        /// How long the pause is.
        pause: Duration,
    },
    /// More messages than [`warn_above`](crate::Dispatcher::warn_above) are neither sent nor given up.
    Backlog {
        /// How many there are in the dispatcher's domain.
        open: u64,
    },
    /// The outbox's database fails. The dispatcher tries again. No message is lost or sent twice because of
    /// it.
    Database(&'a OutboxError),
    /// The outbox's database will never accept the result of an attempt, because of a check or a trigger of
    /// the application, for instance. The message is left alone for an hour. Later messages about the same
    /// resource wait, all others do not. Alert somebody.
    NotSettled {
        /// The `MessageHeader.identifier`.
        identifier: &'a str,
        /// The code of the event.
        event: &'a str,
        /// What the database says.
        error: &'a OutboxError,
    },
}

impl fmt::Display for DispatchProblem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { identifier, event, error } => {
                write!(f, "message {identifier} ({event}) is refused: {error}")
            }
            Self::Delayed { identifier, event, error, pause } => {
                let seconds = pause.as_secs_f32();
                write!(
                    f,
                    "message {identifier} ({event}) is not sent yet: {error}; next attempt in {seconds} s"
                )
            }
            Self::Backlog { open } => write!(f, "{open} messages wait in the outbox"),
            Self::Database(error) => write!(f, "{error}"),
            Self::NotSettled { identifier, event, error } => {
                write!(f, "the result for message {identifier} ({event}) cannot be recorded: {error}")
            }
        }
    }
}
