//! [`SandboxConfig`] from a TOML file. The structures of the configuration deserialize themselves; here is
//! what only a file needs. `sandbox.toml`, beside this crate's manifest, documents the form.

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use super::check::{Contradiction, Table};
use super::{ConfigError, SandboxConfig};

/// Where a configured server listens unless the file says otherwise. A test wants a free port, a person a
/// known one.
const LISTEN: ([u8; 4], u16) = ([127, 0, 0, 1], 8490);

/// Where the tables of a file begin.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Places {
    applications: Vec<Spanned<IgnoredAny>>,
    identity_providers: Vec<Spanned<IgnoredAny>>,
}

/// The error with the line of its table, if it is about one.
fn with_line(text: &str, Contradiction { error, table }: Contradiction) -> ConfigError {
    let Some((table, place)) = table else { return error };
    let places: Places = toml::from_str(text).unwrap_or_default();
    let places = match table {
        Table::Applications => &places.applications,
        Table::IdentityProviders => &places.identity_providers,
    };
    let Some(found) = places.get(place) else { return error };
    let before = text.get(..found.span().start).unwrap_or_default();
    ConfigError::Line { line: before.matches('\n').count() + 1, error: Box::new(error) }
}

impl SandboxConfig {
    /// A configuration file with every setting and comments, to start from. It describes the domain of
    /// [`SandboxConfig::new`].
    pub const EXAMPLE_TOML: &str = include_str!("../../sandbox.toml");

    /// Reads a configuration file in TOML. A setting that the file leaves out has its default, except that
    /// `listen` is `127.0.0.1:8490`. A file with `[[applications]]` has these and no others.
    ///
    /// The form, with every setting that there is:
    ///
    /// ```toml
    #[doc = include_str!("../../sandbox.toml")]
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConfigError::File`], with the line, when the text is not TOML, or a setting is unknown or invalid;
    /// the errors of [`check`](Self::check), in a [`ConfigError::Line`] if they are about a table.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| ConfigError::File(error.to_string()))?;
        config.check_tables().map_err(|contradiction| with_line(text, contradiction))?;
        Ok(config)
    }

    /// The configuration of an empty file.
    pub(super) fn for_empty_file() -> Self {
        Self::new().listen(LISTEN.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_example_is_the_built_in_domain() {
        let config = SandboxConfig::from_toml(SandboxConfig::EXAMPLE_TOML).expect("it reads");
        assert_eq!(config, SandboxConfig::for_empty_file());
        assert_eq!(SandboxConfig::from_toml(""), Ok(SandboxConfig::for_empty_file()));
    }

    const GAME: &str = "[[applications]]\nname = 'game'\n";

    #[test]
    fn a_contradiction_is_named_with_the_line_of_its_table() {
        let provider = "[[identity_providers]]\nname='a'\nissuer='https://a.example'\nclient_id='k'\n\
            authorization_endpoint='https://a.example/a'\ntoken_endpoint='https://a.example/t'\n\
            jwks_uri='https://a.example/k'\n";
        for (text, line, part) in [
            (format!("# \u{e9}\n{GAME}\n{GAME}"), 5, "two applications are called \"game\""),
            (format!("{GAME}client_id='a b'\n"), 1, "\"a b\" cannot be a client_id"),
            (format!("{GAME}redirect_uris=['/login']\n"), 1, "\"/login\" cannot be a redirect URI"),
            (format!("{GAME}jwks_url='file:///x'\n"), 1, "\"file:///x\""),
            (format!("{GAME}public_key='x'\n"), 1, "-----BEGIN PUBLIC KEY-----"),
            (format!("{GAME}jwks_url='https://a.example'\npublic_key='x'\n"), 1, "keep one of"),
            (format!("{GAME}granted=['z']\n"), 1, "\"z\", which there is not"),
            (format!("{GAME}identity_providers={{Patient=['z']}}\n"), 1, "[[identity_providers]]"),
            (format!("{GAME}permissions=[{{type='Task',letters='rx',reach='own'}}]\n"), 1, "\"rx\""),
            (format!("{provider}{provider}"), 8, "used twice"),
        ] {
            match SandboxConfig::from_toml(&text) {
                Err(error @ ConfigError::Line { line: found, .. }) => {
                    let shown = error.to_string();
                    assert!(found == line && shown.contains(part), "{line}, {part}: {shown}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, part) in [
            ("a = ", "line 1"),
            ("listen = 'example.com:80'", "ADDRESS:PORT"),
            ("\npeeple = true", "unknown field `peeple`"),
            ("[[applications]]\nname='a'\nrole='robot'", "unknown variant `robot`"),
            ("[[applications]]\nrole='epd'", "missing field `name`"),
            ("[lifetimes]\ncode = '1m'", "a number of seconds"),
        ] {
            match SandboxConfig::from_toml(text) {
                Err(ConfigError::File(error)) => assert!(error.contains(part), "{error}"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(
            SandboxConfig::from_toml("[lifetimes]\ncode = 0"),
            Err(ConfigError::Zero("lifetimes.code"))
        );
        let status =
            SandboxConfig::from_toml("[switches]\nstale_version_status = 418").expect_err("a teapot");
        assert_eq!(status.to_string(), "switches.stale_version_status has to be one of [409, 412]");
        assert_eq!(
            SandboxConfig::from_toml("public_url = 'kt.example'"),
            Err(ConfigError::PublicUrl("kt.example".to_owned()))
        );
    }
}
