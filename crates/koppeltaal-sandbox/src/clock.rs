//! Time in the sandbox: a [`Timestamp`] says when, a [`Version`] is the text of a timestamp that was given
//! out once, and the [`VersionClock`] sees to that: each [`Step`] takes its versions from it.
//!
//! Nothing below the app asks the machine what time it is, except for the data file's table `set_aside`.

mod timestamp;
mod version;

pub(crate) use timestamp::Timestamp;
pub(crate) use version::{Step, Version, VersionClock};
