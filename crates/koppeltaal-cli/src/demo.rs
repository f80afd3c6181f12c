//! `koppeltaal demo`: a care plan travels from a portal to a game, and its status back, through a server in
//! this process.
//!
//! It is also an example to read. [`portal`] and [`game`] are two applications as they would be anywhere,
//! each with its own [`Connector`](koppeltaal::Connector). [`story`] lets them act in turn and checks every
//! fact.

mod archive;
mod error;
mod game;
mod portal;
mod story;

use std::io;
use std::path::PathBuf;

use clap::Args;
use koppeltaal_fhir::Format;
use koppeltaal_sandbox::SandboxConfig;
use tokio::runtime::Runtime;

use crate::arguments::format;
use crate::narrator::Narrator;
use crate::outcome::Outcome;
use archive::Archive;
use error::DemoError;
use story::Story;

/// Watch a care plan travel from a portal to a game and its status back, through a server in this process.
///
/// Exit code: 0 every fact of the story is true, 1 a fact is not, 2 the demo could not start.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// The format in which messages travel.
    #[arg(long, value_parser = format(), default_value = "json")]
    format: Format,

    /// Write each posted message into this folder.
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
}

impl Demo {
    pub(crate) fn run(&self) -> io::Result<Outcome> {
        Runtime::new()?.block_on(self.play())
    }

    async fn play(&self) -> io::Result<Outcome> {
        let archive = match Archive::new(self.save.as_deref(), self.format) {
            Ok(archive) => archive,
            Err(error) => {
                return Ok(Outcome::unusable(format_args!("the messages cannot be saved: {error}")));
            }
        };
        let sandbox = match SandboxConfig::new().portal_and_game().start().await {
            Ok(sandbox) => sandbox,
            Err(error) => {
                return Ok(Outcome::unusable(format_args!("the server of the demo does not start: {error}")));
            }
        };
        let narrator = Narrator::new(io::stdout().lock());
        let result = Story::new(narrator, self.format, archive).tell(sandbox.url()).await;
        sandbox.stop().await;
        match result {
            Ok(()) => Ok(Outcome::Success),
            Err(DemoError::Output(error)) => Err(error),
            Err(error) => Ok(Outcome::negative(error)),
        }
    }
}
