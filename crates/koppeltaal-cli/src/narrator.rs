//! [`Narrator`]: prints the story of a demo as it happens.

use std::io::{self, Write};

/// Prints numbered steps and their results, each at once.
pub(crate) struct Narrator<W> {
    out: W,
    steps: usize,
}

impl<W: Write> Narrator<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, steps: 0 }
    }

    /// A line outside the steps.
    pub(crate) fn say(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    /// What somebody does now.
    pub(crate) fn step(&mut self, text: &str) -> io::Result<()> {
        self.steps += 1;
        let number = self.steps;
        self.say(&format!("{number:2}. {text}"))
    }

    /// What the step leads to.
    pub(crate) fn result(&mut self, text: &str) -> io::Result<()> {
        self.say(&format!("    {text}"))
    }
}
