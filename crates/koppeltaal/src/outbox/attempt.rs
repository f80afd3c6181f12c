//! One attempt to send a message that was taken from the outbox: ask for it if it may have been posted before, fill in
//! versions, post, keep the versions that come back, and decide what the result means.

use std::time::Duration;

use koppeltaal_fhir::Bundle;
use koppeltaal_messaging::ResourceUrl;
use koppeltaal_transport::Error;
use tracing::error;

use super::entry::OutboxFault;
use super::store::Claimed;
use crate::causes::causes;
use crate::connector::{CONFLICT_HELP, Connector, Prepared};
use crate::versions::VersionStoreError;

/// How often to wait for the versions of resources that stand beside the one a message is about.
const MOVING_ATTEMPTS: u32 = 4;

/// What an attempt means for the message.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The server has it.
    Sent,
    /// Trouble that may pass. `posted`: the server may have it.
    Later { posted: bool, scope: Scope, wait: Option<Duration>, fault: OutboxFault },
    /// Trouble that will not pass by itself.
    Refused(OutboxFault),
    /// It is not known whether the server has it, and too early to ask again before this.
    Open(Duration),
}

/// Whom trouble concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// This message.
    Message,
    /// All messages: the server is not there, or does not know us.
    Server,
}

/// What is needed to find out about a message that may have been posted before.
pub(super) enum Earlier {
    /// It was never posted.
    No,
    /// The server has it, with these versions.
    Accepted(Vec<ResourceUrl>),
    /// The server does not have it, and never will unless it is posted again.
    Lost,
    /// The server does not have it, but may still be at work with it for so long.
    Open(Duration),
}

/// Looks for a message that may have been posted before.
pub(super) async fn look_up(
    connector: &Connector,
    claimed: &Claimed,
    prepared: &Prepared,
    settle_time: Duration,
) -> Result<Earlier, Error> {
    let Some(since) = claimed.posted else { return Ok(Earlier::No) };
    Ok(match connector.look_up(prepared).await? {
        Some(versions) => Earlier::Accepted(versions),
        None if since < settle_time => Earlier::Open(settle_time.saturating_sub(since)),
        None => Earlier::Lost,
    })
}

/// What it means that a message could not be looked up: whatever the reason, it may be at the server.
pub(super) fn not_looked_up(error: &Error) -> Verdict {
    match of_error(error, false) {
        Verdict::Later { scope, wait, fault, .. } => Verdict::Later { posted: true, scope, wait, fault },
        Verdict::Refused(fault) => Verdict::Later { posted: true, scope: Scope::Message, wait: None, fault },
        other => other,
    }
}

/// Posts a message with the versions that are known now.
pub(super) async fn post(
    connector: &Connector,
    prepared: &Prepared,
    attempts: u32,
    limit: Duration,
) -> Verdict {
    let bundle = match connector.fill_versions(prepared).await {
        Ok(bundle) => bundle,
        // What is stored of a resource is no version: that concerns this message, and somebody has to mend it.
        Err(error) if error.is_final() => return Verdict::Refused(version_store_fault(&error)),
        Err(error) => return of_version_store(&error, false),
    };
    match tokio::time::timeout(limit, connector.post(&bundle, prepared)).await {
        Ok(Ok(sent)) => keep(connector, &sent.versions).await,
        Ok(Err(error)) => {
            let moved = match &error {
                Error::Conflict { resources, .. } => {
                    have_moved(connector, prepared, &bundle, resources).await
                        || may_be_moving(prepared, resources, attempts)
                }
                _ => false,
            };
            of_error(&error, moved)
        }
        Err(_) => of_error(&unanswered(limit), false),
    }
}

/// Keeps the versions of a message that the server has. As long as that does not succeed, the message does not count as
/// sent, since what is behind it needs them - unless the version store will never take them.
pub(super) async fn keep(connector: &Connector, versions: &[ResourceUrl]) -> Verdict {
    match connector.record(versions).await {
        Ok(()) => Verdict::Sent,
        Err(error) if error.is_final() => {
            let error = causes(&error);
            error!(
                error,
                "the version store will never take the new versions; the next change is a conflict"
            );
            Verdict::Sent
        }
        Err(error) => of_version_store(&error, true),
    }
}

/// Whether other versions of all these resources are known now than those that were filled in: somebody in this
/// application, another dispatcher for instance, was faster. Then the message is as good as before with the new versions.
async fn have_moved(
    connector: &Connector,
    prepared: &Prepared,
    posted: &Bundle,
    resources: &[ResourceUrl],
) -> bool {
    let Ok(known) = connector.versions().versions(connector.sender().domain(), resources).await else {
        return false;
    };
    let has = |bundle: &Bundle, link: &str| bundle.entry.iter().any(|entry| entry.link("self") == Some(link));
    let has_moved = |url: &ResourceUrl| {
        // One that the application insists on has its version from the start.
        has(prepared.bundle(), url.versionless()) && !has(posted, url.as_str())
    };
    !known.is_empty() && known.iter().all(|url| url.as_ref().is_some_and(has_moved))
}

/// Whether the conflict is about other resources than the one that the message is about. Another message of this outbox
/// may be changing those right now, since only messages about one resource wait for each other; then their new versions
/// are known soon.
fn may_be_moving(prepared: &Prepared, resources: &[ResourceUrl], attempts: u32) -> bool {
    let links = || prepared.bundle().entry.iter().filter_map(|entry| entry.link("self"));
    let is_beside = |url: &ResourceUrl| {
        !url.same_resource(prepared.focal()) && links().any(|link| link == url.versionless())
    };
    attempts <= MOVING_ATTEMPTS && !resources.is_empty() && resources.iter().all(is_beside)
}

fn unanswered(limit: Duration) -> Error {
    Error::UnknownOutcome { message_identifier: None, source: Box::new(Error::Timeout { limit }) }
}

fn of_version_store(error: &VersionStoreError, posted: bool) -> Verdict {
    Verdict::Later { posted, scope: Scope::Server, wait: None, fault: version_store_fault(error) }
}

fn version_store_fault(error: &VersionStoreError) -> OutboxFault {
    OutboxFault::new("version-store", &causes(error), None)
}

/// What an error of the transport means. `moved`: a conflict that new versions resolve.
pub(super) fn of_error(error: &Error, moved: bool) -> Verdict {
    let posted = error.is_outcome_unknown();
    let mut text = causes(error);
    if matches!(error, Error::Conflict { .. }) && !moved {
        text = format!("{text}; {CONFLICT_HELP}, then `Outbox::retry`");
    }
    let fault = OutboxFault::new(error.kind(), &text, detail(error).as_deref());
    let scope = match error {
        Error::Conflict { .. } if moved => Scope::Message,
        Error::Conflict { .. } | Error::Rejected { .. } | Error::NotAMessage | Error::Unwritable(_) => {
            return Verdict::Refused(fault);
        }
        Error::Authentication { .. }
        | Error::NotFound { .. }
        | Error::RateLimited { .. }
        | Error::Unavailable { .. }
        | Error::Unreachable { .. }
        | Error::OAuth { .. }
        | Error::TokenRefresh { .. }
        | Error::NoRefreshToken => Scope::Server,
        // A server that is down, or the page of a proxy in front of it.
        Error::UnknownOutcome { source, .. } if matches!(**source, Error::Unavailable { .. }) => {
            Scope::Server
        }
        _ => Scope::Message,
    };
    Verdict::Later { posted, scope, wait: error.retry_after(), fault }
}

/// What the server said, a line for each issue, and the resources in conflict.
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
    fn a_conflict_about_what_stands_beside_the_focal_resource_is_tried_again_a_few_times() {
        let message = include_str!("../../../../fixtures/messages/CreateOrUpdateCarePlan-minimal.json");
        let prepared = Prepared::from_json(message).expect("a message");
        let links = prepared.bundle().entry.iter().filter_map(|entry| entry.link("self"));
        let urls = links.map(|link| link.parse().expect("a URL"));
        let (focal, beside): (Vec<ResourceUrl>, Vec<ResourceUrl>) =
            urls.partition(|url: &ResourceUrl| url.same_resource(prepared.focal()));
        assert!(!focal.is_empty() && !beside.is_empty());
        assert!(may_be_moving(&prepared, &beside, MOVING_ATTEMPTS));
        assert!(!may_be_moving(&prepared, &beside, MOVING_ATTEMPTS + 1));
        assert!(!may_be_moving(&prepared, &focal, 1));
        assert!(!may_be_moving(&prepared, &[], 1));
    }
}
