//! [`Connector::from_env`] and [`Connector::from_profile`]: the server, the account and the domain from the
//! environment and from a profile, as the command `koppeltaal` finds them.

use std::env;
use std::fs;

use koppeltaal_messaging::{Sender, Source};
use koppeltaal_transport::{Client, Credentials};

use super::Connector;
use crate::profile::{ConfigError, Environment, Profile};
use crate::versions::VersionStore;

impl Connector {
    /// A connector for the application that `source` names. The server, the account and the domain are those
    /// that the command `koppeltaal` uses in the same environment:
    ///
    /// | setting | variable | option of the profile |
    /// |---|---|---|
    /// | server | `KOPPELTAAL_SERVER` | `url` |
    /// | user name | `KOPPELTAAL_USERNAME` | `username` |
    /// | password | `KOPPELTAAL_PASSWORD` | `password` or `password_file` |
    /// | domain | `KOPPELTAAL_DOMAIN` | `domain` |
    /// | format, certificate authorities, proxy | none | `format`, `ca_file`, `proxy` |
    /// | plain http to another machine | `KOPPELTAAL_ALLOW_PLAIN_HTTP` | none |
    ///
    /// A variable comes before the option, and an empty one is as good as none. `KOPPELTAAL_PROFILE` names
    /// the [`Profile`]; without it, there are only the variables. `KOPPELTAAL_CONFIG` names the file of
    /// profiles, in place of the [usual ones](Profile::find). The password of a profile is not used for
    /// another user name.
    ///
    /// An address that begins with `http:` is refused, unless it is of this machine: passwords and data of
    /// patients would travel unencrypted. In a closed network, `KOPPELTAAL_ALLOW_PLAIN_HTTP=true` allows it.
    ///
    /// Reads small files, so call it when the application starts.
    ///
    /// ```no_run
    /// use koppeltaal::messaging::Source;
    /// use koppeltaal::{Connector, MemoryVersionStore};
    ///
    /// let source = Source::new("EPD", "https://epd.example/fhir");
    /// let epd = Connector::from_env(source, MemoryVersionStore::new())?;
    /// println!("{}", epd.sender().domain());
    /// # Ok::<(), koppeltaal::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConfigError`]: which variable or which line of which file is wrong or missing.
    pub fn from_env(source: Source, versions: impl VersionStore) -> Result<Self, ConfigError> {
        Self::configured(None, source, versions, &Environment::new(&|variable| env::var_os(variable)))
    }

    /// The same as [`from_env`](Self::from_env) with this profile, whatever `KOPPELTAAL_PROFILE` says. It is
    /// what `koppeltaal --profile NAME` uses: variables still come first.
    ///
    /// # Errors
    ///
    /// [`ConfigError`]: there is no such profile; or those of `from_env`.
    pub fn from_profile(
        name: &str,
        source: Source,
        versions: impl VersionStore,
    ) -> Result<Self, ConfigError> {
        Self::configured(Some(name), source, versions, &Environment::new(&|variable| env::var_os(variable)))
    }

    fn configured(
        name: Option<&str>,
        source: Source,
        versions: impl VersionStore,
        environment: &Environment<'_>,
    ) -> Result<Self, ConfigError> {
        let settings = Settings::read(name, environment)?;
        let client = settings.client()?;
        Ok(Self::new(client, Sender::new(source, settings.domain), versions))
    }
}

/// What the environment and a profile say together.
struct Settings {
    server: String,
    username: String,
    password: String,
    domain: String,
    plain_http: bool,
    profile: Option<Profile>,
}

/// The variable that allows http to another machine.
const ALLOW_PLAIN_HTTP: &str = "KOPPELTAAL_ALLOW_PLAIN_HTTP";

impl Settings {
    fn read(name: Option<&str>, environment: &Environment<'_>) -> Result<Self, ConfigError> {
        let named = environment.text("KOPPELTAAL_PROFILE")?;
        let file = environment.path("KOPPELTAAL_CONFIG");
        let profile = match name.or(named.as_deref()) {
            Some(name) => Some(Profile::find_in(name, file.as_deref(), environment)?),
            None if file.is_some() => return Err(ConfigError::ProfileNotNamed),
            None => None,
        };
        let in_profile = profile.as_ref();
        let missing = |what, variable, option| ConfigError::Missing { what, variable, option };
        let setting = |what, variable, option, in_profile: Option<&String>| {
            let value = environment.text(variable)?.or_else(|| in_profile.cloned());
            value.ok_or_else(|| missing(what, variable, option))
        };
        let server = in_profile.and_then(|profile| profile.server.as_ref());
        let server = setting("the server's address", "KOPPELTAAL_SERVER", "url", server)?;
        let own_username = in_profile.and_then(|profile| profile.username.as_ref());
        let username = setting("the user name", "KOPPELTAAL_USERNAME", "username", own_username)?;
        let domain = in_profile.and_then(|profile| profile.domain.as_ref());
        let domain = setting("the domain", "KOPPELTAAL_DOMAIN", "domain", domain)?;
        let password = match (environment.text("KOPPELTAAL_PASSWORD")?, in_profile) {
            (Some(password), _) => Some(password),
            (None, Some(profile)) if own_username == Some(&username) => profile.password()?,
            // The password in the profile belongs to another user name.
            (None, _) => None,
        };
        let option = "password (or password_file)";
        let password = password.ok_or_else(|| missing("the password", "KOPPELTAAL_PASSWORD", option))?;
        let plain_http = match environment.text(ALLOW_PLAIN_HTTP)?.as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                return Err(ConfigError::Variable { variable: ALLOW_PLAIN_HTTP, expected: "true or false" });
            }
        };
        Ok(Self { server, username, password, domain, plain_http, profile })
    }

    fn client(&self) -> Result<Client, ConfigError> {
        let mut builder = Client::builder(&self.server);
        if self.plain_http {
            builder = builder.danger_allow_plain_http();
        }
        if let Some(profile) = &self.profile {
            builder = builder.format(profile.format.unwrap_or_default());
            if let Some(file) = &profile.ca_file {
                builder = builder.root_certificates_pem(&fs::read(file).map_err(ConfigError::file(file))?);
            }
            if let Some(proxy) = &profile.proxy {
                builder = builder.proxy(proxy);
            }
        }
        let credentials = Credentials::basic(&self.username, &self.password)?;
        Ok(builder.credentials(credentials).build()?)
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use koppeltaal_transport::BuildError;

    use super::*;
    use crate::versions::MemoryVersionStore;

    const PROFILES: &str = "[test]\nurl = https://profile.example\nusername = portal\npassword = Geheim1\n\
                            domain = Zonnedauw\n[empty]\n[odd]\nformat = yaml\n[unbuilt]\nurl = profile\n\
                            username = portal\npassword = Geheim1\ndomain = Zonnedauw\n";

    /// A folder with a file of profiles in each of the usual places.
    fn home() -> tempfile::TempDir {
        let home = tempfile::tempdir().expect("a folder");
        let own = home.path().join(".config/koppeltaal");
        fs::create_dir_all(&own).expect("a folder");
        fs::write(own.join("profiles.cfg"), PROFILES).expect("a file");
        let python = "[python]\nurl = https://python.example\n[test]\nurl = https://python.example\n";
        fs::write(home.path().join(".koppeltaal.cfg"), python).expect("a file");
        home
    }

    /// The settings with these variables, and a home directory with profiles.
    fn read(name: Option<&str>, variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        let home = home();
        let variable = |name: &str| match name {
            "HOME" => Some(OsString::from(home.path())),
            _ => variables.iter().find(|(own, _)| *own == name).map(|(_, value)| OsString::from(value)),
        };
        Settings::read(name, &Environment::new(&variable))
    }

    const VARIABLES: [(&str, &str); 4] = [
        ("KOPPELTAAL_SERVER", "https://variable.example"),
        ("KOPPELTAAL_USERNAME", "game"),
        ("KOPPELTAAL_PASSWORD", "Geheim2"),
        ("KOPPELTAAL_DOMAIN", "Elsewhere"),
    ];

    fn all(settings: &Settings) -> [&str; 4] {
        [&settings.server, &settings.username, &settings.password, &settings.domain].map(String::as_str)
    }

    #[test]
    fn variables_come_before_the_profile_and_empty_ones_do_not_count() {
        let variables = ["https://variable.example", "game", "Geheim2", "Elsewhere"];
        let profile = ["https://profile.example", "portal", "Geheim1", "Zonnedauw"];
        assert_eq!(all(&read(None, &VARIABLES).expect("settings")), variables);
        assert_eq!(all(&read(Some("test"), &VARIABLES).expect("settings")), variables);
        assert_eq!(all(&read(Some("test"), &[]).expect("settings")), profile);
        assert_eq!(all(&read(None, &[("KOPPELTAAL_PROFILE", "test")]).expect("settings")), profile);
        assert_eq!(all(&read(Some("test"), &[("KOPPELTAAL_PROFILE", "other")]).expect("settings")), profile);
        for (place, value) in [(0, ""), (0, "https://variable.example"), (2, "Geheim2"), (3, "Elsewhere")] {
            let mut expected = profile;
            if !value.is_empty() {
                expected[place] = value;
            }
            let settings = read(Some("test"), &[(VARIABLES[place].0, value)]).expect("settings");
            assert_eq!(all(&settings), expected, "{}", VARIABLES[place].0);
        }
    }

    #[test]
    fn the_password_of_a_profile_is_not_used_for_another_user_name() {
        let error = read(Some("test"), &[("KOPPELTAAL_USERNAME", "game")]).err();
        assert!(
            matches!(&error, Some(ConfigError::Missing { variable: "KOPPELTAAL_PASSWORD", .. })),
            "{error:?}"
        );
    }

    #[test]
    fn what_is_missing_is_named_with_its_variable_and_its_option() {
        for (place, (variable, _)) in VARIABLES.iter().enumerate() {
            let mut rest = VARIABLES.to_vec();
            rest.remove(place);
            let error = read(None, &rest).err().expect("an error");
            assert!(matches!(&error, ConfigError::Missing { variable: named, .. } if named == variable));
            assert!(error.to_string().contains(&format!("set {variable}, or ")), "{error}");
        }
    }

    #[test]
    fn a_profile_that_cannot_be_used_is_refused_with_its_place() {
        let missing = home();
        let missing = missing.path().join("nowhere.cfg").display().to_string();
        let config = ("KOPPELTAAL_CONFIG", missing.as_str());
        let error = read(None, &[config]).err();
        assert!(matches!(error, Some(ConfigError::ProfileNotNamed)), "{error:?}");
        let error = read(Some("test"), &[config]).err();
        assert!(
            matches!(&error, Some(ConfigError::File { path, .. }) if path.as_os_str() == missing.as_str()),
            "{error:?}"
        );
        let error = read(Some("nobody"), &[]).err();
        assert!(
            matches!(&error, Some(ConfigError::NoProfile { files, .. }) if files.len() == 2),
            "{error:?}"
        );
        let error = read(Some("odd"), &[]).err();
        assert!(matches!(&error, Some(ConfigError::Option { option: "format", .. })), "{error:?}");
        // The second file is read only if the first has no such profile.
        let error = read(Some("python"), &[]).err();
        assert!(matches!(&error, Some(ConfigError::Missing { option: "username", .. })), "{error:?}");
        let error = read(Some("unbuilt"), &[]).expect("settings").client().err();
        assert!(matches!(&error, Some(ConfigError::Client(_))), "{error:?}");
        let error = format!("{}", error.expect("an error"));
        assert!(!error.contains("Geheim"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_not_utf8_is_refused_without_its_value() {
        use std::os::unix::ffi::OsStringExt as _;

        let variable = |name: &str| match name {
            "KOPPELTAAL_PASSWORD" => Some(OsString::from_vec(b"Geheim\xFF".to_vec())),
            "KOPPELTAAL_PROFILE" | "KOPPELTAAL_CONFIG" => None,
            _ => Some(OsString::from("https://k.example")),
        };
        let error = Settings::read(None, &Environment::new(&variable)).err().expect("an error");
        assert!(matches!(error, ConfigError::NotUtf8 { variable: "KOPPELTAAL_PASSWORD" }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("Geheim"), "{error}");
    }

    #[test]
    fn a_connector_has_the_domain_and_shows_no_password() {
        let variable = |name: &str| {
            VARIABLES.iter().find(|(own, _)| *own == name).map(|(_, value)| OsString::from(value))
        };
        let source = Source::new("EPD", "https://epd.example/fhir");
        let environment = Environment::new(&variable);
        let connector = Connector::configured(None, source, MemoryVersionStore::new(), &environment);
        let connector = connector.expect("a connector");
        assert_eq!(connector.sender().domain(), "Elsewhere");
        assert!(!format!("{connector:?}").contains("Geheim"));
    }

    #[test]
    fn plain_http_to_another_machine_has_to_be_allowed() {
        let client = |allowed: Option<&'static str>| {
            let mut variables = VARIABLES.to_vec();
            variables[0].1 = "http://koppeltaal.example";
            variables.extend(allowed.map(|value| (ALLOW_PLAIN_HTTP, value)));
            read(None, &variables)?.client()
        };
        for refused in [None, Some("false"), Some("")] {
            let error = client(refused).err();
            assert!(
                matches!(&error, Some(ConfigError::Client(BuildError::InsecureUrl { .. }))),
                "{refused:?}: {error:?}"
            );
        }
        assert!(client(Some("true")).is_ok());
        let error = client(Some("yes")).expect_err("neither true nor false").to_string();
        assert_eq!(
            error,
            "KOPPELTAAL_ALLOW_PLAIN_HTTP has a value that cannot be used: expected true or false"
        );
    }

    #[test]
    fn a_password_file_is_read_and_an_empty_one_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, secret) = (folder.path().join("profiles.cfg"), folder.path().join("secret"));
        let text = format!(
            "[test]\nurl = https://k.example\nusername = portal\ndomain = d\npassword_file = {}\n",
            secret.display()
        );
        fs::write(&file, text).expect("a file");
        let variable = |name: &str| (name == "KOPPELTAAL_CONFIG").then(|| OsString::from(file.as_os_str()));
        let read = || Settings::read(Some("test"), &Environment::new(&variable));
        fs::write(&secret, "\u{FEFF}Geheim1\nnot this line\n").expect("a file");
        assert_eq!(read().expect("settings").password, "Geheim1");
        fs::write(&secret, "\n").expect("a file");
        assert!(matches!(read().err(), Some(ConfigError::NoSecret { path }) if path == secret));
    }
}
