//! `koppeltaal sandbox`: a Koppeltaal server to develop against.

use std::io::{self, Write};
use std::net::SocketAddr;

use clap::Args;
use koppeltaal_sandbox::{Sandbox, SandboxConfig};
use tokio::runtime::Runtime;

use crate::Outcome;
use crate::signals::StopSignals;

/// Run a Koppeltaal server to develop against, in memory, until Ctrl-C.
///
/// Prints one line on standard output when it is ready: where it listens, and which users there are. Not for
/// production: everybody knows the passwords, and everything is forgotten at the end.
///
/// Exit code: 0 stopped, 2 could not start.
#[derive(Debug, Args)]
pub(crate) struct RunSandbox {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8480")]
    listen: SocketAddr,

    /// The base of the links that the server hands out, when clients reach it by another address (a proxy).
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
}

impl RunSandbox {
    pub(crate) fn run(self) -> io::Result<Outcome> {
        Runtime::new()?.block_on(self.serve())
    }

    async fn serve(self) -> io::Result<Outcome> {
        let mut config = SandboxConfig::default();
        config.listen = self.listen;
        config.public_url = self.public_url;
        let users = users(&config);
        let sandbox = match Sandbox::with_config(config).await {
            Ok(sandbox) => sandbox,
            Err(error) => {
                anstream::eprintln!("error: {}: {error}", self.listen);
                return Ok(Outcome::Unusable);
            }
        };
        if !sandbox.address().ip().is_loopback() {
            anstream::eprintln!(
                "warning: {} is open to the network; this server protects nothing",
                sandbox.address()
            );
        }
        // Before the ready line: a program that reads it may stop the server at once.
        let mut signals = StopSignals::listen()?;
        let mut out = io::stdout();
        writeln!(out, "ready: {} listening on {}, users {users}", sandbox.url(), sandbox.address())?;
        out.flush()?;
        signals.next().await?;
        // Requests under way may finish, unless somebody insists.
        tokio::select! {
            () = sandbox.stop() => {}
            insisted = signals.next() => insisted?,
        }
        Ok(Outcome::Success)
    }
}

/// The users for people: `portal (password portal, domain Sandbox)`.
fn users(config: &SandboxConfig) -> String {
    let user = |instance: &koppeltaal_sandbox::Instance| {
        format!("{} (password {}, domain {})", instance.user_name, instance.password, instance.domain)
    };
    config.instances.iter().map(user).collect::<Vec<_>>().join(", ")
}
