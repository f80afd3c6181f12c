//! [`Connection`]: to which server a command connects, as whom, and how. Flags come first, then the
//! environment, then a profile.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use koppeltaal_fhir::Format;
use koppeltaal_transport::{Client, ClientBuilder, Credentials};

use crate::arguments::format;
use crate::failure::Failure;
use crate::output::Output;
use crate::profile::Profile;
use crate::secret::{ask, first_line};
use crate::token_file;

/// The environment variable with the password. Other users could read it in a flag.
const PASSWORD: &str = "KOPPELTAAL_PASSWORD";

/// The arguments of every command that speaks to a server.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connection {
    /// The URL of the server, such as `https://koppeltaal.example`.
    #[arg(long, value_name = "URL", env = "KOPPELTAAL_SERVER")]
    server: Option<String>,

    /// The application instance's user name. The password comes from --password-file, `KOPPELTAAL_PASSWORD`
    /// or the profile; else the command asks for it.
    #[arg(long, value_name = "NAME", env = "KOPPELTAAL_USERNAME")]
    username: Option<String>,

    /// A file whose first line is the password.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,

    /// The domain of the account. A message of another domain is not sent.
    #[arg(long, value_name = "NAME", env = "KOPPELTAAL_DOMAIN")]
    domain: Option<String>,

    /// The name of a profile in --config, ~/.config/koppeltaal/profiles.cfg or ~/.koppeltaal.cfg.
    #[arg(long, value_name = "NAME", env = "KOPPELTAAL_PROFILE")]
    profile: Option<String>,

    /// The file with profiles.
    #[arg(long, value_name = "FILE", env = "KOPPELTAAL_CONFIG")]
    config: Option<PathBuf>,

    /// Act as a launched user, with the tokens that `koppeltaal token --save FILE` wrote. They are refreshed
    /// in that file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["username", "password_file"])]
    tokens: Option<PathBuf>,

    /// The format in which to speak to the server.
    #[arg(long, value_parser = format())]
    format: Option<Format>,

    /// Certificate authorities (PEM) to trust besides those of this machine.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,

    /// A proxy to use instead of the one in the environment.
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,

    /// How long one request may take, in seconds.
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,

    /// Allow http to other machines than this one: passwords and patient data travel unprotected.
    #[arg(long)]
    allow_plain_http: bool,

    /// Print for people or for programs.
    #[arg(long, value_enum, default_value_t)]
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
        let client = self.builder(&profile)?.build()?;
        let credentials = match &self.tokens {
            Some(file) => Credentials::bearer(token_file::session(file)?),
            None => self.basic(&profile)?,
        };
        Ok(Account {
            client: client.with_credentials(credentials),
            domain: self.domain.clone().or(profile.domain),
        })
    }

    /// A client without credentials, for requests that need none.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub(crate) fn anonymous(&self) -> Result<Client, Failure> {
        Ok(self.builder(&self.profile()?)?.build()?)
    }

    fn profile(&self) -> Result<Profile, Failure> {
        match &self.profile {
            Some(name) => Profile::find(name, self.config.as_deref()),
            None if self.config.is_some() => Err(Failure::Usage("--config needs --profile".to_owned())),
            None => Ok(Profile::default()),
        }
    }

    fn builder(&self, profile: &Profile) -> Result<ClientBuilder, Failure> {
        let server = self.server.as_ref().or(profile.url.as_ref());
        let server =
            server.ok_or_else(|| Failure::Usage("no server: give --server or --profile".to_owned()))?;
        let mut builder = Client::builder(server);
        let format = match (self.format, &profile.format) {
            (Some(format), _) => format,
            (None, Some(name)) => {
                name.parse().map_err(|error| Failure::Usage(format!("the format of the profile: {error}")))?
            }
            (None, None) => Format::default(),
        };
        builder = builder.format(format);
        if let Some(file) = self.ca_file.as_ref().or(profile.ca_file.as_ref()) {
            builder = builder.root_certificates_pem(&fs::read(file).map_err(Failure::file(file))?);
        }
        if let Some(proxy) = self.proxy.as_ref().or(profile.proxy.as_ref()) {
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

    fn basic(&self, profile: &Profile) -> Result<Credentials, Failure> {
        let username = self.username.as_ref().or(profile.username.as_ref());
        let username =
            username.ok_or_else(|| Failure::Usage("no account: give --username or --profile".to_owned()))?;
        let password = match &self.password_file {
            Some(file) => first_line(file)?,
            None => match (env::var(PASSWORD).ok(), &profile.password, &profile.password_file) {
                (Some(password), _, _) => password,
                (None, Some(password), _) if self.username.is_none() => password.clone(),
                (None, _, Some(file)) if self.username.is_none() => first_line(file)?,
                // The password in the profile belongs to another account.
                _ => ask(&format!("Password of {username}: "), PASSWORD)?,
            },
        };
        Ok(Credentials::basic(username, &password)?)
    }
}
