//! Passwords and other secrets: from the environment, from a file, or typed in. They are never arguments,
//! which other users can see in the list of processes.

use std::env::{self, VarError};
use std::io::{self, IsTerminal as _};
use std::path::Path;

use koppeltaal::secret_in_file;
use koppeltaal_transport::ClientAuthentication;

use crate::failure::Failure;
use crate::terminal;

/// The environment variable with the secret of a confidential client.
const CLIENT_SECRET: &str = "KOPPELTAAL_CLIENT_SECRET";

/// A secret from the environment; `None` if the variable is not there or empty.
///
/// # Errors
///
/// The variable holds no UTF-8.
pub(crate) fn from_environment(variable: &str) -> Result<Option<String>, Failure> {
    match env::var(variable) {
        Ok(secret) => Ok(Some(secret).filter(|secret| !secret.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        // The variable's value is not shown: it is a secret, even if a damaged one.
        Err(VarError::NotUnicode(_)) => {
            Err(Failure::Usage(format!("{variable} holds bytes that are not UTF-8: set it again")))
        }
    }
}

/// A secret from the environment. If it is not there, the user is asked.
///
/// # Errors
///
/// Those of [`from_environment`] and [`ask`].
pub(crate) fn from_environment_or_prompt(variable: &str, prompt: &str) -> Result<String, Failure> {
    match from_environment(variable)? {
        Some(secret) => Ok(secret),
        None => ask(prompt, variable),
    }
}

/// How the application proves who it is: with the secret in a file or in the environment. Without a secret it
/// is a public client.
///
/// # Errors
///
/// The file or the variable cannot be read, or the secret cannot be sent.
pub(crate) fn authentication(
    client_id: &str,
    secret_file: Option<&Path>,
) -> Result<ClientAuthentication, Failure> {
    let secret = match secret_file {
        Some(file) => Some(secret_in_file(file)?),
        None => from_environment(CLIENT_SECRET)?,
    };
    Ok(match secret {
        Some(secret) => ClientAuthentication::basic(client_id, &secret)?,
        None => ClientAuthentication::public(client_id),
    })
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
