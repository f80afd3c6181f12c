//! [`run`]: how `validate` and `convert` go through their files, with a progress bar and the totals at the
//! end.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

use crate::batch::in_order;
use crate::files::{Entry, Files, InputFile, are_many};
use crate::input::InputError;
use crate::outcome::Outcome;
use crate::output::Output;
use crate::progress;
use crate::report::Report;
use crate::summary::Summary;

/// How much is printed, and for whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printing {
    pub(crate) output: Output,
    pub(crate) is_quiet: bool,
}

impl Printing {
    /// Whether people are shown each finding.
    pub(crate) fn draws(self) -> bool {
        self.output == Output::Text && !self.is_quiet
    }
}

/// A report, and what people are shown of it.
#[derive(Debug)]
pub(crate) struct PrintedReport {
    pub(crate) report: Report,
    /// On standard output.
    pub(crate) out: String,
    /// On standard error.
    pub(crate) errors: String,
}

impl From<Report> for PrintedReport {
    fn from(report: Report) -> Self {
        Self { report, out: String::new(), errors: String::new() }
    }
}

impl From<InputError> for PrintedReport {
    fn from(error: InputError) -> Self {
        Report::unreadable(error).into()
    }
}

/// Does `work` on each file, on all processors, then `finish` on each result, in the order of the files.
/// Prints the reports, and the totals if there may be more than one file. Returns the gravest outcome.
///
/// # Errors
///
/// Something cannot be printed, or a thread cannot be started.
pub(crate) fn run<T: Send>(
    arguments: &[PathBuf],
    printing: Printing,
    work: impl Fn(InputFile) -> T + Sync,
    mut finish: impl FnMut(T) -> PrintedReport,
) -> io::Result<Outcome> {
    let are_many = are_many(arguments);
    let has_bar = are_many && (printing.is_quiet || !io::stdout().is_terminal());
    let bar = has_bar.then(|| progress::files(|| Files::new(arguments).count()));
    let mut gravest = Outcome::Success;
    let mut summary = Summary::default();
    let mut has_printed = false;
    let work_on = |entry| match entry {
        Entry::File(file) => EntryResult::Done(work(file)),
        Entry::Unreadable(error) => EntryResult::Unreadable(error),
        Entry::Skipped => EntryResult::Skipped,
    };
    in_order(Files::new(arguments), Entry::length, work_on, |result| {
        if let Some(bar) = &bar {
            bar.inc(1);
        }
        let printed = match result {
            EntryResult::Skipped => {
                summary.skip();
                return Ok(());
            }
            EntryResult::Unreadable(error) => error.into(),
            EntryResult::Done(result) => finish(result),
        };
        gravest = gravest.max(printed.report.verdict.outcome());
        summary.add(&printed.report);
        let (out, errors) = printed.texts(printing)?;
        has_printed |= !out.is_empty();
        let print = || {
            anstream::stderr().write_all(errors.as_bytes())?;
            anstream::stdout().write_all(out.as_bytes())
        };
        match &bar {
            _ if out.is_empty() && errors.is_empty() => Ok(()),
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    })?;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    if are_many && printing.output == Output::Text {
        let gap = if has_printed { "\n" } else { "" };
        anstream::stdout().write_all(format!("{gap}{}", summary.table()).as_bytes())?;
    }
    io::stdout().flush()?;
    Ok(gravest)
}

/// What became of an entry.
enum EntryResult<T> {
    Done(T),
    Unreadable(InputError),
    Skipped,
}

impl PrintedReport {
    /// What goes to standard output and to standard error.
    fn texts(self, printing: Printing) -> io::Result<(String, String)> {
        let has_failed = self.report.verdict.outcome() == Outcome::Unusable;
        Ok(match printing.output {
            Output::Json if printing.is_quiet => (String::new(), String::new()),
            Output::Json => (self.report.json()?, String::new()),
            Output::Text if self.errors.is_empty() && has_failed => (self.out, self.report.failure()),
            Output::Text => (self.out, self.errors),
        })
    }
}
