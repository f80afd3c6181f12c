//! [`Narrator`]: prints the story as it happens.

use std::io::{self, Write};

/// Prints numbered steps and what comes of them, each at once.
pub(super) struct Narrator<W> {
    out: W,
    steps: usize,
}

impl<W: Write> Narrator<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, steps: 0 }
    }

    /// A line outside the steps.
    pub(super) fn say(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    /// What somebody does now.
    pub(super) fn step(&mut self, text: &str) -> io::Result<()> {
        self.steps += 1;
        writeln!(self.out, "{:2}. {text}", self.steps)?;
        self.out.flush()
    }

    /// What came of it.
    pub(super) fn so(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "    {text}")?;
        self.out.flush()
    }
}
