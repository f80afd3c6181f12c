//! [`Connection`]: to which server a command connects, as whom, and how. Flags come first, then the
//! environment, then a profile.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use koppeltaal::{Profile, secret_in_file};
use koppeltaal_fhir::Format;
use koppeltaal_transport::{BuildError, Client, ClientBuilder, Credentials};

use crate::arguments::format;
use crate::failure::Failure;
use crate::output::Output;
use crate::secret::{ask, from_environment};
use crate::{output, private, token_file};

/// The environment variable with the password. Other users could read it in a flag.
const PASSWORD: &str = "KOPPELTAAL_PASSWORD";

/// The environment variable with the file of profiles.
const CONFIG: &str = "KOPPELTAAL_CONFIG";

/// Over the arguments about the connection in the help of a command.
pub(crate) const HEADING: &str = "Connection";

/// What the address of a server looks like.
const EXAMPLE: &str = "such as https://koppeltaal.example";

/// The arguments of every command that speaks to a server. They may stand before the command or after it.
///
/// The help of a command shows them in short, and `-h` explains them. So each has one paragraph.
#[derive(Debug, Args)]
#[command(next_help_heading = HEADING)]
pub(crate) struct Connection {
    /// The URL of the server, such as `https://koppeltaal.example`.
    #[arg(long, global = true, value_name = "URL", env = "KOPPELTAAL_SERVER", hide_long_help = true)]
    server: Option<String>,

    /// The application instance's user name. The password comes from --password-file, `KOPPELTAAL_PASSWORD`
    /// or the profile; else the command asks for it.
    #[arg(long, global = true, value_name = "NAME", env = "KOPPELTAAL_USERNAME", hide_long_help = true)]
    username: Option<String>,

    /// A file whose first line is the password.
    #[arg(long, global = true, value_name = "FILE", hide_long_help = true)]
    password_file: Option<PathBuf>,

    /// The domain of the account. A message of another domain is not sent.
    #[arg(long, global = true, value_name = "NAME", env = "KOPPELTAAL_DOMAIN", hide_long_help = true)]
    domain: Option<String>,

    /// The name of a profile in --config, ~/.config/koppeltaal/profiles.cfg or ~/.koppeltaal.cfg.
    #[arg(long, global = true, value_name = "NAME", env = "KOPPELTAAL_PROFILE", hide_long_help = true)]
    profile: Option<String>,

    /// The file with profiles [env: `KOPPELTAAL_CONFIG`].
    // Not by `env`: the sandbox has an argument of this name that the variable must not set.
    #[arg(long, global = true, value_name = "FILE", hide_long_help = true)]
    config: Option<PathBuf>,

    /// Act as a launched user, with the tokens that `koppeltaal token --save FILE` wrote. They are refreshed
    /// in that file.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        conflicts_with_all = ["username", "password_file"],
        hide_long_help = true
    )]
    tokens: Option<PathBuf>,

    /// The format in which to speak to the server.
    #[arg(long, global = true, value_parser = format(), hide_long_help = true)]
    format: Option<Format>,

    /// Certificate authorities (PEM) to trust besides those of this machine.
    #[arg(long, global = true, value_name = "FILE", hide_long_help = true)]
    ca_file: Option<PathBuf>,

    /// A proxy to use instead of the one in the environment.
    #[arg(long, global = true, value_name = "URL", hide_long_help = true)]
    proxy: Option<String>,

    /// How long one request may take, in seconds.
    #[arg(long, global = true, value_name = "SECONDS", hide_long_help = true)]
    timeout: Option<u64>,

    /// Allow http to other machines than this one: passwords and patient data travel unprotected.
    #[arg(long, global = true, hide_long_help = true)]
    allow_plain_http: bool,

    /// Show on standard error what goes over the wire: method, path, status and time, but no content.
    #[arg(short, long, global = true, hide_long_help = true)]
    pub(crate) verbose: bool,

    /// Print for people (text), or one JSON object on each line for programs (json).
    #[arg(long, global = true, value_enum, default_value_t, hide_possible_values = true, help_heading = None)]
    pub(crate) output: Output,
}

/// The client of an account, and the domain that the command line or the profile names.
pub(crate) struct Account {
    pub(crate) client: Client,
    pub(crate) domain: Option<String>,
}

impl Connection {
    /// A client with the account's credentials.
    ///
    /// # Errors
    ///
    /// Something is missing or cannot be used.
    pub(crate) fn connect(&self) -> Result<Account, Failure> {
        let profile = self.profile()?;
        let client = built(self.builder(profile.as_ref())?)?;
        if self.tokens.is_some() && self.password_file.is_some() {
            return Err(Failure::Usage("give --tokens or --password-file, not both".to_owned()));
        }
        let credentials = match &self.tokens {
            Some(file) => Credentials::bearer(token_file::session(file)?),
            None => self.basic(profile.as_ref())?,
        };
        Ok(Account {
            client: client.with_credentials(credentials),
            domain: self.domain().map(str::to_owned).or_else(|| profile?.domain),
        })
    }

    /// A client without credentials, for requests that need none.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub(crate) fn anonymous(&self) -> Result<Client, Failure> {
        built(self.builder(self.profile()?.as_ref())?)
    }

    /// The domain that the command line or the environment names.
    pub(crate) fn domain(&self) -> Option<&str> {
        self.domain.as_deref().filter(|domain| !domain.is_empty())
    }

    fn profile(&self) -> Result<Option<Profile>, Failure> {
        let config = self.config.clone().or_else(|| env::var_os(CONFIG).map(PathBuf::from));
        match &self.profile {
            Some(name) => {
                let profile = Profile::find(name, config.as_deref())?;
                if profile.has_password() && private::is_shared(&profile.file) {
                    let name = profile.file.display();
                    output::warn(format_args!(
                        "other users can read {name}, which has a password in it: chmod 600 {name}"
                    ));
                }
                Ok(Some(profile))
            }
            None if config.is_some() => Err(Failure::Usage(format!(
                "--config (or {CONFIG}) needs --profile: which account is meant?"
            ))),
            None => Ok(None),
        }
    }

    fn builder(&self, profile: Option<&Profile>) -> Result<ClientBuilder, Failure> {
        // A variable that is empty is as good as none.
        let given = self.server.as_ref().filter(|server| !server.is_empty());
        let server = given.or(profile.and_then(|profile| profile.server.as_ref())).ok_or_else(|| {
            Failure::Usage(format!("no server: give --server URL, {EXAMPLE}, or --profile NAME"))
        })?;
        let mut builder = Client::builder(server);
        let format = self.format.or_else(|| profile?.format);
        builder = builder.format(format.unwrap_or_default());
        if let Some(file) = self.ca_file.as_ref().or_else(|| profile?.ca_file.as_ref()) {
            builder = builder.root_certificates_pem(&fs::read(file).map_err(Failure::file(file))?);
        }
        if let Some(proxy) = self.proxy.as_ref().or_else(|| profile?.proxy.as_ref()) {
            builder = builder.proxy(proxy);
        }
        if let Some(seconds) = self.timeout {
            builder = builder.request_timeout(Duration::from_secs(seconds));
        }
        if self.allow_plain_http {
            builder = builder.danger_allow_plain_http();
        }
        Ok(builder)
    }

    fn basic(&self, profile: Option<&Profile>) -> Result<Credentials, Failure> {
        let given = self.username.as_ref().filter(|username| !username.is_empty());
        let username = given.or_else(|| profile?.username.as_ref());
        let username =
            username.ok_or_else(|| Failure::Usage("no account: give --username or --profile".to_owned()))?;
        let password = match &self.password_file {
            Some(file) => Some(secret_in_file(file)?),
            None => match (from_environment(PASSWORD)?, profile) {
                (Some(password), _) => Some(password),
                (None, Some(profile)) if given.is_none() => profile.password()?,
                // The password in the profile belongs to another account.
                (None, _) => None,
            },
        };
        let password = match password {
            Some(password) => password,
            None => ask(&format!("Password of {username}: "), PASSWORD)?,
        };
        Ok(Credentials::basic(username, &password)?)
    }
}

/// The client. A refusal that an argument can mend names the argument.
fn built(builder: ClientBuilder) -> Result<Client, Failure> {
    builder.build().map_err(|error| match error {
        // The address is not repeated: it may hold a password.
        BuildError::Url(problem) => Failure::Usage(format!(
            "the server's address cannot be used ({problem}): give --server (or KOPPELTAAL_SERVER, or url in the \
             profile) a URL {EXAMPLE}"
        )),
        BuildError::InsecureUrl { host } => Failure::Usage(format!(
            "{host} would be reached without TLS: use https, or give --allow-plain-http if passwords and data of \
             patients may travel unprotected"
        )),
        error => error.into(),
    })
}
