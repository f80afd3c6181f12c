//! [`Domain`]: who the FHIR server is, and where the services of its domain are.

/// The addresses and the identity of a domain's FHIR server. No address ends in a slash.
#[derive(Debug, Clone)]
pub(crate) struct Domain {
    /// The base of the FHIR interface.
    pub(crate) fhir_base: String,
    /// The reference to the server's own Device: `Device/1`.
    pub(crate) device: String,
    /// The issuer of access tokens.
    pub(crate) issuer: String,
    pub(crate) jwks: String,
    pub(crate) authorize: String,
    pub(crate) token: String,
    pub(crate) introspect: String,
}

impl Domain {
    /// The host of the FHIR server, without its port.
    pub(crate) fn site(&self) -> &str {
        let rest = self.fhir_base.split_once("://").map_or(&*self.fhir_base, |(_, rest)| rest);
        let authority = rest.split('/').next().unwrap_or_default();
        match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => authority,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A domain whose FHIR interface has this base.
    pub(crate) fn domain(fhir_base: &str) -> Domain {
        let oauth = |path: &str| format!("https://auth.example/oauth2{path}");
        Domain {
            fhir_base: fhir_base.to_owned(),
            device: "Device/server".to_owned(),
            issuer: oauth(""),
            jwks: oauth("/.well-known/jwks.json"),
            authorize: oauth("/authorize"),
            token: oauth("/token"),
            introspect: oauth("/introspect"),
        }
    }

    #[test]
    fn the_site_is_the_host_alone() {
        assert_eq!(domain("http://127.0.0.1:4711/fhir/DEFAULT").site(), "127.0.0.1");
        assert_eq!(domain("https://kt.example/fhir").site(), "kt.example");
        assert_eq!(domain("http://[::1]:80/fhir").site(), "[::1]");
    }
}
