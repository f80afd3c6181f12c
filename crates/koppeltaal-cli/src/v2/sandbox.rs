//! `koppeltaal v2 sandbox`: a domain of Koppeltaal 2.0 to develop against.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use koppeltaal2_sandbox::{Sandbox, SandboxConfig};
use tokio::runtime::Runtime;

use crate::outcome::Outcome;
use crate::private;
use crate::sandbox::log::{self, LogFormat};
use crate::signals::StopSignals;

/// A fixed address, so that configurations of clients can name it.
const DEFAULT_ADDRESS: ([u8; 4], u16) = ([127, 0, 0, 1], 8490);

/// Run a domain of Koppeltaal 2.0 to develop against, until Ctrl-C.
///
/// It has a FHIR store, an authorization service and an identity provider, and without a configuration the
/// applications epd, portal, module and administration. It prints a line for each application on standard
/// output, with its `client_id` and the file with its private key, and a line for the domain when it is
/// ready. Not for production: nobody is asked for a password, and everything is lost at the end.
///
/// A request that it refuses is a line on standard error that says what was wrong and where, without content;
/// with --log, every request is.
///
/// Exit code: 0 stopped, 2 could not start.
#[derive(Debug, Args)]
pub(crate) struct RunSandbox {
    /// A TOML file with applications and settings. --print-config shows one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Print a configuration file with every setting and comments, and end. It describes the domain that runs
    /// without a configuration.
    #[arg(long, exclusive = true)]
    print_config: bool,

    /// Where to listen: 127.0.0.1:8490, localhost:8490 or 8490; port 0 takes a free one. [default: what the
    /// configuration says, else 127.0.0.1:8490]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,

    /// The base of the links that the server hands out, if clients reach it by another address (through a
    /// proxy).
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,

    /// Write the private key of each application into this folder, as NAME.pem. Without it only a program
    /// that was registered with a key of its own can join. Files of an earlier run are replaced.
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,

    /// Begin with some invented people.
    #[arg(long)]
    people: bool,

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
        let sandbox = match config.start().await {
            Ok(sandbox) => sandbox,
            Err(error) => return Ok(Outcome::unusable(error)),
        };
        let lines = match applications(&sandbox, self.keys.as_deref()) {
            Ok(lines) => lines,
            Err(error) => return Ok(Outcome::unusable(format_args!("a key cannot be written: {error}"))),
        };
        // Before the ready line: a program that reads it may stop the server at once.
        let mut signals = StopSignals::listen()?;
        let mut out = io::stdout();
        for line in lines {
            writeln!(out, "{line}")?;
        }
        writeln!(out, "domain: KOPPELTAAL2_FHIR_BASE={}", sandbox.fhir_base())?;
        writeln!(out, "ready: {} listening on {}", sandbox.fhir_base(), sandbox.address())?;
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
            None => SandboxConfig::new().listen(DEFAULT_ADDRESS.into()),
        };
        if let Some(address) = &self.listen {
            config = config.listen_on(address).map_err(|error| format!("--listen: {error}"))?;
        }
        if let Some(url) = &self.public_url {
            config = config.public_url(url);
        }
        Ok(if self.people { config.with_people() } else { config })
    }
}

/// A line for each application, after its key was written.
fn applications(sandbox: &Sandbox, keys: Option<&Path>) -> io::Result<Vec<String>> {
    if let Some(folder) = keys {
        private::folder(folder)?;
    }
    let line = |application: &koppeltaal2_sandbox::RegisteredApplication| {
        let line = format!("application {}: client id {}", application.name(), application.client_id());
        if let (Some(folder), Some(pem)) = (keys, application.private_key_pem()) {
            let file = folder.join(format!("{}.pem", application.name()));
            private::write(&file, pem.as_bytes())?;
            let (id, file) = (application.client_id(), file.display());
            return Ok(format!("{line}\n  KOPPELTAAL2_CLIENT_ID={id} KOPPELTAAL2_KEY={file}"));
        }
        Ok(line)
    };
    sandbox.applications().iter().map(line).collect()
}
