//! [`ProcessingStatus`]: what becomes of a message in a receiver's queue, and the extension that says so.

use std::fmt;
use std::str::FromStr;

use koppeltaal_fhir::Primitive;
use koppeltaal_fhir::datatypes::{Extension, ExtensionValue};
use koppeltaal_fhir::primitives::Instant;

use crate::vocabulary::extension::message_header::{
    PROCESSING_STATUS, PROCESSING_STATUS_EXCEPTION, PROCESSING_STATUS_STATUS,
    PROCESSING_STATUS_STATUS_LAST_CHANGED,
};

/// The status of one message in the queue of one application instance (Koppeltaal spec section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProcessingStatus {
    /// Waits to be claimed.
    New,
    /// Handed to the receiver, which has not answered yet.
    Claimed,
    /// Processed.
    Success,
    /// The receiver could not process it and never will.
    Failed,
    /// Nobody needs to process it: a newer version of its focal resource is in the queue.
    ReplacedByNewVersion,
    /// Claimed and not answered in time five times over.
    MaximumRetriesExceeded,
    /// Put away by the server. Old clients cannot read this code: a server does not show it to them.
    Archived,
}

use ProcessingStatus::{
    Archived, Claimed, Failed, MaximumRetriesExceeded, New, ReplacedByNewVersion, Success,
};

/// Each status, its code, and what it can become.
///
/// `Claimed` goes back to `New` when the receiver gives the message back or does not answer in time.
static TABLE: [(ProcessingStatus, &str, &[ProcessingStatus]); 7] = [
    (New, "New", &[Claimed, ReplacedByNewVersion]),
    (Claimed, "Claimed", &[Success, Failed, New, MaximumRetriesExceeded]),
    (Success, "Success", &[Archived]),
    (Failed, "Failed", &[Archived]),
    (ReplacedByNewVersion, "ReplacedByNewVersion", &[Archived]),
    (MaximumRetriesExceeded, "MaximumRetriesExceeded", &[Archived]),
    (Archived, "Archived", &[]),
];

impl ProcessingStatus {
    /// Every status.
    pub const ALL: [Self; 7] =
        [New, Claimed, Success, Failed, ReplacedByNewVersion, MaximumRetriesExceeded, Archived];

    /// The code on the wire.
    pub fn code(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// Whether the protocol lets a message of this status get `next` in one step. A status never becomes itself.
    pub fn can_become(self, next: Self) -> bool {
        TABLE[self as usize].2.contains(&next)
    }

    /// The next status.
    ///
    /// # Errors
    ///
    /// A step that the protocol does not have, such as `Success` back to `New`.
    pub fn become_next(self, next: Self) -> Result<Self, IllegalTransition> {
        if self.can_become(next) { Ok(next) } else { Err(IllegalTransition { from: self, to: next }) }
    }

    /// Whether a receiver still has something to do: the message is new or claimed.
    pub fn is_open(self) -> bool {
        matches!(self, New | Claimed)
    }
}

impl fmt::Display for ProcessingStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// A step from one status to another that the protocol does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message cannot go from {from} to {to}")]
pub struct IllegalTransition {
    /// The status of the message.
    pub from: ProcessingStatus,
    /// The status it was to get.
    pub to: ProcessingStatus,
}

/// A code that is no processing status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a processing status")]
pub struct UnknownStatus(
    /// The code.
    pub String,
);

impl FromStr for ProcessingStatus {
    type Err = UnknownStatus;

    fn from_str(code: &str) -> Result<Self, UnknownStatus> {
        TABLE.iter().find(|row| row.1 == code).map(|row| row.0).ok_or_else(|| UnknownStatus(code.to_owned()))
    }
}

/// The `ProcessingStatus` extension of a header: status, time of the last change, and why processing failed.
///
/// A view to read and to write; a header keeps parts of the extension that this does not know until it is set anew.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessingState {
    code: Option<String>,
    last_changed: Option<Instant>,
    exception: Option<String>,
}

impl ProcessingState {
    /// A status that was reached at this time.
    pub fn new(status: ProcessingStatus, last_changed: Instant) -> Self {
        Self { code: Some(status.code().to_owned()), last_changed: Some(last_changed), exception: None }
    }

    /// With a description of what went wrong. It may be shown to people: no data of patients, no stack traces.
    #[must_use]
    pub fn with_exception(mut self, exception: impl Into<String>) -> Self {
        self.exception = Some(exception.into());
        self
    }

    /// The status, if there is one and it is of the list.
    pub fn status(&self) -> Option<ProcessingStatus> {
        self.code.as_deref()?.parse().ok()
    }

    /// The code as it was on the wire, on the list or not.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// When the status last changed.
    pub fn last_changed(&self) -> Option<&Instant> {
        self.last_changed.as_ref()
    }

    /// Why processing failed.
    pub fn exception(&self) -> Option<&str> {
        self.exception.as_deref()
    }

    /// Reads the extension; `None` if it is another one.
    pub fn from_extension(extension: &Extension) -> Option<Self> {
        if extension.url != PROCESSING_STATUS {
            return None;
        }
        let part = |url: &str| extension.extension.iter().find(|part| part.url == url)?.value.as_ref();
        Some(Self {
            code: part(PROCESSING_STATUS_STATUS).and_then(text),
            last_changed: part(PROCESSING_STATUS_STATUS_LAST_CHANGED).and_then(instant),
            exception: part(PROCESSING_STATUS_EXCEPTION).and_then(text),
        })
    }

    /// The extension, its parts in the order that deployed clients rely on: status, last changed, exception
    /// (Koppeltaal spec section 14).
    pub fn to_extension(&self) -> Extension {
        let parts = [
            (PROCESSING_STATUS_STATUS, self.code.as_deref().map(|code| ExtensionValue::Code(code.into()))),
            (
                PROCESSING_STATUS_STATUS_LAST_CHANGED,
                self.last_changed.clone().map(|instant| ExtensionValue::Instant(Primitive::new(instant))),
            ),
            (
                PROCESSING_STATUS_EXCEPTION,
                self.exception.clone().map(|text| ExtensionValue::String(text.into())),
            ),
        ];
        let part = |(url, value): (&str, Option<ExtensionValue>)| {
            value.map(|value| Extension { url: url.to_owned(), value: Some(value), ..Extension::default() })
        };
        Extension {
            url: PROCESSING_STATUS.to_owned(),
            extension: parts.into_iter().filter_map(part).collect(),
            ..Extension::default()
        }
    }
}

/// Text of whichever of the textual types a sender chose.
fn text(value: &ExtensionValue) -> Option<String> {
    match value {
        ExtensionValue::Code(code) => code.as_str().map(str::to_owned),
        ExtensionValue::String(text) => text.as_str().map(str::to_owned),
        ExtensionValue::Coding(coding) => coding.code.as_str().map(str::to_owned),
        _ => None,
    }
}

fn instant(value: &ExtensionValue) -> Option<Instant> {
    match value {
        ExtensionValue::Instant(instant) => instant.value.clone(),
        ExtensionValue::DateTime(time) => time.text()?.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_statuses() {
        for status in ProcessingStatus::ALL {
            assert_eq!(TABLE[status as usize].0, status);
            assert_eq!(status.to_string().parse(), Ok(status));
        }
    }

    #[test]
    fn messages_are_claimed_before_they_are_answered() {
        assert!(New.can_become(Claimed));
        assert!(Claimed.can_become(Success));
        assert!(Claimed.can_become(New));
        assert!(!New.can_become(Success));
    }

    #[test]
    fn what_is_done_stays_done() {
        for done in ProcessingStatus::ALL.into_iter().filter(|status| !status.is_open()) {
            assert!(!done.can_become(New) && !done.can_become(Claimed), "{done}");
        }
        assert_eq!(Success.become_next(New), Err(IllegalTransition { from: Success, to: New }));
    }

    #[test]
    fn no_status_becomes_itself() {
        assert!(ProcessingStatus::ALL.into_iter().all(|status| !status.can_become(status)));
    }

    fn instant() -> Instant {
        "2023-03-31T09:31:00+00:00".parse().expect("an instant")
    }

    #[test]
    fn the_parts_stand_in_the_order_that_clients_rely_on() {
        let extension =
            ProcessingState::new(Failed, instant()).with_exception("Unknown activity").to_extension();
        let urls: Vec<_> = extension.extension.iter().map(|part| part.url.as_str()).collect();
        assert_eq!(
            urls,
            [PROCESSING_STATUS_STATUS, PROCESSING_STATUS_STATUS_LAST_CHANGED, PROCESSING_STATUS_EXCEPTION]
        );
    }

    #[test]
    fn the_extension_reads_back() {
        let state = ProcessingState::new(Failed, instant()).with_exception("Unknown activity");
        assert_eq!(ProcessingState::from_extension(&state.to_extension()), Some(state));
        assert_eq!(ProcessingState::from_extension(&Extension::default()), None);
    }

    #[test]
    fn a_code_of_a_later_version_is_kept() {
        let mut extension = ProcessingState::new(Failed, instant()).to_extension();
        extension.extension[0].value = Some(ExtensionValue::Code("Paused".into()));
        let state = ProcessingState::from_extension(&extension).expect("the extension");
        assert_eq!((state.code(), state.status()), (Some("Paused"), None));
        assert_eq!(state.to_extension(), extension);
    }
}
