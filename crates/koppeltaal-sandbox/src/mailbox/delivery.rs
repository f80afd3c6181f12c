//! [`Delivery`]: one message in the queue of one application instance, and the steps that its status can
//! take; and its record in the data file.

use std::sync::Arc;

use koppeltaal_messaging::{Cause, ProcessingStatus as Status};
use serde::{Deserialize, Serialize};

use super::message::Message;
use super::text;
use crate::clock::Timestamp;
use crate::clock::{Step, Version};
use crate::instance::InstanceId;
use crate::persistence::{DataFileError, Record, RecordError, RecordKind};
use crate::refusal::Refusal;

/// How often the claims of a message may expire: the fifth time makes it `MaximumRetriesExceeded`.
const MAXIMUM_EXPIRIES: u32 = 5;

/// How many earlier claims are remembered. An answer to an even earlier one counts as an answer to the last
/// claim.
const MAXIMUM_OVERTAKEN: usize = 100;

/// A message on its way to one application instance.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    /// The number in the header's URL: unique on the server, greater for later messages.
    pub(crate) number: u64,
    pub(crate) message: Arc<Message>,
    pub(crate) status: Status,
    /// When the status last changed.
    pub(crate) changed: Timestamp,
    /// Why processing failed.
    pub(crate) exception: Option<String>,
    /// The version of the header; every change of status gives a new one.
    pub(crate) version: Version,
    /// The last claim.
    claim: Option<Claim>,
    /// The header versions that were given out with earlier claims.
    pub(super) earlier_claims: Vec<Version>,
    expiries: u32,
}

/// What an earlier claim takes in memory: its version, and the entries for it.
pub(super) const CLAIM_BYTES: usize = 64;

/// The terms on which a queue grants a claim.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClaimTerms {
    /// When it runs out.
    pub(crate) deadline: Timestamp,
    /// Whether the queue has room for one more earlier claim. If not, the oldest one is forgotten for it.
    pub(crate) has_room: bool,
}

/// The claim of a message by its receiver.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Claim {
    /// The header version that was given out with it.
    version: Version,
    deadline: Timestamp,
    /// Whether the receiver gave the message back.
    is_given_back: bool,
}

/// What a receiver reports about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Acknowledgement {
    pub(crate) status: Status,
    /// Why processing failed; looked at when the status is Failed.
    pub(crate) exception: Option<String>,
    /// The version in the URL of the report, if it has one. It tells which claim is answered.
    pub(crate) header_version: Option<String>,
}

/// What an acknowledgement does to a delivery in its present status.
#[derive(Debug, Clone, Copy)]
enum Transition {
    Claim,
    Release,
    Finish,
    /// The delivery already has that status.
    Nothing,
}

impl Delivery {
    pub(crate) fn new(number: u64, message: Arc<Message>, step: &mut Step<'_>) -> Self {
        Self {
            number,
            message,
            status: Status::New,
            changed: step.now(),
            exception: None,
            version: step.version(),
            claim: None,
            earlier_claims: Vec::new(),
            expiries: 0,
        }
    }

    /// When the claim ends, for a message that is claimed.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        self.claim.as_ref().filter(|_| self.status == Status::Claimed).map(|claim| claim.deadline)
    }

    fn set(&mut self, status: Status, step: &mut Step<'_>) {
        self.status = status;
        self.changed = step.now();
        self.version = step.version();
    }

    /// New to Claimed.
    pub(crate) fn claim(&mut self, terms: ClaimTerms, step: &mut Step<'_>) {
        self.set(Status::Claimed, step);
        let remembered = if terms.has_room { MAXIMUM_OVERTAKEN } else { self.earlier_claims.len() };
        self.earlier_claims.extend(self.claim.take().map(|claim| claim.version));
        self.forget_earlier_claims(remembered);
        let deadline = terms.deadline;
        self.claim = Some(Claim { version: self.version.clone(), deadline, is_given_back: false });
    }

    /// Forgets all earlier claims but the last `remembered`.
    pub(super) fn forget_earlier_claims(&mut self, remembered: usize) {
        self.earlier_claims.drain(..self.earlier_claims.len().saturating_sub(remembered));
    }

    /// The header versions of its claims that are remembered, in their order. Their times are those of the
    /// claims.
    pub(crate) fn claims(&self) -> impl Iterator<Item = &Version> {
        self.earlier_claims.iter().chain(self.claim.as_ref().map(|claim| &claim.version))
    }

    /// Whether the receiver gave the message back after its last claim.
    pub(crate) fn is_given_back(&self) -> bool {
        self.claim.as_ref().is_some_and(|claim| claim.is_given_back)
    }

    /// Whether it is or was claimed.
    pub(super) fn was_claimed(&self) -> bool {
        self.claim.is_some()
    }

    /// What it takes in memory besides the message, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.exception.as_ref().map_or(0, String::len) + self.earlier_claims.len() * CLAIM_BYTES
    }

    /// New to `ReplacedByNewVersion`.
    pub(crate) fn replace(&mut self, step: &mut Step<'_>) {
        self.set(Status::ReplacedByNewVersion, step);
    }

    /// The claim was not answered in time: Claimed to New, or to `ReplacedByNewVersion` when a newer message
    /// about the same focal resource waits, or to `MaximumRetriesExceeded` for the fifth time. The claim can
    /// still be answered late.
    pub(crate) fn expire(&mut self, is_replaced: bool, step: &mut Step<'_>) {
        self.expiries += 1;
        if self.expiries >= MAXIMUM_EXPIRIES {
            self.set(Status::MaximumRetriesExceeded, step);
            self.exception = Some("Not acknowledged after five claims.".to_owned());
        } else {
            self.give_back(is_replaced, step);
        }
    }

    fn give_back(&mut self, is_replaced: bool, step: &mut Step<'_>) {
        self.set(if is_replaced { Status::ReplacedByNewVersion } else { Status::New }, step);
    }

    /// Carries out what a receiver reports. `terms` apply to a claim that the report makes; `is_replaced`
    /// says whether a newer message about the same focal resource waits.
    pub(crate) fn acknowledge(
        &mut self,
        report: &Acknowledgement,
        terms: ClaimTerms,
        is_replaced: bool,
        step: &mut Step<'_>,
    ) -> Result<(), Refusal> {
        let earlier_claims = |version: &Version| report.header_version.as_deref() == Some(version.as_str());
        if self.earlier_claims.iter().any(earlier_claims) {
            return Err(Refusal::rule("The message was claimed again after the claim that this answers."));
        }
        match self.transition(report.status)? {
            Transition::Claim => self.claim(terms, step),
            Transition::Release => {
                self.give_back(is_replaced, step);
                self.claim.iter_mut().for_each(|claim| claim.is_given_back = true);
            }
            Transition::Finish => {
                self.set(report.status, step);
                self.exception = report.exception.clone().filter(|_| report.status == Status::Failed);
            }
            Transition::Nothing => {}
        }
        Ok(())
    }

    /// The transition by the table of the protocol. A report that repeats the present status changes nothing:
    /// the answer to the first one may have got lost.
    fn transition(&self, to: Status) -> Result<Transition, Refusal> {
        let is_late = self.claim.as_ref().is_some_and(|claim| !claim.is_given_back);
        let late = is_late.then_some(Cause::LateAcknowledgement);
        let mut causes = [Cause::Claim, Cause::Acknowledgement].into_iter().chain(late);
        match causes.find(|cause| self.status.can_become(to, *cause)) {
            Some(Cause::Claim) => Ok(Transition::Claim),
            Some(_) if to == Status::New => Ok(Transition::Release),
            Some(_) => Ok(Transition::Finish),
            None if self.status == to => Ok(Transition::Nothing),
            // It was given back or expired, and a newer message replaced it.
            None if to == Status::New
                && self.status == Status::ReplacedByNewVersion
                && self.claim.is_some() =>
            {
                Ok(Transition::Nothing)
            }
            None => {
                let from = self.status;
                let details = format!("The processing status cannot go from {from} to {to}.");
                Err(Refusal::rule("The processing status cannot take this step.")
                    .expected(format!("a status that can follow {from}; {to} cannot"))
                    .details(details))
            }
        }
    }
}

/// A delivery in the data file.
#[derive(Serialize, Deserialize)]
pub(super) struct DeliveryRecord {
    pub(super) domain: String,
    pub(super) username: String,
    /// Its key.
    pub(super) message: u64,
    #[serde(with = "text::as_text")]
    status: Status,
    changed: Timestamp,
    exception: Option<String>,
    version: Version,
    claim: Option<Claim>,
    /// Older data files call it `overtaken`.
    #[serde(alias = "overtaken")]
    earlier_claims: Vec<Version>,
    expiries: u32,
    /// Missing in files of earlier versions.
    #[serde(default)]
    padding: String,
}

/// The bytes that status, claim and exception take together in the record of a delivery, padding included; a
/// longer exception adds to them. With the padding, only an exception or an earlier claim makes the record
/// longer, so a full data file has room for every other step.
const PADDED_BYTES: usize = 192;

impl DeliveryRecord {
    fn new(instance: &InstanceId, delivery: &Delivery) -> Result<Self, DataFileError> {
        let length = |text: serde_json::Result<String>| {
            text.map(|text| text.len()).map_err(|error| DataFileError::unwritable(&error))
        };
        let bytes = delivery.status.to_string().len()
            + length(serde_json::to_string(&delivery.claim))?
            + length(serde_json::to_string(&delivery.exception))?;
        Ok(Self {
            domain: instance.domain.to_string(),
            username: instance.username.to_string(),
            message: delivery.message.key,
            status: delivery.status,
            changed: delivery.changed,
            exception: delivery.exception.clone(),
            version: delivery.version.clone(),
            claim: delivery.claim.clone(),
            earlier_claims: delivery.earlier_claims.clone(),
            expiries: delivery.expiries,
            padding: " ".repeat(PADDED_BYTES.saturating_sub(bytes)),
        })
    }

    /// The delivery of this message under this number.
    pub(super) fn delivery(self, number: u64, message: Arc<Message>) -> Result<Delivery, RecordError> {
        if self.status == Status::Claimed && self.claim.is_none() {
            return Err(RecordError::new("it is claimed, without a claim"));
        }
        Ok(Delivery {
            number,
            message,
            status: self.status,
            changed: self.changed,
            exception: self.exception,
            version: self.version,
            claim: self.claim,
            earlier_claims: self.earlier_claims,
            expiries: self.expiries,
        })
    }
}

/// The record of a delivery, or of one that was removed.
pub(super) fn record(
    instance: &InstanceId,
    number: u64,
    delivery: Option<&Delivery>,
) -> Result<Record, DataFileError> {
    let saved = delivery.map(|delivery| DeliveryRecord::new(instance, delivery)).transpose()?;
    let record = Record::new(RecordKind::Delivery, &number, saved.as_ref())?;
    // The other half is for acknowledgements, after which the message may be forgotten.
    let is_open = delivery.is_some_and(|delivery| delivery.status.is_open());
    Ok(if is_open { record.with_half_the_reserve() } else { record })
}
