//! [`ConfigError`]: why the environment or a profile makes no connector.

use std::io;
use std::path::{Path, PathBuf};

use koppeltaal_transport::{BuildError, CredentialsError};

/// Why the environment or a profile makes no connector. No text holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A setting is nowhere to be found.
    #[error("{what} is missing: set {variable}, or {option} in a profile that KOPPELTAAL_PROFILE names")]
    Missing {
        /// What is missing, in words.
        what: &'static str,
        /// The environment variable that can hold it.
        variable: &'static str,
        /// The option of a profile that can hold it.
        option: &'static str,
    },
    /// An environment variable holds bytes that are not UTF-8.
    #[error("{variable} holds bytes that are not UTF-8: set it again")]
    NotUtf8 {
        /// The name of the variable.
        variable: &'static str,
    },
    /// An environment variable has a value that cannot be used.
    #[error("{variable} has a value that cannot be used: expected {expected}")]
    Variable {
        /// The name of the variable.
        variable: &'static str,
        /// What it may be.
        expected: &'static str,
    },
    /// `KOPPELTAAL_CONFIG` names a file of profiles, but no profile is named.
    #[error("KOPPELTAAL_CONFIG names a file of profiles, but no profile: set KOPPELTAAL_PROFILE too")]
    ProfileNotNamed,
    /// There is no profile of this name.
    #[error("there is no profile {name:?} in {}: add a section [{name}]", or(files))]
    NoProfile {
        /// The name.
        name: String,
        /// The files in which it would have been found. Not all of them need exist.
        files: Vec<PathBuf>,
    },
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not. The text of this error includes it.
        // With its raw name, `thiserror` does not take it for the source.
        r#source: io::Error,
    },
    /// A file of profiles has a line that cannot be read.
    #[error("{}: line {line}: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// An option of a profile has a value that cannot be used.
    #[error("{}: {option} in [{profile}]: {problem}", path.display())]
    Option {
        /// The file.
        path: PathBuf,
        /// The profile.
        profile: String,
        /// The name of the option.
        option: &'static str,
        /// What is wrong with it, without its value.
        problem: String,
    },
    /// A file that should hold a secret does not.
    #[error("{}: its first line must hold the secret, but is empty", path.display())]
    NoSecret {
        /// The file.
        path: PathBuf,
    },
    /// The client cannot be built.
    #[error(transparent)]
    Client(#[from] BuildError),
    /// The credentials cannot be sent.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
}

impl ConfigError {
    /// The error for this file, which cannot be read.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        |source| Self::File { path, source }
    }
}

fn or(files: &[PathBuf]) -> String {
    if files.is_empty() {
        return "any file, since there is no home directory".to_owned();
    }
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(" or ")
}
