//! Time: [`Timestamp`]s, and the [`Version`]s that are made of them.

mod timestamp;
mod version;

pub(crate) use timestamp::Timestamp;
pub(crate) use version::{Step, Version, VersionClock};
