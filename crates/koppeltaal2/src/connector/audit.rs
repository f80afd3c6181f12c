//! AuditEvents that an application writes itself (topics 11, 12b and 12c): what they look like, and how they
//! are sent.

pub(crate) mod event;
pub(crate) mod log;
pub(crate) mod record;
