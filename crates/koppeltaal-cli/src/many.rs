//! [`run`]: how `validate` and `convert` go through their files, with a progress bar and the totals at the
//! end.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

use crate::batch::in_order;
use crate::files::{Files, Found, FoundFile, are_many};
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
pub(crate) struct Reported {
    pub(crate) report: Report,
    /// On standard output.
    pub(crate) out: String,
    /// On standard error.
    pub(crate) errors: String,
}

impl From<Report> for Reported {
    fn from(report: Report) -> Self {
        Self { report, out: String::new(), errors: String::new() }
    }
}

impl From<InputError> for Reported {
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
    work: impl Fn(FoundFile) -> T + Sync,
    mut finish: impl FnMut(T) -> Reported,
) -> io::Result<Outcome> {
    let are_many = are_many(arguments);
    let has_bar = are_many && (printing.is_quiet || !io::stdout().is_terminal());
    let bar = has_bar.then(|| progress::files(|| Files::new(arguments).count()));
    let mut gravest = Outcome::Success;
    let mut summary = Summary::default();
    let mut has_printed = false;
    let work_on = |found| match found {
        Found::File(file) => Step::Done(work(file)),
        Found::Unreadable(error) => Step::Unreadable(error),
        Found::Skipped => Step::Skipped,
    };
    in_order(Files::new(arguments), Found::length, work_on, |step| {
        if let Some(bar) = &bar {
            bar.inc(1);
        }
        let reported = match step {
            Step::Skipped => {
                summary.skip();
                return Ok(());
            }
            Step::Unreadable(error) => error.into(),
            Step::Done(result) => finish(result),
        };
        gravest = gravest.max(reported.report.verdict.outcome());
        summary.add(&reported.report);
        let (out, errors) = reported.printed(printing)?;
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

/// What became of one step of the search for files.
enum Step<T> {
    Done(T),
    Unreadable(InputError),
    Skipped,
}

impl Reported {
    /// What goes to standard output and to standard error.
    fn printed(self, printing: Printing) -> io::Result<(String, String)> {
        let has_failed = self.report.verdict.outcome() == Outcome::Unusable;
        Ok(match printing.output {
            Output::Json if printing.is_quiet => (String::new(), String::new()),
            Output::Json => (self.report.json()?, String::new()),
            Output::Text if self.errors.is_empty() && has_failed => (self.out, self.report.failure()),
            Output::Text => (self.out, self.errors),
        })
    }
}
