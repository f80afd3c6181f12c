//! Passwords and other secrets: from the environment, from a file, or typed in. They are never arguments,
//! which other users can see in the list of processes.

use std::env;
use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::Path;

use crate::failure::Failure;
use crate::terminal;

/// A secret from the environment. If it is not there, the user is asked.
///
/// # Errors
///
/// As [`ask`].
pub(crate) fn from_environment_or_prompt(variable: &str, prompt: &str) -> Result<String, Failure> {
    env::var(variable).or_else(|_| ask(prompt, variable))
}

/// A secret that the user types at the terminal, unseen.
///
/// # Errors
///
/// Standard input is no terminal, so nobody can be asked. The error names the environment variable to set.
pub(crate) fn ask(prompt: &str, variable: &str) -> Result<String, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::Usage(format!("there is no terminal to ask for a secret: set {variable}")));
    }
    Ok(terminal::ask(prompt)?)
}

/// The secret in the first line of a file, without the byte order mark that some editors write.
///
/// # Errors
///
/// The file cannot be read, or its first line is empty.
pub(crate) fn first_line(file: &Path) -> Result<String, Failure> {
    let text = fs::read_to_string(file).map_err(Failure::file(file))?;
    let line = text.strip_prefix('\u{FEFF}').unwrap_or(&text).lines().next().filter(|line| !line.is_empty());
    line.map(str::to_owned).ok_or_else(|| {
        Failure::unusable_file(file.display(), "its first line must hold the secret, but is empty")
    })
}
