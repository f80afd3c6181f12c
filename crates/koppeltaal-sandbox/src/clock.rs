//! Time in the sandbox. A [`Timestamp`] is a point in time, and a [`Version`] is the text of one. The
//! [`VersionClock`] gives each version out only once; each [`Step`] takes its versions from it.
//!
//! Nothing below the app asks the machine what time it is, except for the data file's table `set_aside`.

mod timestamp;
mod version;

pub(crate) use timestamp::Timestamp;
pub(crate) use version::{Step, Version, VersionClock};
