//! `koppeltaal v2 demo`: a module joins a domain of Koppeltaal 2.0, is launched, and reports back, all in
//! this process.
//!
//! It is also an example to read. [`epd`], [`portal`] and [`module`] are three applications as they would be
//! anywhere, each with its own [`Connector`](koppeltaal2::Connector). [`story`] lets them act in turn and
//! checks every fact; [`browser`] is what the patient has before her.

mod archive;
mod browser;
mod epd;
mod error;
mod module;
mod portal;
mod story;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use koppeltaal_smart::{Algorithm, Jwks, JwksService, KeyPair, Signer as _};
use koppeltaal2_sandbox::{Application, Role, Sandbox};
use tokio::runtime::Runtime;

use crate::narrator::Narrator;
use crate::outcome::Outcome;
use archive::Archive;
use error::DemoError;
use module::Web;
use story::Story;

/// Watch a patient being launched into a game, and the game reporting back, in a domain of Koppeltaal 2.0 in
/// this process.
///
/// Exit code: 0 every fact of the story is true, 1 a fact is not, 2 the demo could not start.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Write each resource of the story into this folder, as the server stores it.
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
}

impl Demo {
    pub(crate) fn run(&self) -> io::Result<Outcome> {
        Runtime::new()?.block_on(self.play())
    }

    async fn play(&self) -> io::Result<Outcome> {
        let archive = match Archive::new(self.save.as_deref()) {
            Ok(archive) => archive,
            Err(error) => {
                return Ok(Outcome::unusable(format_args!("the resources cannot be saved: {error}")));
            }
        };
        // The game has a key of its own, made anew at each start, and serves its public half. The domain
        // makes keys for the others.
        let key = match KeyPair::generate(Algorithm::Es384) {
            Ok(key) => Arc::new(key),
            Err(error) => return Ok(Outcome::unusable(error)),
        };
        let keys = JwksService::new(&Jwks::new([key.public_key().clone()]), Duration::from_secs(300));
        let web = match Web::bind(keys) {
            Ok(web) => web,
            Err(error) => return Ok(Outcome::unusable(error)),
        };
        let module = Application::new("module")
            .role(Role::Module)
            .jwks_url(web.keys_address())
            .redirect_uri(web.redirect_uri());
        let sandbox = match Sandbox::builder().application(module).start().await {
            Ok(sandbox) => sandbox,
            Err(error) => {
                return Ok(Outcome::unusable(format_args!("the domain of the demo does not start: {error}")));
            }
        };
        let narrator = Narrator::new(io::stdout().lock());
        let result = Story::new(narrator, archive).tell(&sandbox, web, key).await;
        sandbox.stop().await;
        match result {
            Ok(()) => Ok(Outcome::Success),
            Err(DemoError::Output(error)) => Err(error),
            Err(error) => Ok(Outcome::negative(error)),
        }
    }
}
