//! [`ProcessingStatus`]: the status of a message in a receiver's queue, the steps it can take, and the
//! extension of the header that holds it.
//!
//! One table, [`TRANSITIONS`], has the steps. A connector consults it before it sends an acknowledgement, and
//! a server before it accepts one.

use std::fmt;
use std::str::FromStr;

use koppeltaal_fhir::Primitive;
use koppeltaal_fhir::datatypes::{Extension, ExtensionValue};
use koppeltaal_fhir::primitives::Instant;

use crate::generated::valuesets::ProcessingStatus;
use crate::log_text::code;
use crate::vocabulary::extension::message_header::{
    PROCESSING_STATUS, PROCESSING_STATUS_EXCEPTION, PROCESSING_STATUS_STATUS,
    PROCESSING_STATUS_STATUS_LAST_CHANGED,
};

/// What changes the status of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The receiver claims the message.
    Claim,
    /// The receiver reports the result while its claim holds.
    Acknowledgement,
    /// The receiver reports the result after its claim expired. That is valid as long as nobody else has
    /// claimed the message since, and the receiver did not give it back before.
    LateAcknowledgement,
    /// The claim expired without an acknowledgement. After the fifth time the message is not delivered again.
    Expiry,
    /// A newer version of the focal resource waits in the same queue. A claimed message is replaced when it
    /// is given back or its claim expires.
    Replacement,
    /// The server puts the message away.
    Archiving,
}

impl Cause {
    /// Whether the receiver changes the status, not the server.
    pub fn is_by_receiver(self) -> bool {
        matches!(self, Self::Claim | Self::Acknowledgement | Self::LateAcknowledgement)
    }
}

/// One step that a message can take. See [`TRANSITIONS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Transition {
    /// The status before.
    pub from: ProcessingStatus,
    /// What happens.
    pub cause: Cause,
    /// The status after.
    pub to: ProcessingStatus,
}

/// Makes the rows from a compact form: `status cause => next status`.
macro_rules! transitions {
    ($($from:ident $cause:ident => $($to:ident)|+;)*) => {
        &[$($(Transition {
            from: ProcessingStatus::$from,
            cause: Cause::$cause,
            to: ProcessingStatus::$to,
        },)+)*]
    };
}

/// Every step of the protocol, from the connector guide and the behaviour of deployed servers. The receiver
/// takes the steps `New -> Claimed -> Success | Failed | New`, the server all others.
pub static TRANSITIONS: &[Transition] = transitions! {
    New Claim => Claimed;
    New LateAcknowledgement => Success | Failed;
    New Replacement => ReplacedByNewVersion;
    Claimed Acknowledgement => Success | Failed | New;
    Claimed Expiry => New | MaximumRetriesExceeded;
    Claimed Replacement => ReplacedByNewVersion;
    ReplacedByNewVersion LateAcknowledgement => Success | Failed;
    MaximumRetriesExceeded LateAcknowledgement => Success | Failed;
    Success Archiving => Archived;
    Failed Archiving => Archived;
    ReplacedByNewVersion Archiving => Archived;
    MaximumRetriesExceeded Archiving => Archived;
};

impl ProcessingStatus {
    /// The statuses that can follow for this cause; none if the cause cannot occur.
    pub fn steps(self, cause: Cause) -> impl Iterator<Item = Self> {
        TRANSITIONS.iter().filter(move |step| step.from == self && step.cause == cause).map(|step| step.to)
    }

    /// Whether a message of this status can get the status `next` for this cause.
    pub fn can_become(self, next: Self, cause: Cause) -> bool {
        self.steps(cause).any(|to| to == next)
    }

    /// The next status.
    ///
    /// # Errors
    ///
    /// A step that the protocol does not have, such as `Success` back to `New`.
    pub fn step_to(self, next: Self, cause: Cause) -> Result<Self, IllegalTransition> {
        if self.can_become(next, cause) { Ok(next) } else { Err(IllegalTransition { from: self, to: next }) }
    }

    /// Whether the receiver still has to process the message: it is new or claimed.
    pub fn is_open(self) -> bool {
        matches!(self, Self::New | Self::Claimed)
    }
}

/// A step from one status to another that the protocol does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message cannot go from {from} to {to}")]
pub struct IllegalTransition {
    /// The status of the message.
    pub from: ProcessingStatus,
    /// The status that it was meant to get.
    pub to: ProcessingStatus,
}

/// A code that is not a processing status.
/// `Display` and `Debug` show it only if it looks like a code.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is not a processing status", code(.0))]
pub struct UnknownStatus(
    /// The code.
    pub String,
);

impl fmt::Debug for UnknownStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnknownStatus({self})")
    }
}

impl FromStr for ProcessingStatus {
    type Err = UnknownStatus;

    fn from_str(code: &str) -> Result<Self, UnknownStatus> {
        Self::from_code(code).ok_or_else(|| UnknownStatus(code.to_owned()))
    }
}

/// The result that a receiver reports for a message that it claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acknowledgement {
    /// The message is processed.
    Success,
    /// The content is wrong and stays wrong; the text says why. The text may be shown to people, so it must
    /// hold no data of patients.
    Failure(String),
    /// A temporary problem: the message goes back into the queue, with the status `New`.
    Release,
}

impl Acknowledgement {
    /// The status that the message gets.
    pub fn status(&self) -> ProcessingStatus {
        match self {
            Self::Success => ProcessingStatus::Success,
            Self::Failure(_) => ProcessingStatus::Failed,
            Self::Release => ProcessingStatus::New,
        }
    }
}

/// The `ProcessingStatus` extension of a header: status, time of the last change, and why processing failed.
///
/// A header keeps other parts of the extension until its status is replaced.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessingState {
    code: Option<String>,
    last_changed: Option<Instant>,
    exception: Option<String>,
}

impl ProcessingState {
    /// A status that the message got at this time.
    pub fn new(status: ProcessingStatus, last_changed: Instant) -> Self {
        Self { code: Some(status.code().to_owned()), last_changed: Some(last_changed), exception: None }
    }

    /// Adds a description of what went wrong. It may be shown to people, so it must hold no data of patients
    /// and no stack traces.
    #[must_use]
    pub fn with_exception(mut self, exception: impl Into<String>) -> Self {
        self.exception = Some(exception.into());
        self
    }

    /// The state after a receiver's acknowledgement at this time. A late acknowledgement is allowed, because
    /// only the server knows whether somebody else has claimed the message since. The same status again is
    /// allowed too: the receiver repeats it when a reply is lost.
    ///
    /// # Errors
    ///
    /// A step that no acknowledgement can cause, such as `Success` back to `New`.
    pub fn acknowledged(
        &self,
        acknowledgement: &Acknowledgement,
        at: Instant,
    ) -> Result<Self, IllegalTransition> {
        let to = acknowledgement.status();
        if let Some(from) = self.status().filter(|from| *from != to) {
            let causes = [Cause::Acknowledgement, Cause::LateAcknowledgement];
            if !causes.into_iter().any(|cause| from.can_become(to, cause)) {
                return Err(IllegalTransition { from, to });
            }
        }
        let state = Self::new(to, at);
        Ok(match acknowledgement {
            Acknowledgement::Failure(why) => state.with_exception(why.as_str()),
            Acknowledgement::Success | Acknowledgement::Release => state,
        })
    }

    /// The status, if there is one and it is listed.
    pub fn status(&self) -> Option<ProcessingStatus> {
        self.code.as_deref()?.parse().ok()
    }

    /// The code as it was read, listed or not.
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

    /// The extension. Its parts are in the order that deployed clients rely on: status, last changed,
    /// exception.
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

/// The text of a code, string or coding. Senders differ in which of them they write.
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
    use ProcessingStatus::{Archived, Claimed, Failed, MaximumRetriesExceeded, New, Success};

    use super::*;

    fn instant() -> Instant {
        "2023-03-31T09:31:00+00:00".parse().expect("an instant")
    }

    #[test]
    fn a_step_stands_in_the_table_once_and_leads_elsewhere() {
        for (index, step) in TRANSITIONS.iter().enumerate() {
            assert_ne!(step.from, step.to);
            assert!(!TRANSITIONS[index + 1..].contains(step), "{step:?}");
        }
    }

    #[test]
    fn messages_are_claimed_before_they_are_answered() {
        assert!(New.can_become(Claimed, Cause::Claim));
        assert!(Claimed.can_become(Success, Cause::Acknowledgement));
        assert!(Claimed.can_become(New, Cause::Acknowledgement));
        assert!(!New.can_become(Success, Cause::Acknowledgement));
    }

    #[test]
    fn a_late_answer_counts_until_it_is_given() {
        for expired in [New, ProcessingStatus::ReplacedByNewVersion, MaximumRetriesExceeded] {
            assert!(expired.can_become(Success, Cause::LateAcknowledgement), "{expired}");
            assert!(!expired.can_become(New, Cause::LateAcknowledgement), "{expired}");
        }
        assert_eq!(Success.steps(Cause::LateAcknowledgement).count(), 0);
    }

    #[test]
    fn what_is_done_is_only_archived() {
        for done in [Success, Failed, Archived] {
            let steps: Vec<_> = TRANSITIONS.iter().filter(|step| step.from == done).collect();
            assert!(
                steps.iter().all(|step| step.to == Archived && !step.cause.is_by_receiver()),
                "{steps:?}"
            );
        }
        let back = Success.step_to(New, Cause::Acknowledgement);
        assert_eq!(back, Err(IllegalTransition { from: Success, to: New }));
    }

    #[test]
    fn an_acknowledgement_is_refused_when_it_would_undo_another() {
        let state = |status| ProcessingState::new(status, instant());
        let answered = state(Success).acknowledged(&Acknowledgement::Release, instant());
        assert_eq!(answered, Err(IllegalTransition { from: Success, to: New }));
        assert_eq!(state(Success).acknowledged(&Acknowledgement::Success, instant()), Ok(state(Success)));
        let failed =
            state(Claimed).acknowledged(&Acknowledgement::Failure("No such activity".into()), instant());
        assert_eq!(failed, Ok(state(Failed).with_exception("No such activity")));
    }

    #[test]
    fn the_extension_has_its_parts_in_order() {
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
