//! The file with the tokens of a launched user. `token` writes it, and commands that use it write the
//! refreshed tokens into it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use koppeltaal_transport::{Session, TokenStore, Tokens};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::output::{self, Printable, table};
use crate::private;
use crate::secret::authentication;

/// Tokens as they are written and printed, under their OAuth names.
#[derive(Serialize, Deserialize)]
pub(crate) struct TokenSet {
    access_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patient: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    intent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// The application that the tokens were issued to.
    client_id: String,
}

impl TokenSet {
    pub(crate) fn new(tokens: &Tokens, client_id: &str) -> Self {
        let context = tokens.context().clone();
        let seconds =
            |at: SystemTime| at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        Self {
            access_token: tokens.access_token().to_owned(),
            refresh_token: tokens.refresh_token().map(str::to_owned),
            expires_at: tokens.expires_at().map(seconds),
            patient: context.patient,
            user: context.user,
            resource: context.resource,
            domain: context.domain,
            intent: context.intent,
            scope: context.scope,
            client_id: client_id.to_owned(),
        }
    }

    /// Writes the file, which only its owner may read.
    pub(crate) fn save(&self, path: &Path) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        private::write(path, &text)
    }

    fn tokens(&self) -> Result<Tokens, Failure> {
        let mut tokens = Tokens::new(&self.access_token)?;
        if let Some(refresh_token) = &self.refresh_token {
            tokens = tokens.with_refresh_token(refresh_token);
        }
        // A time that the system cannot express is as good as none.
        let expires_at =
            self.expires_at.and_then(|at| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(at)));
        if let Some(at) = expires_at {
            tokens = tokens.with_expires_at(at);
        }
        let mut context = tokens.context().clone();
        context.patient.clone_from(&self.patient);
        context.user.clone_from(&self.user);
        context.resource.clone_from(&self.resource);
        context.domain.clone_from(&self.domain);
        context.intent.clone_from(&self.intent);
        context.scope.clone_from(&self.scope);
        Ok(tokens.with_context(context))
    }
}

impl Printable for TokenSet {
    fn lines(&self) -> Vec<String> {
        let expires_at = self.expires_at.map(|at| at.to_string());
        table(&[
            ("access_token", Some(&self.access_token)),
            ("refresh_token", self.refresh_token.as_deref()),
            ("expires_at", expires_at.as_deref()),
            ("patient", self.patient.as_deref()),
            ("user", self.user.as_deref()),
            ("resource", self.resource.as_deref()),
            ("domain", self.domain.as_deref()),
            ("intent", self.intent.as_deref()),
            ("scope", self.scope.as_deref()),
        ])
    }
}

/// The tokens in a file, and the application that they were issued to.
///
/// # Errors
///
/// The file cannot be read, holds no tokens, or holds one that a header cannot carry.
pub(crate) fn load(path: &Path) -> Result<(Tokens, String), Failure> {
    let text = fs::read(path).map_err(Failure::file(path))?;
    // The parser's own message is left out, since it can quote a token.
    let token_set: TokenSet = serde_json::from_slice(&text)
        .map_err(|_| Failure::unusable_file(path.display(), "it holds no tokens"))?;
    Ok((token_set.tokens()?, token_set.client_id))
}

/// A session with the tokens in a file. It writes refreshed tokens into the same file.
///
/// # Errors
///
/// Those of [`load`], or the secret in the environment cannot be sent.
pub(crate) fn session(path: &Path) -> Result<Session, Failure> {
    let (tokens, client_id) = load(path)?;
    let authentication = authentication(&client_id, None)?;
    Ok(Session::new(tokens)
        .with_refresh(authentication)
        .with_store(Arc::new(TokenFile { path: path.to_owned(), client_id })))
}

/// Where a session writes refreshed tokens.
struct TokenFile {
    path: PathBuf,
    client_id: String,
}

impl TokenStore for TokenFile {
    fn save<'a>(
        &'a self,
        tokens: &'a Tokens,
    ) -> BoxFuture<'a, Result<(), Box<dyn std::error::Error + Send + Sync>>> {
        Box::pin(async {
            let result = TokenSet::new(tokens, &self.client_id).save(&self.path);
            if let Err(error) = &result {
                let next = "the new tokens are not saved, so log in again for the next command";
                output::warn(format_args!("{}: {error}; {next}", self.path.display()));
            }
            Ok(result?)
        })
    }
}
