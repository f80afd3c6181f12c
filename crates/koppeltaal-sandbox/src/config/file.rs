//! [`SandboxConfig`] from a TOML file. The structures of the configuration deserialize themselves; here is
//! what only a file needs. `sandbox.toml`, beside this crate's manifest, documents the form.

use super::{ConfigError, SandboxConfig};

/// Where a configured server listens unless the file says otherwise. A test wants a free port, a person a
/// known one.
const LISTEN: ([u8; 4], u16) = ([127, 0, 0, 1], 8480);

impl SandboxConfig {
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
    /// [`ConfigError::File`], with the line, when the text is not TOML, or a setting is unknown or invalid;
    /// or an error of [`check`](SandboxConfig::check).
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let mut config: Self = toml::from_str(text).map_err(|error| ConfigError::File(error.to_string()))?;
        let instances = config.instances.iter().map(|instance| &instance.domain);
        let definitions = config.activity_definitions.iter().map(|definition| &definition.domain);
        config.domains.extend(instances.chain(definitions).cloned());
        config.check()?;
        Ok(config)
    }

    /// The configuration of an empty file.
    pub(super) fn of_empty_file() -> Self {
        Self::new().listen(LISTEN.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_example_is_the_built_in_world() {
        let config = SandboxConfig::from_toml(include_str!("../../sandbox.toml")).expect("it reads");
        let built_in = SandboxConfig::new().portal_and_game().listen(LISTEN.into());
        assert_eq!(config, built_in);
    }

    #[test]
    fn an_empty_file_is_the_default() {
        let config = SandboxConfig::from_toml("").expect("it reads");
        assert_eq!(config, SandboxConfig::new().listen(LISTEN.into()));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, part) in [
            ("a = ", "line 1"),
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
        assert_eq!(SandboxConfig::from_toml(&twice), Err(ConfigError::DuplicateInstance("a".into())));
    }
}
