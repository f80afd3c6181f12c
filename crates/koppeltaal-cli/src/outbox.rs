//! `koppeltaal outbox`: shows the messages that an application has handed over and the server does not have
//! yet, and lets an operator retry them or give them up.

mod advice;
mod entry;
mod time;
mod watch;

use std::io::{self, Write as _};
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, value_parser};
use koppeltaal::{Outbox, OutboxFilter, OutboxState};
use koppeltaal_messaging::Event;
use tokio::runtime::Runtime;

use crate::arguments::event;
use crate::database::DatabaseArgument;
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::output::{Output, plural};
use advice::{advice, overview};
use entry::{Count, Details, EntryLine};

/// See and settle what an application has handed over and the server does not have yet.
///
/// The outbox is in the application's own database, which may be in use. `list` shows what is open, `show`
/// why a message is not sent and what to do; then `retry` it, or `give-up`.
///
/// Exit code: 0 done, 1 there is no such message or its state does not allow it, 2 everything else.
#[derive(Debug, Args)]
pub(crate) struct OutboxCommand {
    #[command(flatten)]
    database: DatabaseArgument,

    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the messages that are not sent yet, or those that are asked for.
    List {
        #[command(flatten)]
        filter: Filter,

        /// Only messages that failed and are neither sent nor given up, the gravest first.
        #[arg(long, conflicts_with_all = ["state", "domain", "event"])]
        problems: bool,

        /// List no more than this many.
        #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show why a message is not sent, and what to do.
    Show {
        /// The identifier of the message.
        id: String,

        /// Print the message itself, in JSON. It is data of a patient.
        #[arg(long)]
        message: bool,
    },
    /// Try a message again at once, with the newest versions that the application knows.
    Retry {
        #[command(flatten)]
        which: Which,
    },
    /// Send a message no more, so that later ones about the same resource can be sent.
    GiveUp {
        #[command(flatten)]
        which: Which,
    },
    /// Delete the entries of messages that were sent or given up some time ago.
    Forget {
        /// How many days ago.
        #[arg(long, value_name = "DAYS")]
        older_than: u64,
    },
    /// Print how many messages are open whenever that changes, and each new problem, until Ctrl-C.
    Watch {
        /// How many seconds to wait between two looks.
        #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
        interval: u64,
    },
}

/// Which messages.
#[derive(Debug, Args)]
struct Filter {
    /// Only messages in this state; may be given several times.
    #[arg(long, value_parser = state())]
    state: Vec<OutboxState>,

    /// Only messages of this domain.
    #[arg(long, value_name = "NAME")]
    domain: Option<String>,

    /// Only messages of this event.
    #[arg(long, value_parser = event())]
    event: Option<Event>,
}

/// One message, or all that a filter admits.
#[derive(Debug, Args)]
struct Which {
    /// The identifier of the message.
    #[arg(required_unless_present = "all", conflicts_with_all = ["all", "state", "domain", "event"])]
    id: Option<String>,

    /// All messages that were refused, or those of --state.
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    filter: Filter,
}

fn state() -> impl TypedValueParser<Value = OutboxState> {
    PossibleValuesParser::new(OutboxState::ALL.map(OutboxState::name)).try_map(|text| {
        OutboxState::ALL.into_iter().find(|state| state.name() == text).ok_or("there is no such state")
    })
}

impl Filter {
    /// The filter; without --state, these states.
    fn build(&self, states: &[OutboxState]) -> OutboxFilter {
        let states = if self.state.is_empty() { states } else { &self.state };
        let mut filter = OutboxFilter::new().states(states.iter().copied());
        if let Some(domain) = &self.domain {
            filter = filter.domain(domain);
        }
        if let Some(event) = self.event {
            filter = filter.event(event.code());
        }
        filter
    }
}

impl OutboxCommand {
    pub(crate) fn run(self, output: Output) -> io::Result<Outcome> {
        match Runtime::new()?.block_on(self.act(output)) {
            Ok(()) => Ok(Outcome::Success),
            Err(failure) => failure.print(output),
        }
    }

    async fn act(self, output: Output) -> Result<(), Failure> {
        let outbox = self.database.find()?.outbox().await?;
        match self.action {
            Action::List { filter, problems, limit } => {
                list(&outbox, output, &filter, problems, limit as usize).await
            }
            Action::Show { id, message } => show(&outbox, output, &id, message).await,
            Action::Retry { which } => {
                let count = match &which.id {
                    Some(id) => outbox.retry(id).await.map(|()| 1)?,
                    None => outbox.retry_all(which.filter.build(&[OutboxState::Refused])).await?,
                };
                let text = format!(
                    "{count} due at once: a running dispatcher sends within seconds; `koppeltaal outbox list` shows \
                     what becomes of it"
                );
                Ok(output.print(&Count { count, text })?)
            }
            Action::GiveUp { which } => {
                let count = match &which.id {
                    Some(id) => outbox.give_up(id).await.map(|()| 1)?,
                    None => outbox.give_up_all(which.filter.build(&[OutboxState::Refused])).await?,
                };
                let text = format!("{count} given up: later messages about the same resources are sent now");
                Ok(output.print(&Count { count, text })?)
            }
            Action::Forget { older_than } => {
                let age = Duration::from_secs(older_than.saturating_mul(24 * 60 * 60));
                let count = outbox.forget(age).await?;
                let (were, days) = (plural(count, "was", "were"), plural(older_than, "day", "days"));
                let text = format!(
                    "{count} deleted that {were} sent or given up {older_than} {days} ago or earlier"
                );
                Ok(output.print(&Count { count, text })?)
            }
            Action::Watch { interval } => watch::run(&outbox, output, Duration::from_secs(interval)).await,
        }
    }
}

async fn list(
    outbox: &Outbox,
    output: Output,
    filter: &Filter,
    problems: bool,
    limit: usize,
) -> Result<(), Failure> {
    const OPEN: [OutboxState; 3] = [OutboxState::Waiting, OutboxState::Sending, OutboxState::Refused];
    let entries = match problems {
        true => outbox.problems(limit).await?,
        false => outbox.entries(filter.build(&OPEN), limit).await?,
    };
    for entry in &entries {
        output.print(&EntryLine::new(entry))?;
    }
    output.remark_limit(entries.len(), limit);
    output.remark(&overview(&outbox.summary().await?));
    Ok(())
}

async fn show(outbox: &Outbox, output: Output, id: &str, is_message_wanted: bool) -> Result<(), Failure> {
    let entry = outbox.entry(id).await?.ok_or_else(|| Failure::NotFound(advice::unknown(id)))?;
    if is_message_wanted {
        let text = outbox.message(id).await?.ok_or_else(|| {
            Failure::NotFound(format!(
                "the outbox no longer has message {id}, since the server has it: `koppeltaal message {id}` asks the server"
            ))
        })?;
        let mut out = io::stdout().lock();
        writeln!(out, "{}", text.trim_end())?;
        return Ok(out.flush()?);
    }
    output.print(&Details::new(&entry))?;
    output.remark(&format!("\n{}", advice(&entry)));
    Ok(())
}
