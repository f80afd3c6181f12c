//! Time: [`Moment`]s, and the [`Version`]s that are made of them.

mod timestamp;
mod version;

pub(crate) use timestamp::Moment;
pub(crate) use version::{Tick, Version, VersionClock};
