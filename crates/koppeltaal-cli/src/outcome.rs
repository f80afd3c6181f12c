//! [`Outcome`]: the exit codes of all commands.

use std::fmt::Display;

use crate::excerpt::visible;

/// How a command ended, as scripts see it. Wrong arguments also give 2; clap does that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// The command did what it was asked to do, and found nothing wrong.
    Success = 0,
    /// The answer is no: something is wrong with what the command looked at, or the server refused.
    Negative = 1,
    /// The command could not do its work: an input cannot be read, an output cannot be written, a server
    /// cannot be asked.
    Unusable = 2,
}

impl Outcome {
    /// Prints why the answer is no.
    pub(crate) fn negative(error: impl Display) -> Self {
        print(&error);
        Self::Negative
    }

    /// Prints why the command could not do its work.
    pub(crate) fn unusable(error: impl Display) -> Self {
        print(&error);
        Self::Unusable
    }
}

fn print(error: &dyn Display) {
    anstream::eprintln!("error: {}", visible(&error.to_string()));
}
