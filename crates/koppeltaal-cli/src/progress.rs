//! How far long work is, on standard error. Nobody but a person at a terminal is shown it.

use std::io::{self, IsTerminal as _};

use indicatif::{ProgressBar, ProgressStyle};

/// A count of messages whose number is not known.
pub(crate) fn messages() -> ProgressBar {
    shown(ProgressBar::new_spinner, "{spinner} messages: {pos}, {per_sec}, {elapsed}")
}

/// A bar for a number of files, which is counted only if the bar is shown.
pub(crate) fn files(count: impl FnOnce() -> usize) -> ProgressBar {
    let bar = || ProgressBar::new(u64::try_from(count()).unwrap_or(u64::MAX));
    shown(bar, "{bar:30} files: {pos} of {len}, {per_sec}, {eta} left")
}

fn shown(bar: impl FnOnce() -> ProgressBar, template: &str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    match ProgressStyle::with_template(template) {
        Ok(style) => bar().with_style(style),
        Err(_) => bar(),
    }
}
