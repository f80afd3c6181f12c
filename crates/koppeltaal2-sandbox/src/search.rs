//! Searches as data: the parameters of each type, the values they find in a resource, and queries of them.

mod matching;
pub(crate) mod parameters;
pub(crate) mod path;
pub(crate) mod query;
pub(crate) mod span;
pub(crate) mod values;
