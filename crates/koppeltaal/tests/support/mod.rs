//! What several tests need.

#[cfg(feature = "postgresql")]
pub(crate) mod postgresql;
