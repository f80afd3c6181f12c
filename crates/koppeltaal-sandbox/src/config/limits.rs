//! [`Limits`]: bounds of what a sandbox takes and keeps.

use std::time::Duration;

/// Bounds of what a sandbox takes and keeps.
///
/// A queue that is full forgets its oldest processed message for each new one; when none is processed, its oldest
/// waiting message. So one application that never looks into its queue cannot stop the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Length of a request's body in bytes. Default 16 MiB.
    pub body_bytes: usize,
    /// Messages in one queue, processed ones included. Default 100,000.
    pub queue_messages: usize,
    /// Size of the messages in one queue, in bytes as they were posted. Default 256 MiB.
    pub queue_bytes: usize,
    /// Resources with a version in one domain; a message with more new ones than fit is refused. Default 1,000,000.
    pub resources: usize,
    /// Activity definitions in one domain, archived ones included. Default 10,000.
    pub definitions: usize,
    /// Items of the storage service in one domain. Default 100,000.
    pub storage_items: usize,
    /// Size of these in bytes of base64. Default 256 MiB.
    pub storage_bytes: usize,
    /// Connections to the hub that are remembered. Default 10,000.
    pub hub_connections: usize,
    /// Connections at a time; more wait until one ends. Default 4,096.
    pub connections: usize,
    /// How long a client may take to send the header of a request, and then its body; and how long it may take nothing of
    /// what is sent to it. Default 30 seconds each.
    pub request_time: Duration,
    /// How long [`Sandbox::stop`](crate::Sandbox::stop) waits for the requests under way. Default 5 seconds.
    pub stop_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 16 << 20,
            queue_messages: 100_000,
            queue_bytes: 256 << 20,
            resources: 1_000_000,
            definitions: 10_000,
            storage_items: 100_000,
            storage_bytes: 256 << 20,
            hub_connections: 10_000,
            connections: 4096,
            request_time: Duration::from_secs(30),
            stop_time: Duration::from_secs(5),
        }
    }
}
