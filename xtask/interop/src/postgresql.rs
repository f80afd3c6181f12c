//! Tests the stores of the crate koppeltaal with a real `PostgreSQL` server. The server runs in a temporary
//! directory, which is removed afterwards. If its programs are missing, apt-get installs them.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::programs::{self, is_root, output};

/// Where the tests look for the server.
pub(crate) const VARIABLE: &str = "KOPPELTAAL_TEST_POSTGRESQL";

/// `PostgreSQL` does not run as root. Debian's package makes this user.
const USER: &str = "postgres";

/// Runs the tests that need a server. They print their failures.
pub(crate) fn run(installs: bool) -> Result<()> {
    let programs = server_programs(installs)?;
    let server = Server::start(&programs)?;
    println!("{} runs on port {}", version(&programs)?, server.port);
    // The test `examples` runs them, and does not build them.
    let features = ["--features", "sqlite,postgresql"];
    programs::run(programs::cargo(&["build", "--examples", "--package", "koppeltaal"]).args(features))?;
    let mut test = programs::cargo_test(&[
        "--features",
        "sqlite,postgresql,metrics",
        "--test",
        "operator",
        "--test",
        "version_stores",
        "--test",
        "outbox",
        "--test",
        "migration",
        "--test",
        "dead_letters",
        "--test",
        "examples",
        "--test",
        "secrets",
    ]);
    let address = server.address();
    programs::run(test.args(["--", "--ignored", "postgresql"]).env(VARIABLE, &address))?;
    let mut command = programs::cargo(&["test", "--package", "koppeltaal-cli", "--test", "command"]);
    programs::run(command.args(["--", "--ignored", "postgresql"]).env(VARIABLE, &address))?;
    let mut kill = programs::cargo_test(&["--features", "sqlite,postgresql", "--test", "kill"]);
    kill.env("KOPPELTAAL_KILLS", "50").env("KOPPELTAAL_KILL_MESSAGES", "500");
    programs::run(kill.env("KOPPELTAAL_KILL_SCHEMA", "kill").env(VARIABLE, &address))
}

/// Starts a server if its programs are there.
pub(crate) fn start_if_installed() -> Result<Option<Server>> {
    find_programs().map(|programs| Server::start(&programs)).transpose()
}

/// The directory with `initdb` and `pg_ctl`.
fn server_programs(installs: bool) -> Result<PathBuf> {
    if let Some(programs) = find_programs() {
        return Ok(programs);
    }
    if !installs || !programs::install("postgresql")? {
        bail!(
            "PostgreSQL is not installed: neither /usr/lib/postgresql nor pg_config leads to an initdb (Debian and \
             Ubuntu have it in the package postgresql)"
        );
    }
    find_programs().context("the package postgresql is installed, but there is no initdb")
}

/// The directory of the newest version that Debian has installed, or else the one that `pg_config` names.
fn find_programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.map(|entry| entry.path()).max_by_key(|path| number(path));
    let configured = output(Command::new("pg_config").arg("--bindir")).ok();
    let candidates = newest.map(|version| version.join("bin")).into_iter();
    let mut candidates = candidates.chain(configured.map(|directory| PathBuf::from(directory.trim())));
    candidates.find(|directory| directory.join("initdb").exists())
}

fn version(programs: &Path) -> Result<String> {
    Ok(output(Command::new(programs.join("postgres")).arg("--version"))?.trim().to_owned())
}

/// A running server. It stops, and its files are gone, when it is dropped.
pub(crate) struct Server {
    programs: PathBuf,
    directory: PathBuf,
    port: u16,
}

impl Server {
    /// The connection string.
    pub(crate) fn address(&self) -> String {
        format!("host=127.0.0.1 port={} user={USER}", self.port)
    }

    fn start(programs: &Path) -> Result<Self> {
        // The server's user makes it, because the files in it must be that user's.
        let made =
            output(as_user("mktemp").args(["--directory", "--tmpdir", "koppeltaal-postgresql.XXXXXX"]));
        let directory = PathBuf::from(made.context("no temporary directory")?.trim());
        // The port is free now. Another program may still take it before the server does.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let server = Self { programs: programs.to_owned(), directory, port };
        let data = server.directory.join("data");
        output(as_user(programs.join("initdb")).arg("--pgdata").arg(&data).args([
            "--username",
            USER,
            "--auth",
            "trust",
            "--encoding",
            "UTF8",
            "--locale",
            "C",
            "--no-sync",
        ]))
        .context("initdb does not make a database")?;
        // Without fsync the server is faster. What it loses when the machine crashes does not matter here.
        let options = format!(
            "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c fsync=off -c max_connections=400",
            server.directory.display()
        );
        // The server would keep a pipe open, so its output goes to a file.
        let log = server.directory.join("log");
        let mut start = as_user(programs.join("pg_ctl"));
        start.args(["start", "--silent", "--wait", "--options", &options]).arg("--pgdata").arg(&data);
        let status = start.arg("--log").arg(&log).status().context("pg_ctl cannot be run")?;
        if !status.success() {
            bail!("the server does not start: {}", std::fs::read_to_string(&log).unwrap_or_default());
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.directory.join("data");
        let mut stop = as_user(self.programs.join("pg_ctl"));
        let stopped = output(stop.args(["stop", "--silent", "--mode", "immediate", "--pgdata"]).arg(&data));
        if let Err(error) = stopped {
            eprintln!("the server in {} was not stopped: {error:#}", self.directory.display());
        } else if let Err(error) = std::fs::remove_dir_all(&self.directory) {
            eprintln!("{} stays: {error}", self.directory.display());
        }
    }
}

/// A command that is run as the server's user, if we are root, and in a directory that this user can enter.
fn as_user(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", USER, "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir(std::env::temp_dir());
    command
}
