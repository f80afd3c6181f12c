//! `cargo xtask interop` tests the project together with real messages, the official schema, deployed
//! clients, a database server, other database crates, a browser, a terminal, and processes that are killed.
//! It is a package of its own, because xtask must build when the generated code does not.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod browser;
mod composed;
mod environments;
mod examples;
mod jose;
mod kill;
mod postgresql;
mod programs;
mod python;
mod r4_documents;
mod r4_rivals;
mod r4_validators;
mod r4_xml;
mod schema;
mod signalr;
mod speed;
mod stacks;
mod terminal;
mod webdriver;

/// Tests of the project together with other people's work.
#[derive(Parser)]
#[command(name = "cargo xtask interop")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Extract real messages to typed events, and compare the findings with the list of their defects.
    Examples {
        /// The directory with the messages; they are not part of this project.
        #[arg(long)]
        examples: PathBuf,
    },
    /// Validate every message that the fixtures compose to with xmllint.
    Schema {
        /// The official schema, fhir-atom-single.xsd.
        #[arg(long)]
        schema: PathBuf,
    },
    /// Drive the sandbox's page in Chromium, by keyboard and mouse. Root installs that where it is missing.
    Browser {
        /// Save screenshots here.
        #[arg(long)]
        screenshots: Option<PathBuf>,
    },
    /// Notify the official JavaScript client of SignalR over each transport. npm installs the client.
    Signalr {
        /// The folder of its packages; created if it is missing.
        #[arg(long, default_value = "target/interop/node")]
        directory: PathBuf,
    },
    /// Exchange signed tokens with jose (npm) and pyjwt (Python), in both directions. Installs them.
    Jose {
        /// The folder of the npm package; created if it is missing.
        #[arg(long, default_value = "target/interop/node-jose")]
        directory: PathBuf,
        /// The interpreter to make the environment with.
        #[arg(long, default_value = "python3")]
        python: String,
        /// The environment of pyjwt; created if it is missing.
        #[arg(long, default_value = "target/interop/venv-jose")]
        environment: PathBuf,
    },
    /// Validate R4 resources with fhirkit-rs (Python), fhir and @medplum/core (npm). Installs them.
    R4Validators {
        /// JSON files, and folders of them; without any, the fixtures.
        #[arg(value_name = "DIR")]
        paths: Vec<PathBuf>,
        /// The folder of the npm packages; created if it is missing.
        #[arg(long, default_value = "target/interop/node-r4")]
        directory: PathBuf,
        /// The interpreter to make the environment with.
        #[arg(long, default_value = "python3")]
        python: String,
        /// The environment of fhirkit-rs; created if it is missing.
        #[arg(long, default_value = "target/interop/venv-r4")]
        environment: PathBuf,
    },
    /// Compare the XML of R4 resources with that of fhir (npm), in both directions. Installs it.
    R4Xml {
        /// JSON files, and folders of them; without any, the fixtures.
        #[arg(value_name = "DIR")]
        paths: Vec<PathBuf>,
        /// The folder of the npm packages; created if it is missing.
        #[arg(long, default_value = "target/interop/node-r4")]
        directory: PathBuf,
    },
    /// Measure koppeltaal-r4 beside other libraries of R4: clean builds, reading and writing. Takes up to an
    /// hour.
    R4Rivals {
        /// The names of the libraries; without any, all of them.
        #[arg(value_name = "LIBRARY")]
        only: Vec<String>,
        /// The seconds that a build may take.
        #[arg(long, default_value_t = 720)]
        limit: u64,
    },
    /// Exchange messages with the Python connector, in both directions and through the sandbox. Installs it
    /// into a virtual environment.
    Python {
        /// The interpreter to make the environment with.
        #[arg(long, default_value = "python3")]
        python: String,
        /// The environment; created if it is missing.
        #[arg(long, default_value = "target/interop/venv")]
        environment: PathBuf,
    },
    /// Run the tests of the version store and the outbox that need a `PostgreSQL` server. Starts one for
    /// them.
    Postgresql {
        /// Say what is missing instead of installing the server by apt-get.
        #[arg(long)]
        no_install: bool,
    },
    /// Kill a sender and a receiver at random moments, and check that no message is lost or sent twice.
    Kill {
        /// The number of kills.
        #[arg(long, default_value_t = 200)]
        kills: u32,
        /// The number of messages that are sent meanwhile.
        #[arg(long, default_value_t = 2000)]
        messages: u32,
    },
    /// Measure `koppeltaal validate` and `convert` on a folder of messages, beside the reader of the Python
    /// connector.
    Speed {
        /// The interpreter to make the environment with.
        #[arg(long, default_value = "python3")]
        python: String,
        /// The environment of the connector; created if it is missing.
        #[arg(long, default_value = "target/interop/venv")]
        environment: PathBuf,
        /// The number of messages.
        #[arg(long, default_value_t = 5000)]
        files: usize,
    },
    /// Build applications that use sqlx, diesel or bb8 beside the connector and the sandbox, and hand
    /// messages over in their own transactions.
    Stacks {
        /// The names of the stacks; without any, all of them.
        #[arg(value_name = "STACK")]
        only: Vec<String>,
    },
    /// Run the command on a pseudo-terminal: the password prompt and the progress of long work. Unix only.
    Terminal {
        /// The Python interpreter that plays the person.
        #[arg(long, default_value = "python3")]
        python: String,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    let differences = match Arguments::parse().command {
        Command::Examples { examples } => examples::run(&examples)?,
        Command::Schema { schema } => schema::run(&schema)?,
        Command::Signalr { directory } => signalr::run(&directory)?,
        Command::Jose { directory, python, environment } => jose::run(&directory, &python, &environment)?,
        Command::R4Validators { paths, directory, python, environment } => {
            r4_validators::run(&paths, &directory, &python, &environment)?
        }
        Command::R4Xml { paths, directory } => r4_xml::run(&paths, &directory)?,
        Command::R4Rivals { only, limit } => {
            r4_rivals::run(&only, std::time::Duration::from_secs(limit)).map(|()| 0)?
        }
        Command::Browser { screenshots } => browser::run(screenshots.as_deref())?,
        Command::Python { python, environment } => python::run(&python, &environment)?,
        Command::Postgresql { no_install } => postgresql::run(!no_install).map(|()| 0)?,
        Command::Kill { kills, messages } => kill::run(kills, messages).map(|()| 0)?,
        Command::Speed { python, environment, files } => {
            speed::run(&python, &environment, files).map(|()| 0)?
        }
        Command::Stacks { only } => stacks::run(&only).map(|()| 0)?,
        Command::Terminal { python } => terminal::run(&python)?,
    };
    Ok(if differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The root of the workspace.
fn workspace_root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
