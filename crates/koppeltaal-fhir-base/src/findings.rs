//! What readers and validators report about content that departs from the standard.
//!
//! A [`Finding`] names a [`Rule`], a place and an expectation, so that an application can show it, count it
//! or decide on it. A tolerant read returns findings beside the value. A strict read turns the first one of
//! severity error into a [`ReadError`](crate::ReadError).
//!
//! [`Findings`] collects them, wherever they come from. A [`Report`] is the collector of a reader, which
//! knows places in a text and limits. Module `policy` has the findings that both readers and the check report
//! in the same words.

mod collector;
mod finding;
mod lines;
mod path;
mod policy;
mod report;
mod rule;

pub(crate) use collector::excerpt;
pub use collector::{FindingList, Findings, NewFinding};
pub use finding::{Finding, Position};
pub(crate) use lines::Lines;
pub(crate) use path::path_text;
pub use path::{ElementPath, PathSegment};
pub use report::{Failure, Report};
pub use rule::{Rule, Severity};
