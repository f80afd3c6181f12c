//! Passwords and other secrets: from the environment, from a file, or asked for. Never from an argument, which is in the
//! list of processes.

use std::env;
use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::Path;

use crate::failure::Failure;

/// A secret from the environment, or asked for.
///
/// # Errors
///
/// Nobody to ask.
pub(crate) fn from_environment(variable: &str, prompt: &str) -> Result<String, Failure> {
    env::var(variable).or_else(|_| ask(prompt, variable))
}

/// A secret that the person at the terminal types, unseen.
///
/// # Errors
///
/// Nobody to ask; the error names the variable that would do.
pub(crate) fn ask(prompt: &str, variable: &str) -> Result<String, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::Usage(format!("nobody to ask for a secret: set {variable}")));
    }
    Ok(rpassword::prompt_password(prompt)?)
}

/// The secret in the first line of a file, without its end and without the byte order mark that some editors write.
///
/// # Errors
///
/// The file cannot be read, or there is nothing in the line.
pub(crate) fn first_line(file: &Path) -> Result<String, Failure> {
    let text = fs::read_to_string(file).map_err(Failure::file(file))?;
    let line = text.strip_prefix('\u{FEFF}').unwrap_or(&text).lines().next().filter(|line| !line.is_empty());
    line.map(str::to_owned)
        .ok_or_else(|| Failure::Usage(format!("{}: the first line, a secret, is empty", file.display())))
}
