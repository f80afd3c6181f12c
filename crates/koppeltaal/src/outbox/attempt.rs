//! One attempt to send a claimed message of the outbox. The server is asked for the message if it may have
//! been posted before; otherwise the versions are filled in, the message is posted, and the versions that
//! come back are recorded. A [`Failure`] says which messages it concerns.

use std::time::Duration;

use koppeltaal_messaging::{Message, ResourceUrl};
use koppeltaal_transport::{Error, StatusCode};
use tracing::error;

use super::entry::LastError;
use super::store::ClaimedEntry;
use crate::causes::{causes, causes_and_advice};
use crate::connector::{CONFLICT_HELP, Connector, PreparedMessage};
use crate::versions::VersionStoreError;

/// How many attempts a message gets while other messages may change the related resources in it.
const MOVING_ATTEMPTS: u32 = 4;

/// Why a message was not sent.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    /// Whether the server may have the message all the same.
    pub(super) posted: bool,
    /// How long to wait at least before the next attempt.
    pub(super) wait: Duration,
    pub(super) error: LastError,
}

/// Which messages a failure concerns, and so what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// This message, and another attempt does not help: the application has to decide.
    Permanent,
    /// Probably this message only: the server may accept others.
    Message,
    /// The versions in this message: newer ones are known, or will be soon.
    Versions,
    /// All messages: the server is not available, refuses the credentials, or versions cannot be recorded.
    Server,
    /// None: the server does not have the message, but may still be processing it.
    Pending,
}

impl Failure {
    pub(super) fn new(kind: FailureKind, posted: bool, error: LastError) -> Self {
        Self { kind, posted, wait: Duration::ZERO, error }
    }

    /// The failure for an error of the transport.
    pub(super) fn from_transport(error: &Error) -> Self {
        let text = match error {
            Error::Conflict { .. } => format!("{}; {CONFLICT_HELP}, then `Outbox::retry`", causes(error)),
            _ => causes_and_advice(error),
        };
        Self {
            kind: kind_of(error),
            posted: error.is_outcome_unknown(),
            wait: error.retry_after().unwrap_or_default(),
            error: LastError::new(error.kind(), &text, detail(error).as_deref()),
        }
    }

    /// The failure for an error of a look-up. Whatever the error is, the server may have the message.
    fn from_look_up(error: &Error) -> Self {
        let failure = Self::from_transport(error);
        let kind = if failure.kind == FailureKind::Permanent { FailureKind::Message } else { failure.kind };
        Self { kind, posted: true, ..failure }
    }

    fn from_version_store(error: &VersionStoreError, kind: FailureKind, posted: bool) -> Self {
        Self::new(kind, posted, LastError::new("version-store", &causes(error), None))
    }
}

/// Asks the server for a message that may have been posted before. Returns the versions in it, `None` if it
/// has to be posted.
pub(super) async fn look_up(
    connector: &Connector,
    entry: &ClaimedEntry,
    prepared: &PreparedMessage,
    settle_time: Duration,
) -> Result<Option<Vec<ResourceUrl>>, Failure> {
    let Some(since) = entry.posted else { return Ok(None) };
    let found = connector.look_up(prepared).await.map_err(|error| Failure::from_look_up(&error))?;
    if found.is_none() && since < settle_time {
        let text = "the message was posted, but whether the server has it is not known yet";
        let error = LastError::new("unknown-outcome", text, None);
        let wait = settle_time.saturating_sub(since);
        return Err(Failure { wait, ..Failure::new(FailureKind::Pending, true, error) });
    }
    Ok(found)
}

/// Posts a message with the versions that are known now.
pub(super) async fn post(
    connector: &Connector,
    prepared: &PreparedMessage,
    attempts: u32,
    limit: Duration,
) -> Result<(), Failure> {
    let message = connector.fill_versions(prepared).await.map_err(|error| {
        // A stored version is damaged: that concerns only this message, and somebody has to repair it.
        let kind = if error.is_permanent() { FailureKind::Permanent } else { FailureKind::Server };
        Failure::from_version_store(&error, kind, false)
    })?;
    let error = match tokio::time::timeout(limit, connector.post(message.clone(), prepared)).await {
        Ok(Ok(sent)) => return record(connector, &sent.versions).await,
        Ok(Err(error)) => error,
        Err(_) => {
            Error::UnknownOutcome { message_identifier: None, source: Box::new(Error::Timeout { limit }) }
        }
    };
    let failure = Failure::from_transport(&error);
    if let Error::Conflict { resources, .. } = &error
        && (have_moved(connector, prepared, &message, resources).await
            || may_be_moving(prepared, resources, attempts))
    {
        let error = LastError { text: causes(&error), ..failure.error };
        return Err(Failure { kind: FailureKind::Versions, error, ..failure });
    }
    Err(failure)
}

/// Records the versions of a message that the server has. The message counts as sent only after that, because
/// later messages need the versions. It also counts as sent if the version store will never accept them.
pub(super) async fn record(connector: &Connector, versions: &[ResourceUrl]) -> Result<(), Failure> {
    match connector.record(versions).await {
        Ok(()) => Ok(()),
        Err(error) if error.is_permanent() => {
            let error = causes(&error);
            error!(
                error,
                "the version store will never accept the new versions; the next change is a conflict"
            );
            Ok(())
        }
        Err(error) => Err(Failure::from_version_store(&error, FailureKind::Server, true)),
    }
}

/// Whether the known versions of all these resources have changed since they were filled in: another part of
/// this application, such as another dispatcher, was faster. Then the message can be sent with the new
/// versions.
async fn have_moved(
    connector: &Connector,
    prepared: &PreparedMessage,
    posted: &Message,
    resources: &[ResourceUrl],
) -> bool {
    let Ok(known) = connector.versions().versions(connector.sender().domain(), resources).await else {
        return false;
    };
    let has_moved = |url: &ResourceUrl| {
        // A version that the application insists on is in the message from the start.
        is_free(prepared, url) && !posted.entries().any(|entry| entry.url() == Some(url))
    };
    !known.is_empty() && known.iter().all(|url| url.as_ref().is_some_and(has_moved))
}

/// Whether the conflict is about related resources only. Another message of this outbox may be changing them
/// right now, because only messages about one resource wait for each other. Then their new versions are known
/// soon.
fn may_be_moving(prepared: &PreparedMessage, resources: &[ResourceUrl], attempts: u32) -> bool {
    let is_related = |url: &ResourceUrl| !url.same_resource(prepared.focal()) && is_free(prepared, url);
    attempts <= MOVING_ATTEMPTS && !resources.is_empty() && resources.iter().all(is_related)
}

/// Whether the message holds the resource, and the application does not insist on a version of it.
fn is_free(prepared: &PreparedMessage, resource: &ResourceUrl) -> bool {
    let mut urls = prepared.message().entries().filter_map(|entry| entry.url());
    urls.any(|url| url.same_resource(resource) && url.version().is_none())
}

fn kind_of(error: &Error) -> FailureKind {
    match error {
        Error::Conflict { .. } | Error::Rejected { .. } | Error::NotAMessage | Error::Unwritable(_) => {
            FailureKind::Permanent
        }
        Error::Authentication { .. }
        | Error::NotFound { .. }
        | Error::RateLimited { .. }
        | Error::Unreachable { .. }
        | Error::OAuth { .. }
        | Error::TokenRefresh { .. }
        | Error::NoRefreshToken => FailureKind::Server,
        Error::Unavailable { .. } if !is_about_the_message(error) => FailureKind::Server,
        Error::UnknownOutcome { source, .. } if matches!(**source, Error::Unavailable { .. }) => {
            kind_of(source)
        }
        _ => FailureKind::Message,
    }
}

/// Whether the server itself says that it failed at the message. Statuses for a server that is not available
/// do not count: they may come from the proxy in front of it.
fn is_about_the_message(error: &Error) -> bool {
    let Error::Unavailable { status, outcome, .. } = error else { return false };
    let is_away = [
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::BAD_GATEWAY,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::GATEWAY_TIMEOUT,
    ];
    // With a success status, the outcome is the reply to the message.
    status.is_success() || outcome.is_some() && !is_away.contains(status)
}

/// The details of the server's outcome, a line for each issue, and the resources in conflict.
fn detail(error: &Error) -> Option<String> {
    let mut lines = Vec::new();
    if let Error::Conflict { resources, .. } = error {
        lines.extend(resources.iter().map(|url| format!("not the server's version: {url}")));
    }
    if let Some(outcome) = error.outcome() {
        lines.extend(outcome.issues().filter_map(|issue| issue.details));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_about_other_resources_than_the_focal_one_is_tried_again_a_few_times() {
        let message = include_str!("../../../../fixtures/messages/CreateOrUpdateCarePlan-minimal.json");
        let prepared = PreparedMessage::from_json(message).expect("a message");
        let urls = prepared.message().entries().filter_map(|entry| entry.url().cloned());
        let (focal, related): (Vec<ResourceUrl>, Vec<ResourceUrl>) =
            urls.partition(|url: &ResourceUrl| url.same_resource(prepared.focal()));
        assert!(!focal.is_empty() && !related.is_empty());
        assert!(may_be_moving(&prepared, &related, MOVING_ATTEMPTS));
        assert!(!may_be_moving(&prepared, &related, MOVING_ATTEMPTS + 1));
        assert!(!may_be_moving(&prepared, &focal, 1));
        assert!(!may_be_moving(&prepared, &[], 1));
    }

    #[test]
    fn an_error_that_does_not_come_from_processing_the_message_concerns_all_messages() {
        let unavailable = |status| Error::Unavailable { status, retry_after: None, outcome: None };
        let of_write = |error| Error::UnknownOutcome { message_identifier: None, source: Box::new(error) };
        assert_eq!(kind_of(&unavailable(StatusCode::SERVICE_UNAVAILABLE)), FailureKind::Server);
        assert_eq!(kind_of(&of_write(unavailable(StatusCode::BAD_GATEWAY))), FailureKind::Server);
        // A reply with the code `transient-error`.
        assert_eq!(kind_of(&unavailable(StatusCode::OK)), FailureKind::Message);
        let limit = Duration::from_secs(1);
        assert_eq!(kind_of(&of_write(Error::Timeout { limit })), FailureKind::Message);
    }
}
