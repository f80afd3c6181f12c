//! The check of the public URL, the base at which clients reach the server.

/// The path of the FHIR interface under that base.
pub(crate) const FHIR_PATH: &str = "/FHIR/Koppeltaal";

/// Whether a text is a URL with `http` or `https`, a host without user information, an optional path, and
/// neither query nor fragment. The path must not end in [`FHIR_PATH`]: the sandbox adds that itself.
pub(super) fn is_public_url(text: &str) -> bool {
    // `Uri` drops a fragment silently.
    if text.contains('#') {
        return false;
    }
    let Ok(url) = text.parse::<http::Uri>() else { return false };
    let is_bare = url.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    let is_fhir = url.path().trim_end_matches('/').ends_with(FHIR_PATH);
    matches!(url.scheme_str(), Some("http" | "https")) && is_bare && url.query().is_none() && !is_fhir
}

#[cfg(test)]
mod tests {
    use crate::config::{ConfigError, SandboxConfig};

    #[test]
    fn a_public_url_is_a_bare_base_url() {
        for url in [
            "koppeltaal.example",
            "ftp://koppeltaal.example",
            "https://koppeltaal.example/?a=b",
            "https://koppeltaal.example/#top",
            "https://me:secret@koppeltaal.example",
            "https://koppeltaal.example/FHIR/Koppeltaal",
            "https://koppeltaal.example/test/FHIR/Koppeltaal/",
            "",
        ] {
            let config = SandboxConfig::new().public_url(url);
            assert_eq!(config.check(), Err(ConfigError::PublicUrl(url.into())));
        }
        for url in ["https://koppeltaal.example", "http://localhost:8480/", "https://koppeltaal.example/FHIR"]
        {
            assert_eq!(SandboxConfig::new().public_url(url).check(), Ok(()), "{url}");
        }
    }
}
