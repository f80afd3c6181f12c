//! [`Profile`]: a named account in a configuration file of this command or of the Python connector.
//!
//! ```ini
//! [test]
//! url = https://koppeltaal.example
//! username = portal
//! password = correct horse
//! domain = Zonnedauw
//! ```
//!
//! `password_file` can replace `password`. The Python connector does not know `password_file`, `format`,
//! `ca_file` and `proxy`. [`Ini`] reads the file.

use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::ini::Ini;
use crate::output;
use crate::private;

/// One section of a configuration file.
#[derive(Default)]
pub(crate) struct Profile {
    pub(crate) url: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) domain: Option<String>,
    pub(crate) format: Option<String>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) proxy: Option<String>,
}

impl fmt::Debug for Profile {
    /// Leaves the password out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("url", &self.url)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// Where profiles are if no file is named: first this command's file, then that of the Python connector.
fn usual_places() -> Vec<PathBuf> {
    let home = env::home_dir();
    let configuration = env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(home.as_ref()?.join(".config")));
    let own = configuration.map(|directory| directory.join("koppeltaal").join("profiles.cfg"));
    own.into_iter().chain(home.map(|home| home.join(".koppeltaal.cfg"))).collect()
}

impl Profile {
    /// The profile with this name, in `file` or in the usual places.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or there is no such profile.
    pub(crate) fn find(name: &str, file: Option<&Path>) -> Result<Self, Failure> {
        let places = file.map_or_else(usual_places, |file| vec![file.to_owned()]);
        for place in &places {
            if file.is_none() && !place.exists() {
                continue;
            }
            let text = fs::read_to_string(place).map_err(Failure::file(place))?;
            if let Some(profile) =
                Self::read(name, &text).map_err(|problem| Failure::unusable_file(place.display(), problem))?
            {
                if profile.password.is_some() && private::is_shared(place) {
                    let name = place.display();
                    output::warn(format_args!(
                        "other users can read {name}, which has a password in it: chmod 600 {name}"
                    ));
                }
                return Ok(profile);
            }
        }
        let places: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
        Err(Failure::Usage(format!("there is no profile {name:?} in {}", places.join(" or "))))
    }

    fn read(name: &str, text: &str) -> Result<Option<Self>, String> {
        let ini = Ini::parse(text).map_err(|error| error.to_string())?;
        if !ini.has_section(name) {
            return Ok(None);
        }
        let get = |key: &str| {
            let value = ini.get(name, key).map_err(|error| format!("{key} in [{name}]: {error}"))?;
            Ok::<_, String>(value.filter(|value| !value.is_empty()))
        };
        Ok(Some(Self {
            url: get("url")?,
            username: get("username")?,
            password: get("password")?,
            password_file: get("password_file")?.map(PathBuf::from),
            domain: get("domain")?,
            format: get("format")?,
            ca_file: get("ca_file")?.map(PathBuf::from),
            proxy: get("proxy")?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_read_as_the_python_connector_reads_them() {
        let text = "# comment\n[test]\nurl = https://koppeltaal.example\nusername = PA0101\n\
                    password = 100%% pass;w#rd: x=y\ndomain = Test domain\n\n[other]\nurl: https://other.example\n";
        let profile = Profile::read("test", text).expect("a file").expect("a profile");
        assert_eq!(profile.url.as_deref(), Some("https://koppeltaal.example"));
        assert_eq!(profile.username.as_deref(), Some("PA0101"));
        assert_eq!(profile.password.as_deref(), Some("100% pass;w#rd: x=y"));
        assert_eq!(profile.domain.as_deref(), Some("Test domain"));
        assert!(!format!("{profile:?}").contains("w#rd"));
        let other = Profile::read("other", text).expect("a file").expect("a profile");
        assert_eq!((other.url.as_deref(), other.username), (Some("https://other.example"), None));
        assert!(Profile::read("none", text).expect("a file").is_none());
        for text in ["[test\npassword = Geheim1", "[test]\npassword = Geheim1%(domain)s"] {
            let refusal = Profile::read("test", text).expect_err("a refusal");
            assert!(!refusal.contains("Geheim1"), "{refusal}");
        }
    }
}
