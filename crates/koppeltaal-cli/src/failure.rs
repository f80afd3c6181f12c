//! [`Failure`]: why a command that speaks to a server failed, and how that is printed.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::time::Duration;

use koppeltaal::{ConfigError, DefinitionError, OutboxError};
use koppeltaal_fhir::WriteError;
use koppeltaal_messaging::CodeSystem as _;
use koppeltaal_transport::{
    AuthorizationError, BuildError, CredentialsError, Error, NotALaunch, OAuthError, Outcome as ServerOutcome,
};
use serde::Serialize;

use crate::excerpt::visible;
use crate::input::InputError;
use crate::outcome::Outcome;
use crate::output::Output;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{}", with_advice(.0))]
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
    #[error(transparent)]
    Definition(DefinitionError),
    #[error(transparent)]
    Outbox(#[from] koppeltaal::OutboxError),
    /// A domain of Koppeltaal 2.0 cannot be used.
    #[error(transparent)]
    Discovery(#[from] koppeltaal2::DiscoveryError),
    /// A domain of Koppeltaal 2.0 did not do what it was asked to do.
    #[error(transparent)]
    Domain(#[from] koppeltaal2::Error),
    /// A profile or a file with a secret cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Arguments, the environment or a profile do not say what to do.
    #[error("{0}")]
    Usage(String),
    /// The content of a file is not what the command needs.
    #[error("{name}: {problem}")]
    UnusableFile { name: String, problem: String },
    /// The server sent something that the command cannot use.
    #[error("the server's answer cannot be used: {0}")]
    Protocol(&'static str),
    /// The server sent something that the format of the output cannot hold.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// What was asked for is not there.
    #[error("{0}")]
    NotFound(String),
    /// A file cannot be read or written.
    #[error("{}: {}", path.display(), with_room(source))]
    File { path: PathBuf, source: io::Error },
    /// Other input or output failed, in most cases standard output.
    #[error("{}", with_room(.0))]
    Io(#[from] io::Error),
}

/// The text of an error of the server's, and what to do about it.
fn with_advice(error: &Error) -> String {
    match (error, error.advice()) {
        (Error::UnknownOutcome { message_identifier: Some(identifier), .. }, _) => {
            format!(
                "{error}; `koppeltaal message {identifier}` asks the server for it before it is sent again"
            )
        }
        (_, Some(advice)) => format!("{error}; {advice}"),
        (_, None) => error.to_string(),
    }
}

/// The text of an error of the file system, and what to do about a full disk.
pub(crate) fn with_room(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!("{error}; make room, and run the command again")
        }
        _ => error.to_string(),
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Server(Box::new(error))
    }
}

impl From<DefinitionError> for Failure {
    fn from(error: DefinitionError) -> Self {
        match error {
            DefinitionError::Transport(error) => error.into(),
            error => Self::Definition(error),
        }
    }
}

impl From<InputError> for Failure {
    fn from(InputError { name, problem }: InputError) -> Self {
        Self::UnusableFile { name, problem }
    }
}

/// A failure as programs read it. The names are part of the command's interface.
#[derive(Serialize)]
struct FailureReport {
    error: &'static str,
    text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    issues: Vec<IssueReport>,
    /// The identifier of a message whose outcome is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    message_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u64>,
}

/// How an OAuth endpoint refused, if that is the error.
fn refusal_in(error: &Error) -> Option<&OAuthError> {
    match error {
        Error::OAuth { error, .. } => Some(error),
        Error::TokenRefresh { source } => refusal_in(source),
        _ => None,
    }
}

#[derive(Serialize)]
struct IssueReport {
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

    /// A file whose content is not what the command needs.
    pub(crate) fn unusable_file(name: impl fmt::Display, problem: impl fmt::Display) -> Self {
        // The errors of databases name the file, too.
        let problem = problem.to_string().replace(&format!(": {name}: "), ": ");
        Self::UnusableFile { name: name.to_string(), problem }
    }

    /// 1 if the server said no or has no such thing, 2 for everything else.
    fn outcome(&self) -> Outcome {
        match self {
            Self::NotFound(_)
            | Self::Authorization(_)
            | Self::Definition(_)
            | Self::Outbox(OutboxError::Unknown { .. } | OutboxError::State { .. }) => Outcome::Negative,
            Self::Server(error) => match **error {
                Error::Authentication { .. }
                | Error::Forbidden { .. }
                | Error::NotFound { .. }
                | Error::Conflict { .. }
                | Error::Rejected { .. }
                | Error::ClaimTakenOver { .. }
                | Error::OAuth { .. }
                | Error::TokenRefresh { .. } => Outcome::Negative,
                _ => Outcome::Unusable,
            },
            Self::Domain(
                koppeltaal2::Error::Unauthenticated(_)
                | koppeltaal2::Error::Denied(_)
                | koppeltaal2::Error::NotFound(_)
                | koppeltaal2::Error::Gone(_)
                | koppeltaal2::Error::Conflict(_)
                | koppeltaal2::Error::Invalid(_),
            ) => Outcome::Negative,
            _ => Outcome::Unusable,
        }
    }

    /// Whether the same command may succeed later, without anybody changing anything.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Server(error) => error.is_transient(),
            Self::Domain(error) => error.is_transient(),
            _ => false,
        }
    }

    /// How long the server asked to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Server(error) => error.retry_after(),
            Self::Domain(error) => error.retry_after(),
            _ => None,
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
            Self::Definition(DefinitionError::Conflict { .. }) => "conflict",
            Self::Definition(_) => "definition",
            Self::Outbox(_) => "outbox",
            Self::Config(ConfigError::File { .. }) => "input-output",
            Self::Config(
                ConfigError::Line { .. } | ConfigError::Option { .. } | ConfigError::NoSecret { .. },
            ) => "unusable-file",
            Self::Config(_) | Self::Usage(_) => "usage",
            Self::UnusableFile { .. } => "unusable-file",
            Self::Protocol(_) => "protocol",
            Self::Discovery(_) => "discovery",
            Self::Domain(_) => "domain",
            Self::Write(_) => "unwritable",
            Self::NotFound(_) => "not-found",
            Self::File { .. } | Self::Io(_) => "input-output",
        }
    }

    /// What the server said. A log would not show it, since it can hold data of patients; the user may see
    /// it.
    fn issues(&self) -> Vec<IssueReport> {
        let refusal = match self {
            Self::Authorization(AuthorizationError::Refused(refusal)) => Some(refusal),
            Self::Server(error) => refusal_in(error),
            _ => None,
        };
        if let Some(refusal) = refusal {
            let code = Some(refusal.code.as_str().to_owned());
            return vec![IssueReport { code, details: refusal.description.clone(), resource: None }];
        }
        if let Self::Domain(error) = self {
            let issues = error.refusal().into_iter().flat_map(|refusal| &refusal.issues);
            let issue = |issue: &koppeltaal2::Issue| IssueReport {
                code: Some(issue.code.clone()),
                details: issue.diagnostics.clone(),
                resource: issue.expression.first().cloned(),
            };
            return issues.map(issue).collect();
        }
        let Self::Server(error) = self else { return Vec::new() };
        let issue = |issue: koppeltaal_messaging::Issue| IssueReport {
            code: issue.r#type.map(|code| code.code().to_owned()),
            details: issue.details,
            resource: issue.resource.and_then(|resource| resource.reference),
        };
        error.outcome().into_iter().flat_map(ServerOutcome::issues).map(issue).collect()
    }

    /// Prints the failure on standard error, as text or as one JSON object.
    ///
    /// # Errors
    ///
    /// The failure is a broken pipe, since nobody reads the output any more; or standard error cannot be
    /// written.
    pub(crate) fn print(self, output: Output) -> io::Result<Outcome> {
        let failure = match self {
            Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe => return Err(error),
            failure => failure,
        };
        let issues = failure.issues();
        let mut out = anstream::stderr().lock();
        match output {
            Output::Text => {
                let text = failure.to_string();
                writeln!(out, "error: {}", visible(&text))?;
                // The text of a refusal by OAuth has the description, unless a word of it was left out.
                let is_new = |issue: &IssueReport| {
                    issue.details.as_ref().is_none_or(|details| !text.contains(details))
                };
                for issue in issues.into_iter().filter(is_new) {
                    let parts = [issue.code, issue.details, issue.resource];
                    let parts: Vec<_> = parts.into_iter().flatten().collect();
                    writeln!(out, "  the server says: {}", visible(&parts.join(": ")))?;
                }
            }
            Output::Json => {
                let message_identifier = match &failure {
                    Self::Server(error) => match &**error {
                        Error::UnknownOutcome { message_identifier, .. } => message_identifier.clone(),
                        _ => None,
                    },
                    _ => None,
                };
                let report = FailureReport {
                    error: failure.kind(),
                    text: failure.to_string(),
                    issues,
                    message_identifier,
                    retry_after_seconds: failure.retry_after().map(|wait| wait.as_secs()),
                };
                serde_json::to_writer(&mut out, &report)?;
                writeln!(out)?;
            }
        }
        Ok(failure.outcome())
    }
}
