//! [`Limits`]: bounds of what a sandbox takes and keeps.

use std::time::Duration;

/// Bounds of what a sandbox takes and keeps.
///
/// What a sandbox is asked to take beyond them it refuses with the status 503 and a `Retry-After`, as a whole: it never drops
/// what nobody processed. A queue that is full forgets its oldest processed messages for new ones; when there are none left,
/// messages for it are refused, for all who would get them. So an application that does not look into its queue stops those
/// that send to it, as it would stop them in the end if its messages got lost.
///
/// Bytes are those of memory, estimated while a message is read: what its structures take, and the length of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Length of a request's body in bytes. Default 16 MiB.
    pub body_bytes: usize,
    /// Messages in one queue, processed ones included; and posted messages that are remembered for one instance, of which
    /// the oldest are forgotten. Default 100,000.
    pub queue_messages: usize,
    /// What the messages in one queue take in memory, and those that are remembered for one instance, in bytes. A message in
    /// several queues counts in full in each, though it is in memory once: how full a queue is does not depend on what
    /// others do with theirs. Default 256 MiB.
    pub queue_bytes: usize,
    /// Resources with a version in one domain; a message with more new ones than fit is refused. Default 1,000,000.
    pub resources: usize,
    /// Activity definitions in one domain, archived ones included. Default 10,000.
    pub definitions: usize,
    /// What these take in memory, in bytes. Default 64 MiB.
    pub definition_bytes: usize,
    /// Items of the storage service in one domain. Default 100,000.
    pub storage_items: usize,
    /// What these take in memory, in bytes. Default 256 MiB.
    pub storage_bytes: usize,
    /// What launches, codes and tokens take in memory, in bytes. A fifth is for each of the five kinds, and each application
    /// has an equal part of it, in which its new ones push out its own that would expire first. Default 256 MiB.
    pub grant_bytes: usize,
    /// Length of the data file in bytes; besides it there is a log of a few MiB. For messages, definitions and
    /// items that would make it longer the oldest messages that all their receivers processed are forgotten, before
    /// [`queue_messages`](Self::queue_messages) and [`queue_bytes`](Self::queue_bytes) ask for it; when there are none,
    /// they are refused. For what is in it to be claimed and acknowledged, 4 MiB more may be used, and of these 1 MiB for
    /// launches and tokens. A file that is longer already grows no more. Default 64 GiB.
    pub data_bytes: u64,
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
            definition_bytes: 64 << 20,
            storage_items: 100_000,
            storage_bytes: 256 << 20,
            grant_bytes: 256 << 20,
            data_bytes: 64 << 30,
            hub_connections: 10_000,
            connections: 4096,
            request_time: Duration::from_secs(30),
            stop_time: Duration::from_secs(5),
        }
    }
}
