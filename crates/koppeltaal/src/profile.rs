//! [`Profile`]: a named account in a configuration file, as the command `koppeltaal` and the Python connector
//! have it.

mod environment;
mod error;
mod ini;

use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use koppeltaal_transport::Format;

pub(crate) use environment::Environment;
pub use error::ConfigError;
use ini::Ini;

/// A named account: one section of a configuration file.
///
/// ```ini
/// [test]
/// url = https://koppeltaal.example
/// username = portal
/// password_file = /run/secrets/koppeltaal
/// domain = Zonnedauw
/// ```
///
/// `password` can replace `password_file`. `format` is `json` or `xml`, `ca_file` names certificate
/// authorities (PEM) to trust besides those of the machine, and `proxy` is a URL. The file is read as
/// Python's `ConfigParser` reads it, or refused: names in upper or lower case, `[DEFAULT]`, `%(NAME)s`, `%%`,
/// continuation lines.
///
/// [`Connector::from_profile`](crate::Connector::from_profile) makes a connector of it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Profile {
    /// The name of the section.
    pub name: String,
    /// The file that it is in.
    pub file: PathBuf,
    /// `url`: the address of the server.
    pub server: Option<String>,
    /// `username`: the user name of the application instance.
    pub username: Option<String>,
    /// `domain`: the domain of the account.
    pub domain: Option<String>,
    /// `format`: in which format to speak to the server.
    pub format: Option<Format>,
    /// `ca_file`: certificate authorities to trust.
    pub ca_file: Option<PathBuf>,
    /// `proxy`: the URL of a proxy. It may hold a password.
    pub proxy: Option<String>,
    password: Option<String>,
    password_file: Option<PathBuf>,
}

impl Profile {
    /// The profile with this name: in `file`, or else in `~/.config/koppeltaal/profiles.cfg` (or under
    /// `$XDG_CONFIG_HOME`), or else in the file of the Python connector, `~/.koppeltaal.cfg`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`]: a file cannot be read, or there is no such profile.
    pub fn find(name: &str, file: Option<&Path>) -> Result<Self, ConfigError> {
        Self::find_in(name, file, &Environment::new(&|variable| env::var_os(variable)))
    }

    pub(crate) fn find_in(
        name: &str,
        file: Option<&Path>,
        environment: &Environment<'_>,
    ) -> Result<Self, ConfigError> {
        let places = file.map_or_else(|| environment.profile_files(), |file| vec![file.to_owned()]);
        for place in &places {
            if file.is_none() && !place.exists() {
                continue;
            }
            let text = fs::read_to_string(place).map_err(ConfigError::file(place))?;
            if let Some(profile) = Self::read(name, place, &text)? {
                return Ok(profile);
            }
        }
        Err(ConfigError::NoProfile { name: name.to_owned(), files: places })
    }

    fn read(name: &str, file: &Path, text: &str) -> Result<Option<Self>, ConfigError> {
        let ini = Ini::parse(text).map_err(|error| ConfigError::Line {
            path: file.to_owned(),
            line: error.line().unwrap_or_default(),
            problem: error.to_string(),
        })?;
        if !ini.has_section(name) {
            return Ok(None);
        }
        let wrong = |option: &'static str, problem: String| ConfigError::Option {
            path: file.to_owned(),
            profile: name.to_owned(),
            option,
            problem,
        };
        let get = |option: &'static str| {
            let value = ini.get(name, option).map_err(|error| wrong(option, error.to_string()))?;
            Ok::<_, ConfigError>(value.filter(|value| !value.is_empty()))
        };
        let format = get("format")?.map(|format| format.parse()).transpose();
        Ok(Some(Self {
            name: name.to_owned(),
            file: file.to_owned(),
            server: get("url")?,
            username: get("username")?,
            domain: get("domain")?,
            format: format.map_err(|_| wrong("format", "expected json or xml".to_owned()))?,
            ca_file: get("ca_file")?.map(PathBuf::from),
            proxy: get("proxy")?,
            password: get("password")?,
            password_file: get("password_file")?.map(PathBuf::from),
        }))
    }

    /// Whether the file itself holds the password. Then nobody but its owner should be able to read it.
    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// The password: `password`, or the first line of the file that `password_file` names. `None` if the
    /// profile has neither.
    ///
    /// # Errors
    ///
    /// [`ConfigError::File`] or [`ConfigError::NoSecret`] about the file of the password.
    pub fn password(&self) -> Result<Option<String>, ConfigError> {
        match (&self.password, &self.password_file) {
            (Some(password), _) => Ok(Some(password.clone())),
            (None, Some(file)) => secret_in_file(file).map(Some),
            (None, None) => Ok(None),
        }
    }
}

impl fmt::Debug for Profile {
    /// Leaves the password and the proxy out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("name", &self.name)
            .field("file", &self.file)
            .field("server", &self.server)
            .field("username", &self.username)
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

/// The secret in the first line of a file, without the byte order mark that some editors write.
///
/// # Errors
///
/// [`ConfigError::File`]: it cannot be read. [`ConfigError::NoSecret`]: its first line is empty.
pub fn secret_in_file(file: &Path) -> Result<String, ConfigError> {
    let text = fs::read_to_string(file).map_err(ConfigError::file(file))?;
    let line = text.strip_prefix('\u{FEFF}').unwrap_or(&text).lines().next().filter(|line| !line.is_empty());
    line.map(str::to_owned).ok_or_else(|| ConfigError::NoSecret { path: file.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Option<Profile>, ConfigError> {
        Profile::read(name, Path::new("profiles.cfg"), text)
    }

    #[test]
    fn profiles_are_read_as_the_python_connector_reads_them() {
        let text = "# comment\n[test]\nurl = https://koppeltaal.example\nusername = PA0101\n\
                    password = 100%% pass;w#rd: x=y\ndomain = Test domain\n\n[other]\nurl: https://other.example\n";
        let profile = read("test", text).expect("a file").expect("a profile");
        assert_eq!(profile.server.as_deref(), Some("https://koppeltaal.example"));
        assert_eq!(profile.username.as_deref(), Some("PA0101"));
        assert_eq!(profile.password().expect("a password").as_deref(), Some("100% pass;w#rd: x=y"));
        assert_eq!(profile.domain.as_deref(), Some("Test domain"));
        assert!(!format!("{profile:?}").contains("w#rd"));
        let other = read("other", text).expect("a file").expect("a profile");
        assert_eq!((other.server.as_deref(), other.username), (Some("https://other.example"), None));
        assert!(read("none", text).expect("a file").is_none());
    }

    #[test]
    fn a_refusal_names_the_line_or_the_option_and_quotes_nothing() {
        for (text, place) in [
            ("[test]\n\n[test\npassword = Geheim1", "profiles.cfg: line 3: "),
            ("[test]\npassword = Geheim1%(domain)s", "profiles.cfg: password in [test]: "),
            ("[test]\npassword = Geheim1\nformat = Geheim2", "profiles.cfg: format in [test]: expected json"),
        ] {
            let refusal = read("test", text).expect_err("a refusal");
            assert!(refusal.to_string().starts_with(place), "{refusal}");
            assert!(!format!("{refusal} {refusal:?}").contains("Geheim"), "{refusal}");
        }
    }
}
