//! [`Limits`]: the bounds of what a sandbox takes and keeps.

use std::time::Duration;

use serde::Deserialize;

use super::seconds::seconds;

/// The bounds of what a sandbox takes and keeps.
///
/// A request for which there is no room is refused as a whole, with status 503 and `Retry-After`. A body that
/// is too long, or a message that is larger than a whole queue, gets 413, since trying again would not help.
/// A bound with another effect says so.
///
/// The sandbox never drops an unprocessed message. A full queue forgets its oldest processed messages for new
/// ones. When none of those is left, a message for that queue is refused, and then none of its receivers gets
/// it. So an application that ignores its queue holds up those that send to it.
///
/// Bytes are bytes of memory, except those of a body and of the data file. They are estimated while a message
/// is read: what its structures take, and the length of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// Length of a request's body in bytes. Default 16 MiB.
    pub body_bytes: usize,
    /// Messages in one queue, processed ones included. Also how many posted messages of one instance are
    /// remembered; the oldest are forgotten. Default 100,000.
    pub queue_messages: usize,
    /// Bytes that the messages in one queue take. Also the bound for the posted messages of one instance that
    /// are remembered. A message in several queues is in memory once, but counts in full in each of them, so
    /// how full a queue is does not depend on other queues. Default 256 MiB.
    pub queue_bytes: usize,
    /// Resources with a version in one domain. Default 1,000,000.
    pub resources: usize,
    /// Activity definitions in one domain, archived ones included. Default 10,000.
    pub definitions: usize,
    /// Bytes that the activity definitions of one domain take. Default 64 MiB.
    pub definition_bytes: usize,
    /// Items of the storage service in one domain. Default 100,000.
    pub storage_items: usize,
    /// Bytes that the items of one domain take. Default 256 MiB.
    pub storage_bytes: usize,
    /// Bytes that launches, activation codes, authorization codes, access tokens and refresh tokens take.
    /// Each of these five kinds may take a fifth of it, and each application an equal part of that. When its
    /// part is full, an application's new ones replace its own that expire first. Default 256 MiB.
    pub grant_bytes: usize,
    /// Length of the data file in bytes, without its log of a few MiB. To stay within it, the sandbox forgets
    /// messages that all their receivers have processed, the longest unchanged first, even when
    /// [`queue_messages`](Self::queue_messages) and [`queue_bytes`](Self::queue_bytes) would allow them. When
    /// no such message is left, new messages, definitions and items are refused. 4 MiB more may be used for
    /// everything else, so that messages can still be claimed and acknowledged; launches and tokens may use 1
    /// MiB of that. A file that is longer already does not grow. Default 64 GiB.
    pub data_bytes: u64,
    /// Connections to the hub, including lost ones that can still come back. Default 10,000.
    pub hub_connections: usize,
    /// Connections of clients at a time. Further ones wait until one ends. Default 4,096.
    pub connections: usize,
    /// How long a client may take to send the header of a request, to send its body, and to take more of an
    /// answer. A slower client gets 408, or its connection is cut. Default 30 seconds each.
    #[serde(deserialize_with = "seconds")]
    pub request_time: Duration,
    /// How long [`Sandbox::stop`](crate::Sandbox::stop) waits for the requests under way. Default 5 seconds.
    #[serde(deserialize_with = "seconds")]
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
