//! The stores of the crate koppeltaal against a real `PostgreSQL` server, which is started for them in a temporary directory
//! and gone afterwards. The server's programs are found, or installed where apt-get is.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::run_quietly;

/// Where the tests look for the server.
const VARIABLE: &str = "KOPPELTAAL_TEST_POSTGRESQL";

/// `PostgreSQL` does not run as root. Debian's package makes this user.
const USER: &str = "postgres";

/// Runs the tests that need a server; 0 if all held.
pub(crate) fn run(installs: bool) -> Result<usize> {
    let programs = programs(installs)?;
    let server = Server::start(&programs)?;
    println!("{} runs on port {}", version(&programs)?, server.port);
    let mut test =
        crate::kill::cargo_test(&["--all-features", "--test", "version_stores", "--test", "outbox"]);
    test.args(["--", "--ignored", "postgresql"]);
    test.env(VARIABLE, format!("host=127.0.0.1 port={} user={USER}", server.port));
    let status = test.status().context("cargo cannot be run")?;
    Ok(usize::from(!status.success()))
}

/// The directory with `initdb` and `pg_ctl`.
fn programs(installs: bool) -> Result<PathBuf> {
    if let Some(programs) = find_programs() {
        return Ok(programs);
    }
    if !installs || !Path::new("/usr/bin/apt-get").exists() || !is_root()? {
        bail!(
            "PostgreSQL is not installed: neither pg_config nor /usr/lib/postgresql leads to an initdb (Debian and \
             Ubuntu: apt-get install postgresql)"
        );
    }
    println!("installing the package postgresql");
    for arguments in [&["update", "--quiet"][..], &["install", "--quiet", "--yes", "postgresql"]] {
        let mut command = Command::new("apt-get");
        run_quietly(command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments))
            .context("the package postgresql cannot be installed")?;
    }
    find_programs().context("the package postgresql is installed, but there is no initdb")
}

/// Debian keeps the programs of each version apart; the newest one is taken. Elsewhere `pg_config` knows.
fn find_programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.map(|entry| entry.path()).max_by_key(|path| number(path));
    let configured = run_quietly(Command::new("pg_config").arg("--bindir")).ok();
    let candidates = newest.map(|version| version.join("bin")).into_iter();
    let mut candidates = candidates.chain(configured.map(|directory| PathBuf::from(directory.trim())));
    candidates.find(|directory| directory.join("initdb").exists())
}

fn version(programs: &Path) -> Result<String> {
    Ok(run_quietly(Command::new(programs.join("postgres")).arg("--version"))?.trim().to_owned())
}

/// A running server. It stops, and its files are gone, when it is dropped.
struct Server {
    programs: PathBuf,
    directory: PathBuf,
    port: u16,
}

impl Server {
    fn start(programs: &Path) -> Result<Self> {
        // Made by the server's user, whose files they are.
        let made =
            run_quietly(as_user("mktemp")?.args(["--directory", "--tmpdir", "koppeltaal-postgresql.XXXXXX"]));
        let directory = PathBuf::from(made.context("no temporary directory")?.trim());
        // The port is free until somebody else takes it in the next moments.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let server = Self { programs: programs.to_owned(), directory, port };
        let data = server.directory.join("data");
        run_quietly(as_user(programs.join("initdb"))?.arg("--pgdata").arg(&data).args([
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
        // What is tested is not whether the machine's disk keeps its word.
        let options = format!(
            "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c fsync=off -c max_connections=400",
            server.directory.display()
        );
        // It would keep our pipe open; what it says is in the log.
        let log = server.directory.join("log");
        let mut start = as_user(programs.join("pg_ctl"))?;
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
        let stopped = as_user(self.programs.join("pg_ctl")).and_then(|mut stop| {
            run_quietly(stop.args(["stop", "--silent", "--mode", "immediate", "--pgdata"]).arg(&data))
        });
        if let Err(error) = stopped {
            eprintln!("the server in {} was not stopped: {error:#}", self.directory.display());
        } else if let Err(error) = std::fs::remove_dir_all(&self.directory) {
            eprintln!("{} stays: {error}", self.directory.display());
        }
    }
}

/// A command that is run as the server's user, if we are root, and in a directory that this user can enter.
fn as_user(program: impl AsRef<std::ffi::OsStr>) -> Result<Command> {
    let mut command = if is_root()? {
        let mut command = Command::new("runuser");
        command.args(["-u", USER, "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir(std::env::temp_dir());
    Ok(command)
}

fn is_root() -> Result<bool> {
    Ok(run_quietly(Command::new("id").arg("-u"))?.trim() == "0")
}
