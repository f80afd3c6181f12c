//! [`SandboxConfig`] from a TOML file. The structures of the configuration deserialize themselves; here is
//! what only a file needs. `sandbox.toml`, beside this crate's manifest, documents the form.

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use super::check::{Contradiction, Table};
use super::{ConfigError, SandboxConfig};

/// Where a configured server listens unless the file says otherwise. A test wants a free port, a person a
/// known one.
const LISTEN: ([u8; 4], u16) = ([127, 0, 0, 1], 8480);

/// Where the tables of a file begin.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Places {
    instances: Vec<Spanned<IgnoredAny>>,
    applications: Vec<Spanned<IgnoredAny>>,
    activity_definitions: Vec<Spanned<IgnoredAny>>,
    faults: Vec<Spanned<IgnoredAny>>,
}

impl Places {
    fn of(&self, table: Table) -> &[Spanned<IgnoredAny>] {
        match table {
            Table::Instances => &self.instances,
            Table::Applications => &self.applications,
            Table::ActivityDefinitions => &self.activity_definitions,
            Table::Faults => &self.faults,
        }
    }
}

/// The error with the line of its table, if it is about one.
fn with_line(text: &str, Contradiction { error, table }: Contradiction) -> ConfigError {
    let Some((table, place)) = table else { return error };
    let places: Places = toml::from_str(text).unwrap_or_default();
    let Some(found) = places.of(table).get(place) else { return error };
    let before = text.get(..found.span().start).unwrap_or_default();
    ConfigError::Line { line: before.matches('\n').count() + 1, error: Box::new(error) }
}

impl SandboxConfig {
    /// A configuration file with every setting and comments, to start from. It describes the world of
    /// [`portal_and_game`](Self::portal_and_game).
    pub const EXAMPLE_TOML: &str = include_str!("../../sandbox.toml");

    /// Reads a configuration file in TOML. A setting that the file leaves out has its default, except that
    /// `listen` is `127.0.0.1:8480`.
    ///
    /// The form, with every setting that there is:
    ///
    /// ```toml
    #[doc = include_str!("../../sandbox.toml")]
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConfigError::File`], with the line, when the text is not TOML, or a setting is unknown or invalid.
    /// [`ConfigError::NoInstances`] and [`ConfigError::UnknownApplication`] for what [`check`](SandboxConfig::check) lets
    /// pass in code, and the errors of `check`. All that are about a table are in a [`ConfigError::Line`].
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let mut config: Self = toml::from_str(text).map_err(|error| ConfigError::File(error.to_string()))?;
        let instances = config.instances.iter().map(|instance| &instance.domain);
        let definitions = config.activity_definitions.iter().map(|definition| &definition.domain);
        config.domains.extend(instances.chain(definitions).cloned());
        let checked = config.check_tables().and_then(|()| config.check_file());
        checked.map_err(|contradiction| with_line(text, contradiction))?;
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
    use crate::config::Instance;

    #[test]
    fn the_documented_example_is_the_built_in_world() {
        let config = SandboxConfig::from_toml(SandboxConfig::EXAMPLE_TOML).expect("it reads");
        let built_in = SandboxConfig::new().portal_and_game().listen(LISTEN.into());
        assert_eq!(config, built_in);
    }

    const INSTANCE: &str = "[[instances]]\nusername='a'\npassword='b'\ndomain='c'\n";

    #[test]
    fn what_a_file_leaves_out_is_the_default() {
        let config = SandboxConfig::from_toml(INSTANCE).expect("it reads");
        assert_eq!(config, SandboxConfig::new().instance(Instance::new("a", "b", "c")).listen(LISTEN.into()));
    }

    #[test]
    fn a_file_without_instances_is_refused() {
        for text in ["", "domains = ['Zonnedauw']"] {
            assert_eq!(SandboxConfig::from_toml(text), Err(ConfigError::NoInstances));
        }
    }

    #[test]
    fn a_port_is_enough_to_say_where_to_listen() {
        for listen in ["9000", "'9000'", "'localhost:9000'", "'127.0.0.1:9000'"] {
            let config =
                SandboxConfig::from_toml(&format!("listen = {listen}\n{INSTANCE}")).expect("it reads");
            assert_eq!(config.listen, ([127, 0, 0, 1], 9000).into());
        }
    }

    #[test]
    fn a_contradiction_is_named_with_the_line_of_its_table() {
        let definition =
            "[[activity_definitions]]\ndomain='c'\nidentifier='D'\nname='n'\nkind='Game'\napplication='z'\n";
        for (text, line, part) in [
            (
                format!("# \u{e9}\n{INSTANCE}\n{INSTANCE}"),
                7,
                "two application instances are called \"a\": give",
            ),
            (
                format!("{INSTANCE}{definition}"),
                5,
                "\"D\" is of the application \"z\", which there is not: name",
            ),
            (
                format!("{INSTANCE}[[faults]]\nkind='cut'\n\n[[faults]]\nkind='cut'\ninstance='z'\n"),
                8,
                "\"z\"",
            ),
            (format!("{INSTANCE}webhook={{url='nowhere'}}\n"), 1, "\"nowhere\""),
            (format!("{INSTANCE}[[applications]]\nidentifier='a:b'\n"), 5, "\"a:b\""),
        ] {
            match SandboxConfig::from_toml(&text) {
                Err(error @ ConfigError::Line { line: found, .. }) => {
                    let shown = error.to_string();
                    assert!(found == line && shown.contains(part), "{line}, {part}: {shown}");
                }
                other => panic!("{other:?}"),
            }
        }
        // The application of an instance is known, too.
        let known = format!("{INSTANCE}{}", definition.replace("'z'", "'a'"));
        assert!(SandboxConfig::from_toml(&known).is_ok());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, part) in [
            ("a = ", "line 1"),
            ("listen = 'example.com:80'", "ADDRESS:PORT"),
            ("[[faults]]\nkind = 'cut'\nevent = 'X'", "\"X\" is not an event of Koppeltaal; these are: "),
            ("[[activity_definitions]]\nkind = 'X'", "\"X\" is not a kind of activity; these are: Game"),
            ("\nclaim_time = 5", "unknown field `claim_time`"),
            ("claim_timeout = \"5m\"", "a number of seconds"),
            ("claim_timeout = -1.5", "claim_timeout"),
            ("[[instances]]\nusername = 'a'", "missing field `password`"),
            ("[[instances]]\nusername='a'\npassword='b'\ndomain='c'\nsubscriptions=['X']", "line 5"),
            ("[[instances]]\nusername='a'\npassword='b'\ndomain='c'\napi_version='2'", "api-version"),
        ] {
            match SandboxConfig::from_toml(text) {
                Err(ConfigError::File(error)) => assert!(error.contains(part), "{error}"),
                other => panic!("{other:?}"),
            }
        }
        let twice = "[[instances]]\nusername='a'\npassword='b'\ndomain='c'\n".repeat(2);
        let duplicate =
            ConfigError::Line { line: 5, error: Box::new(ConfigError::DuplicateInstance("a".into())) };
        assert_eq!(SandboxConfig::from_toml(&twice), Err(duplicate));
    }
}
