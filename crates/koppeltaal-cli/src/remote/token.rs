//! `koppeltaal token` and `refresh`: the tokens of a launched user.

use std::path::PathBuf;

use clap::Args;
use koppeltaal_transport::{AuthorizationCode, PendingAuthorization};

use super::RemoteCommand;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::private;
use crate::secret::{self, authentication};
use crate::token_file::{TokenSet, load};

/// The environment variables with an authorization code and its verifier. They are not flags, because other
/// users can see those.
const CODE: &str = "KOPPELTAAL_CODE";
const CODE_VERIFIER: &str = "KOPPELTAAL_CODE_VERIFIER";

/// Trade an authorization code for tokens.
///
/// The code comes from `KOPPELTAAL_CODE`; else the command asks for it. Give the code itself, or the whole
/// URL to which the browser was sent back. The state in that URL is compared with --state. The PKCE verifier
/// comes from `KOPPELTAAL_CODE_VERIFIER`, the secret of a confidential client from --client-secret-file or
/// `KOPPELTAAL_CLIENT_SECRET`.
#[derive(Debug, Args)]
pub(crate) struct Token {
    /// The identifier of the application.
    #[arg(long, value_name = "ID")]
    client_id: String,

    /// A file whose first line is the application's secret.
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,

    /// The redirect URI of the request for the code.
    #[arg(long, value_name = "URI")]
    redirect_uri: String,

    /// The state that `authorize-url` printed.
    // Random text may begin with a hyphen: one state in 64 does.
    #[arg(long, allow_hyphen_values = true)]
    state: Option<String>,

    /// Write the tokens into this file, for --tokens of other commands, instead of printing them.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

/// Trade the refresh token in a file for new tokens, which replace the old ones.
#[derive(Debug, Args)]
pub(crate) struct Refresh {
    /// The file that `token --save` wrote.
    file: PathBuf,

    /// A file whose first line is the application's secret.
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
}

impl RemoteCommand for Token {
    async fn run(self, connection: &Connection) -> Result<(), Failure> {
        let client = connection.anonymous()?;
        if let Some(file) = &self.save {
            // A code works only once, so a file that cannot be written has to be noticed before.
            private::prepare(file).map_err(Failure::file(file))?;
        }
        let given = secret::from_environment_or_prompt(CODE, "Authorization code, or the URL with it: ")?;
        let verifier = secret::from_environment(CODE_VERIFIER)?;
        let code = if given.contains("://") {
            let state = self.state.as_deref();
            let state = state
                .ok_or_else(|| Failure::Usage("a URL has a state: give --state to check it".to_owned()))?;
            PendingAuthorization::resume(&self.redirect_uri, state, verifier.as_deref()).finish(&given)?
        } else {
            AuthorizationCode::new(given.trim(), &self.redirect_uri, verifier.as_deref())
        };
        let authentication = authentication(&self.client_id, self.client_secret_file.as_deref())?;
        let tokens = client.token(&authentication, &code).await?;
        let token_set = TokenSet::new(&tokens, &self.client_id);
        match &self.save {
            Some(file) => token_set.save(file).map_err(Failure::file(file)),
            None => Ok(connection.output.print(&token_set)?),
        }
    }
}

impl RemoteCommand for Refresh {
    async fn run(self, connection: &Connection) -> Result<(), Failure> {
        let client = connection.anonymous()?;
        let (old, client_id) = load(&self.file)?;
        // A server may take a refresh token only once, so a file that cannot be written has to be noticed
        // before.
        private::prepare(&self.file).map_err(Failure::file(&self.file))?;
        let authentication = authentication(&client_id, self.client_secret_file.as_deref())?;
        let tokens = client.refresh(&authentication, &old).await?;
        TokenSet::new(&tokens, &client_id).save(&self.file).map_err(Failure::file(&self.file))
    }
}
