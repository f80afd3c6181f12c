//! `koppeltaal completions` and `koppeltaal man`: completion scripts and manual pages, generated from the
//! command line itself.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use crate::command_line;
use crate::outcome::Outcome;

/// Print a script that completes commands and arguments in a shell.
///
/// For bash, put it into `~/.local/share/bash-completion/completions/koppeltaal`; for zsh, into a file
/// `_koppeltaal` in a folder of `$fpath`; for fish, into `~/.config/fish/completions/koppeltaal.fish`.
///
/// Exit code: 0 printed, 2 could not be printed.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Write the manual pages of all commands.
///
/// Exit code: 0 written, 2 could not be written.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder to write them into, such as `~/.local/share/man/man1`.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Completions {
    pub(crate) fn run(self) -> io::Result<Outcome> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command_line::command(), "koppeltaal", &mut script);
        io::stdout().write_all(&script)?;
        Ok(Outcome::Success)
    }
}

impl Man {
    pub(crate) fn run(self) -> io::Result<Outcome> {
        let with_folder =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", self.folder.display()));
        fs::create_dir_all(&self.folder).map_err(with_folder)?;
        clap_mangen::generate_to(command_line::command(), &self.folder).map_err(with_folder)?;
        Ok(Outcome::Success)
    }
}
