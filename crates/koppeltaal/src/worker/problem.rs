//! [`WorkerProblem`]: what a worker tells the application when something goes wrong.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use koppeltaal_transport::Error as TransportError;

use crate::causes::{causes, causes_and_advice};
use crate::receive::{ReceiveError, ReceivedMessage};

/// Something that went wrong while a worker ran. The worker goes on.
///
/// `Display` is made for logs. It names the event and the identifier of a message and shows none of its
/// content. In [`Release`](Self::Release) it also shows the application's own error.
#[derive(Debug)]
#[non_exhaustive]
pub enum WorkerProblem<'a> {
    /// No message could be received. The worker tries again after a pause.
    Receive(&'a ReceiveError),
    /// A message is permanently wrong, was not expected, or is given up. It does not come again.
    Failure {
        /// The message.
        received: &'a ReceivedMessage,
        /// The description that the server gets.
        reason: &'a str,
    },
    /// A message could not be handled now. It is held back for a while and then given back, and comes again.
    Release {
        /// The message.
        received: &'a ReceivedMessage,
        /// The handler's error.
        error: &'a (dyn Error + Send + Sync),
        /// How often this worker has tried to handle it.
        attempt: u32,
        /// How long it is held back.
        pause: Duration,
    },
    /// A handler panicked. The message comes again, as after [`Release`](Self::Release).
    Panic {
        /// The message.
        received: &'a ReceivedMessage,
        /// How often this worker has tried to handle it.
        attempt: u32,
        /// How long it is held back.
        pause: Duration,
    },
    /// An answer may not have reached the server. The message may come again.
    Unanswered {
        /// The message. When it was held back before, only its header is left: its
        /// [`content`](ReceivedMessage::content) is unknown and its [`bundle`](ReceivedMessage::bundle) is
        /// empty.
        received: &'a ReceivedMessage,
        /// Why the answer is not certain.
        error: &'a TransportError,
    },
}

impl fmt::Display for WorkerProblem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Receive(error) => f.write_str(&causes(*error)),
            Self::Failure { received, .. } => {
                write!(f, "{} gets the status Failed and does not come again", Name(received))
            }
            Self::Release { received, error, attempt, pause } => {
                write!(f, "{} cannot be handled now: {error}; {}", Name(received), Attempt(*attempt, *pause))
            }
            Self::Panic { received, attempt, pause } => {
                write!(f, "the handler of {} panicked; {}", Name(received), Attempt(*attempt, *pause))
            }
            Self::Unanswered { received, error } => {
                write!(
                    f,
                    "{} may come again, since it could not be answered: {}",
                    Name(received),
                    causes_and_advice(error)
                )
            }
        }
    }
}

struct Name<'a>(&'a ReceivedMessage);

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
