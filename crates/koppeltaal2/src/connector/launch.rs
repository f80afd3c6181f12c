//! Launches at both ends: a portal sends a user into a module, a module receives the user (topic 7).

pub(crate) mod checks;
pub(crate) mod context;
pub(crate) mod failure;
pub(crate) mod launcher;
pub(crate) mod receiver;
