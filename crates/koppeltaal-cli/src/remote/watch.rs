//! `koppeltaal watch`: prints messages as they come into the queue, without claiming them. By polling, for now: the hub
//! connection is to wake the same loop.

use std::collections::HashSet;
use std::time::Duration;

use clap::Args;
use koppeltaal_messaging::ProcessingStatus;
use koppeltaal_push::Notifications;
use koppeltaal_transport::HeaderQuery;

use super::message::{Filter, Summary};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::signals::StopSignals;

/// Print the messages that wait, and those that come, until Ctrl-C. Claims none.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    filter: Filter,

    /// How often to look, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    interval: u64,

    #[command(flatten)]
    pub(super) connection: Connection,
}

impl Watch {
    pub(super) async fn act(self) -> Result<(), Failure> {
        let client = self.connection.connect()?.client;
        let query = HeaderQuery::default().status(ProcessingStatus::New).filter(self.filter.build());
        let mut signals = StopSignals::listen()?;
        let mut notifications = Notifications::every(Duration::from_secs(self.interval));
        let mut before = HashSet::new();
        loop {
            tokio::select! {
                _ = notifications.wait() => {}
                stop = signals.next() => return Ok(stop?),
            }
            let mut waiting = HashSet::new();
            let mut headers = client.message_headers(&query);
            loop {
                let header = match headers.next().await {
                    Ok(Some(header)) => header,
                    Ok(None) => break,
                    Err(error) if error.is_retryable() => {
                        anstream::eprintln!("warning: {error}");
                        // What was not seen this time is not new the next time.
                        waiting.extend(before.drain());
                        break;
                    }
                    Err(error) => return Err(error.into()),
                };
                let url = header.url().map(|url| url.versionless().to_owned());
                if !url.as_ref().is_some_and(|url| before.contains(url)) {
                    self.connection.output.print(&Summary::of(&header))?;
                }
                waiting.extend(url);
            }
            before = waiting;
        }
    }
}
