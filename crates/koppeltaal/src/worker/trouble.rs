//! [`Trouble`]: what went wrong while a worker ran.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use koppeltaal_transport::Error as TransportError;

use crate::receive::{ReceiveError, Received};

/// What went wrong while a worker ran. The worker goes on.
///
/// `Display` is made for logs: it names events and identifiers of messages and nothing that is in them, except for what the
/// application's own errors say in [`Later`](Self::Later).
#[derive(Debug)]
#[non_exhaustive]
pub enum Trouble<'a> {
    /// Nothing could be received. It is tried again after a pause.
    Receive(&'a ReceiveError),
    /// A message is permanently wrong, or was not expected.
    Failed {
        /// The message.
        received: &'a Received,
        /// What the server was told.
        reason: &'a str,
    },
    /// A message could not be handled now. It is kept back for a while and then given back, to come again.
    Later {
        /// The message.
        received: &'a Received,
        /// What the handler says.
        error: &'a (dyn Error + Send + Sync),
        /// How often this worker has tried.
        attempt: u32,
        /// How long it is kept back.
        pause: Duration,
    },
    /// A handler panicked. The message is treated as after [`Later`](Self::Later).
    Panicked {
        /// The message.
        received: &'a Received,
        /// How often this worker has tried.
        attempt: u32,
        /// How long it is kept back.
        pause: Duration,
    },
    /// What became of a message could not be told for certain. It may come again.
    Unanswered {
        /// The message.
        received: &'a Received,
        /// What stood in the way.
        error: &'a TransportError,
    },
}

impl fmt::Display for Trouble<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Receive(error) => write!(f, "{error}"),
            Self::Failed { received, .. } => write!(f, "{} is permanently wrong", Name(received)),
            Self::Later { received, error, attempt, pause } => {
                write!(f, "{} cannot be handled now: {error}; {}", Name(received), Attempt(*attempt, *pause))
            }
            Self::Panicked { received, attempt, pause } => {
                write!(f, "the handler of {} panicked; {}", Name(received), Attempt(*attempt, *pause))
            }
            Self::Unanswered { received, error } => {
                write!(f, "{} may come again, since it could not be answered: {error}", Name(received))
            }
        }
    }
}

struct Name<'a>(&'a Received);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = self.0.event().map_or("unknown event", |event| event.code());
        write!(f, "message {} ({event})", self.0.identifier().unwrap_or("without identifier"))
    }
}

struct Attempt(u32, Duration);

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempt {}, given back in {} s", self.0, self.1.as_secs_f32())
    }
}
