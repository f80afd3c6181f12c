//! [`Failure`]: why a command that speaks to a server could not do what it was asked, and how that is told.

use std::io::{self, Write};
use std::path::PathBuf;

use koppeltaal_messaging::CodeSystem as _;
use koppeltaal_transport::{
    AuthorizationError, BuildError, CredentialsError, Error, NotALaunch, Outcome as Said,
};
use serde::Serialize;

use crate::Outcome;
use crate::excerpt::visible;
use crate::output::Output;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Server(Box<Error>),
    #[error(transparent)]
    Connection(#[from] BuildError),
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error(transparent)]
    Authorization(#[from] AuthorizationError),
    #[error(transparent)]
    Launch(#[from] NotALaunch),
    #[error(transparent)]
    Versions(#[from] koppeltaal::VersionStoreError),
    /// A profile, a password, a file: in words.
    #[error("{0}")]
    Usage(String),
    /// What was asked for is not there.
    #[error("{0}")]
    Missing(String),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    /// Standard output, usually.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Server(Box::new(error))
    }
}

/// A failure for programs. The names are part of the command's interface.
#[derive(Serialize)]
struct Told {
    error: &'static str,
    text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    issues: Vec<ToldIssue>,
    /// The identifier of a message whose outcome is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    message_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u64>,
}

#[derive(Serialize)]
struct ToldIssue {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
}

impl Failure {
    /// A file that could not be read or written.
    pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        |source| Self::File { path, source }
    }

    /// 1 where the server answered and said no, or has nothing; 2 where it could not be asked or understood.
    fn outcome(&self) -> Outcome {
        match self {
            Self::Missing(_) | Self::Authorization(_) => Outcome::Findings,
            Self::Server(error) => match **error {
                Error::Authentication { .. }
                | Error::Forbidden { .. }
                | Error::NotFound { .. }
                | Error::Conflict { .. }
                | Error::Rejected { .. }
                | Error::OAuth { .. }
                | Error::TokenRefresh { .. } => Outcome::Findings,
                _ => Outcome::Unusable,
            },
            _ => Outcome::Unusable,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Server(error) => error.kind(),
            Self::Connection(_) => "connection",
            Self::Credentials(_) => "credentials",
            Self::Authorization(_) => "authorization",
            Self::Launch(_) => "launch",
            Self::Versions(_) => "version-store",
            Self::Usage(_) => "usage",
            Self::Missing(_) => "not-found",
            Self::File { .. } | Self::Io(_) => "input-output",
        }
    }

    /// What the server said, for the person who asked: a log would not show it.
    fn issues(&self) -> Vec<ToldIssue> {
        let Self::Server(error) = self else { return Vec::new() };
        let issue = |issue: koppeltaal_messaging::Issue| ToldIssue {
            code: issue.r#type.map(|code| code.code().to_owned()),
            details: issue.details,
            resource: issue.resource.and_then(|resource| resource.reference),
        };
        error.outcome().into_iter().flat_map(Said::issues).map(issue).collect()
    }

    /// Tells it on standard error, as text or as one JSON object.
    ///
    /// # Errors
    ///
    /// A broken pipe of standard output is handed back: there is nobody to tell.
    pub(crate) fn tell(self, output: Output) -> io::Result<Outcome> {
        let failure = match self {
            Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe => return Err(error),
            failure => failure,
        };
        let issues = failure.issues();
        let mut out = anstream::stderr().lock();
        match output {
            Output::Text => {
                writeln!(out, "error: {}", visible(&failure.to_string()))?;
                for issue in issues {
                    let parts = [issue.code, issue.details, issue.resource];
                    let parts: Vec<_> = parts.into_iter().flatten().collect();
                    writeln!(out, "  the server says: {}", visible(&parts.join(": ")))?;
                }
            }
            Output::Json => {
                let (message_identifier, retry_after) = match &failure {
                    Self::Server(error) => {
                        let identifier = match &**error {
                            Error::UnknownOutcome { message_identifier, .. } => message_identifier.clone(),
                            _ => None,
                        };
                        (identifier, error.retry_after())
                    }
                    _ => (None, None),
                };
                let told = Told {
                    error: failure.kind(),
                    text: failure.to_string(),
                    issues,
                    message_identifier,
                    retry_after_seconds: retry_after.map(|wait| wait.as_secs()),
                };
                serde_json::to_writer(&mut out, &told)?;
                writeln!(out)?;
            }
        }
        Ok(failure.outcome())
    }
}
