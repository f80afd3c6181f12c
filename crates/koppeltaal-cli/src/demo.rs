//! `koppeltaal demo`: a care plan travels from a portal to a game, and its status back, through a server in this
//! process.
//!
//! Also an example to read. [`portal`] and [`game`] are two applications as they would be anywhere, each with a
//! [`connection`] to the server; [`story`] lets them act in turn and checks every fact that comes of it.

mod archive;
mod connection;
mod facts;
mod game;
mod narrator;
mod portal;
mod story;

use std::io;
use std::path::PathBuf;
use std::rc::Rc;

use clap::Args;
use koppeltaal_fhir::Format;
use koppeltaal_sandbox::SandboxConfig;
use tokio::runtime::Runtime;

use crate::Outcome;
use crate::arguments::format;
use archive::Archive;
use narrator::Narrator;
use story::{Broken, Story};

/// Watch a care plan travel from a portal to a game and its status back, through a server in this process.
///
/// Exit code: 0 when every fact of the story held, 1 when one did not, 2 when the demo could not start.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// The format in which messages travel.
    #[arg(long, value_parser = format(), default_value = "json")]
    format: Format,

    /// Write each message that is posted into this directory.
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
}

impl Demo {
    pub(crate) fn run(&self) -> io::Result<Outcome> {
        Runtime::new()?.block_on(self.play())
    }

    async fn play(&self) -> io::Result<Outcome> {
        let archive = match Archive::new(self.save.as_deref(), self.format) {
            Ok(archive) => Rc::new(archive),
            Err(error) => {
                anstream::eprintln!("error: the messages cannot be saved: {error}");
                return Ok(Outcome::Unusable);
            }
        };
        let sandbox = match SandboxConfig::new().portal_and_game().start().await {
            Ok(sandbox) => sandbox,
            Err(error) => {
                anstream::eprintln!("error: the server of the demo does not start: {error}");
                return Ok(Outcome::Unusable);
            }
        };
        let narrator = Narrator::new(io::stdout().lock());
        let outcome = Story::new(narrator, self.format, archive).tell(sandbox.url()).await;
        sandbox.stop().await;
        match outcome {
            Ok(()) => Ok(Outcome::Success),
            Err(Broken::Output(error)) => Err(error),
            Err(broken) => {
                anstream::eprintln!("error: {broken}");
                Ok(Outcome::Findings)
            }
        }
    }
}
