//! `koppeltaal outbox watch`: prints what changes in an outbox.

use std::collections::HashSet;
use std::time::Duration;

use koppeltaal::{Outbox, OutboxError};

use super::entry::{EntryLine, Overview};
use crate::failure::Failure;
use crate::output::Output;
use crate::signals::StopSignals;

/// How many problems are looked at. With more, the operator has enough to do.
const PROBLEMS: usize = 1000;

/// Prints the overview whenever it changes, and each problem once, until Ctrl-C.
pub(super) async fn run(outbox: &Outbox, output: Output, interval: Duration) -> Result<(), Failure> {
    let mut signals = StopSignals::listen()?;
    let mut last = None;
    let mut is_failing = false;
    let mut known = HashSet::new();
    loop {
        let (problems, summary) = match tokio::try_join!(outbox.problems(PROBLEMS), outbox.summary()) {
            Ok(seen) => {
                is_failing = false;
                seen
            }
            // The database restarts, or is locked: it is looked at again.
            Err(error @ (OutboxError::Database { .. } | OutboxError::Contention { .. }))
                if last.is_some() =>
            {
                if !is_failing {
                    output.remark(&format!("{error}; looking again"));
                }
                is_failing = true;
                tokio::select! {
                    () = tokio::time::sleep(interval) => continue,
                    signal = signals.next() => return Ok(signal?),
                }
            }
            Err(error) => return Err(error.into()),
        };
        let mut now = HashSet::new();
        for entry in problems {
            // A message with another error is another problem.
            let kind = entry.last_error.as_ref().map(|error| error.kind.clone());
            let problem = (entry.identifier.clone(), entry.state, kind);
            if !known.contains(&problem) {
                output.print(&EntryLine::new(&entry))?;
            }
            now.insert(problem);
        }
        known = now;
        let overview = Overview::new(&summary);
        if last.as_ref() != Some(&overview) {
            output.print(&overview)?;
            last = Some(overview);
        }
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            signal = signals.next() => return Ok(signal?),
        }
    }
}
