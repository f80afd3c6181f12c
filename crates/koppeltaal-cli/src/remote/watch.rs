//! `koppeltaal watch`: prints messages as they come into the queue, without claiming them.

use std::collections::HashSet;

use clap::Args;
use koppeltaal_messaging::ProcessingStatus;
use koppeltaal_transport::HeaderQuery;

use super::RemoteCommand;
use super::follow::FollowArguments;
use super::message::{Filter, Summary};
use crate::connection::Connection;
use crate::failure::Failure;

/// Print the messages that wait and those that come later, without claiming them, until Ctrl-C.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    filter: Filter,

    #[command(flatten)]
    follow: FollowArguments,
}

impl RemoteCommand for Watch {
    async fn run(self, connection: &Connection) -> Result<(), Failure> {
        let client = connection.connect()?.client;
        let query = HeaderQuery::default().status(ProcessingStatus::New).filter(self.filter.build());
        let follower = self.follow.start(&client)?;
        let mut before = HashSet::new();
        let look = async || {
            let mut waiting = HashSet::new();
            let mut headers = client.message_headers(&query);
            loop {
                let header = match headers.next().await {
                    Ok(Some(header)) => header,
                    Ok(None) => break,
                    Err(error) => {
                        // Messages that could not be listed now must not be printed again later.
                        before.extend(waiting);
                        return Err(error.into());
                    }
                };
                let url = header.url().map(|url| url.versionless().to_owned());
                if !url.as_ref().is_some_and(|url| before.contains(url)) {
                    connection.output.print(&Summary::of(&header))?;
                }
                waiting.extend(url);
            }
            before = waiting;
            Ok(false)
        };
        follower.run(look).await
    }
}
