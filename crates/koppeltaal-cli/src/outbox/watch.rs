//! `koppeltaal outbox watch`: prints what changes in an outbox.

use std::collections::HashSet;
use std::time::Duration;

use koppeltaal::Outbox;

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
    let mut known = HashSet::new();
    loop {
        let mut now = HashSet::new();
        for entry in outbox.problems(PROBLEMS).await? {
            // A message with another error is another problem.
            let kind = entry.last_error.as_ref().map(|error| error.kind.clone());
            let problem = (entry.identifier.clone(), entry.state, kind);
            if !known.contains(&problem) {
                output.print(&EntryLine::new(&entry))?;
            }
            now.insert(problem);
        }
        known = now;
        let overview = Overview::new(&outbox.summary().await?);
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
