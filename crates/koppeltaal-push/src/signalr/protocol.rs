//! The wire protocol of classic ASP.NET SignalR 2.x without any I/O: the queries of requests, the content of
//! frames, and how long a silence may last.
//!
//! It follows the public repository SignalR/SignalR (tags 2.0.1 to 2.4.3). Most of it was also observed on
//! servers of versions 2.0.1, 2.2.2 and 2.4.3.

pub(crate) mod event_stream;
pub(crate) mod frame;
pub(crate) mod hub;
pub(crate) mod json;
pub(crate) mod keep_alive;
pub(crate) mod memory;
pub(crate) mod negotiate;
pub(crate) mod query;

use std::fmt;

/// How frames of the server reach the client. Names are SignalR's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// One WebSocket for both directions.
    WebSockets,
    /// One endless answer for frames of the server, a request for each call.
    ServerSentEvents,
    /// One held request after the other for frames of the server, a request for each call.
    LongPolling,
}

impl Transport {
    /// In the order in which an automatic start tries them.
    pub const ALL: [Self; 3] = [Self::WebSockets, Self::ServerSentEvents, Self::LongPolling];

    /// The value of the query parameter `transport`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WebSockets => "webSockets",
            Self::ServerSentEvents => "serverSentEvents",
            Self::LongPolling => "longPolling",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
