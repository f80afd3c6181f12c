//! [`Narrator`]: prints the story as it happens.

use std::io::Write;

use super::error::Result;

/// Prints numbered steps and their results, each at once.
pub(super) struct Narrator<W> {
    out: W,
    steps: usize,
}

impl<W: Write> Narrator<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, steps: 0 }
    }

    /// A line outside the steps.
    pub(super) fn say(&mut self, text: &str) -> Result<()> {
        writeln!(self.out, "{text}")?;
        Ok(self.out.flush()?)
    }

    /// What somebody does now.
    pub(super) fn step(&mut self, text: &str) -> Result<()> {
        self.steps += 1;
        let number = self.steps;
        self.say(&format!("{number:2}. {text}"))
    }

    /// What the step leads to.
    pub(super) fn result(&mut self, text: &str) -> Result<()> {
        self.say(&format!("    {text}"))
    }
}
