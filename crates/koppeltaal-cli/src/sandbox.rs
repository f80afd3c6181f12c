//! `koppeltaal sandbox`: a Koppeltaal server to develop against.

pub(crate) mod log;

use std::fmt::Display;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use koppeltaal_sandbox::SandboxConfig;
use tokio::runtime::Runtime;

use crate::outcome::Outcome;
use crate::signals::StopSignals;
use log::LogFormat;

/// A fixed address, so that configurations of clients can name it.
const DEFAULT_ADDRESS: ([u8; 4], u16) = ([127, 0, 0, 1], 8480);

/// Run a Koppeltaal server to develop against, until Ctrl-C.
///
/// Without a configuration it has a domain with a portal and a game. When it is ready, it prints one line on
/// standard output: where it listens, and which users there are. Not for production: everybody knows the
/// passwords, and without a data file everything is lost at the end.
///
/// A request that it refuses is a line on standard error that says what was wrong and where, without content;
/// with --log, every request is.
///
/// Exit code: 0 stopped, 2 could not start.
#[derive(Debug, Args)]
pub(crate) struct RunSandbox {
    /// A TOML file with domains, application instances, applications and settings. --print-config shows one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Print a configuration file with every setting and comments, and end. It describes the server that runs
    /// without a configuration.
    #[arg(long, exclusive = true)]
    print_config: bool,

    /// Keep everything in this file, so that it survives a restart. A missing file is created.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,

    /// Where to listen: 127.0.0.1:8480, localhost:8480 or 8480; port 0 takes a free one. [default: what the
    /// configuration says, else 127.0.0.1:8480]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,

    /// The base of the links that the server hands out, if clients reach it by another address (through a
    /// proxy).
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,

    /// Print a line on standard error for each request, not only for refused ones: for people, or as JSON.
    /// `off` prints warnings only.
    #[arg(long, value_name = "FORMAT", num_args = 0..=1, default_missing_value = "text")]
    log: Option<LogFormat>,
}

impl RunSandbox {
    pub(crate) fn run(self) -> io::Result<Outcome> {
        if self.print_config {
            io::stdout().write_all(SandboxConfig::EXAMPLE_TOML.as_bytes())?;
            return Ok(Outcome::Success);
        }
        log::start(self.log);
        Runtime::new()?.block_on(self.serve())
    }

    async fn serve(self) -> io::Result<Outcome> {
        let config = match self.configuration() {
            Ok(config) => config,
            Err(error) => return Ok(Outcome::unusable(error)),
        };
        let users = users(&config);
        let sandbox = match config.start().await {
            Ok(sandbox) => sandbox,
            Err(error) => return Ok(Outcome::unusable(error)),
        };
        // Before the ready line: a program that reads it may stop the server at once.
        let mut signals = StopSignals::listen()?;
        let mut out = io::stdout();
        writeln!(out, "ready: {} listening on {}, users {users}", sandbox.url(), sandbox.address())?;
        out.flush()?;
        signals.next().await?;
        // Requests under way may finish, unless there is a second signal.
        tokio::select! {
            () = sandbox.stop() => {}
            signal = signals.next() => signal?,
        }
        Ok(Outcome::Success)
    }

    /// The configuration in the file, changed by the flags.
    fn configuration(&self) -> Result<SandboxConfig, String> {
        let mut config = match &self.config {
            Some(path) => {
                let named = |error: &dyn Display| format!("{}: {error}", path.display());
                let text = std::fs::read_to_string(path).map_err(|error| named(&error))?;
                SandboxConfig::from_toml(&text).map_err(|error| named(&error))?
            }
            None => SandboxConfig::new().portal_and_game().listen(DEFAULT_ADDRESS.into()),
        };
        if let Some(address) = &self.listen {
            config = config.listen_on(address).map_err(|error| format!("--listen: {error}"))?;
        }
        if let Some(path) = &self.data {
            config = config.data(path);
        }
        if let Some(url) = &self.public_url {
            config = config.public_url(url);
        }
        Ok(config)
    }
}

/// The users as the ready line lists them: `portal (password portal, domain Sandbox)`.
fn users(config: &SandboxConfig) -> String {
    let user = |instance: &koppeltaal_sandbox::Instance| {
        format!("{} (password {}, domain {})", instance.username, instance.password, instance.domain)
    };
    config.instances().iter().map(user).collect::<Vec<_>>().join(", ")
}
