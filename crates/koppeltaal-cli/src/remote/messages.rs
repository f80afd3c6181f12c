//! `koppeltaal messages`: lists the messages in the queue, and saves them as files.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::pin::pin;

use clap::Args;
use futures_util::{StreamExt as _, TryStreamExt as _};
use koppeltaal_messaging::ProcessingStatus;
use koppeltaal_transport::HeaderQuery;

use super::RemoteCommand;
use super::message::{Filter, MessageFolder, Summary};
use crate::arguments::status;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::progress;

/// How many messages are fetched at the same time.
const CONCURRENCY: usize = 8;

/// List the messages in the application instance's queue, claimed or not, without claiming them.
#[derive(Debug, Args)]
pub(crate) struct Messages {
    #[command(flatten)]
    filter: Filter,

    /// Only messages with this processing status.
    #[arg(long, value_parser = status())]
    status: Option<ProcessingStatus>,

    /// List no more than this many.
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,

    /// Follow no more than this many pages of the server's list. It is an error if there are more.
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    max_pages: usize,

    /// Fetch each message and write it into this folder, as NUMBER.json or NUMBER.xml, or as NUMBER-2.json if
    /// another file has that name. Only the user may read the files.
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
}

impl RemoteCommand for Messages {
    async fn run(self, connection: &Connection) -> Result<(), Failure> {
        let client = connection.connect()?.client;
        let mut query = HeaderQuery::default().filter(self.filter.build());
        if let Some(status) = self.status {
            query = query.status(status);
        }
        if let Some(limit) = self.limit {
            query = query.limit(limit);
        }
        let output = connection.output;
        let mut headers = client.message_headers(&query).max_pages(self.max_pages);
        let Some(folder) = &self.save else {
            let mut is_empty = true;
            while let Some(header) = headers.next().await? {
                is_empty = false;
                output.print(&Summary::of(&header))?;
            }
            if is_empty {
                output.remark("no messages");
            }
            return Ok(());
        };
        let folder = MessageFolder::create(folder, client.format())?;
        let progress = progress::messages();
        // The list is read while messages are fetched, but never far ahead of them.
        let saved = headers.into_stream().map_err(Failure::from).map(|header| {
            let (client, folder) = (&client, &folder);
            async move {
                let header = header?;
                let id = header.url().map(|url| url.versionless().to_owned());
                let id = id.ok_or_else(|| Failure::Protocol("a message has no address"))?;
                let Some(message) = client.message(&id).await? else { return Ok(None) };
                let file = folder.save(&header, &message.bundle)?;
                Ok::<_, Failure>(Some((header, file)))
            }
        });
        let mut saved = pin!(saved.buffered(CONCURRENCY));
        let mut is_empty = true;
        while let Some(message) = saved.next().await {
            is_empty = false;
            progress.inc(1);
            // A message may have gone since it was listed. That is not a failure.
            let Some((header, file)) = message? else { continue };
            let mut summary = Summary::of(&header);
            summary.file = Some(file.display().to_string());
            // A person who watches the count does not want a thousand lines beside it.
            if progress.is_hidden() || !io::stdout().is_terminal() {
                progress.suspend(|| output.print(&summary))?;
            }
        }
        progress.finish();
        if is_empty {
            output.remark("no messages");
        }
        Ok(())
    }
}
