//! [`Environment`]: the environment variables of Koppeltaal, and the files that they lead to.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use super::ConfigError;

/// The environment of the process; in tests, another one.
pub(crate) struct Environment<'a> {
    variable: &'a dyn Fn(&str) -> Option<OsString>,
}

impl<'a> Environment<'a> {
    pub(crate) fn new(variable: &'a dyn Fn(&str) -> Option<OsString>) -> Self {
        Self { variable }
    }

    /// A variable; `None` if it is not set or empty.
    pub(crate) fn text(&self, variable: &'static str) -> Result<Option<String>, ConfigError> {
        let value = self.value(variable).map(OsString::into_string).transpose();
        value.map_err(|_| ConfigError::NotUtf8 { variable })
    }

    /// A variable that names a file; `None` if it is not set or empty.
    pub(crate) fn path(&self, variable: &str) -> Option<PathBuf> {
        self.value(variable).map(PathBuf::from)
    }

    /// Where profiles are if no file is named: first in the file of this connector, then in that of the
    /// Python connector.
    pub(crate) fn profile_files(&self) -> Vec<PathBuf> {
        let home = self.path("HOME").or_else(env::home_dir);
        let configuration = self.path("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
        let configuration = configuration.or_else(|| Some(home.as_ref()?.join(".config")));
        let own = configuration.map(|folder| folder.join("koppeltaal").join("profiles.cfg"));
        own.into_iter().chain(home.map(|home| home.join(".koppeltaal.cfg"))).collect()
    }

    fn value(&self, variable: &str) -> Option<OsString> {
        (self.variable)(variable).filter(|value| !value.is_empty())
    }
}
