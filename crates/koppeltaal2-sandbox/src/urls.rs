//! [`Urls`]: the addresses of logins, and where those of the domain come from.

use crate::domain::Domain;

/// The path of the FHIR interface; `DEFAULT` is the tenant, as at the reference server.
pub(crate) const FHIR_PATH: &str = "/fhir/DEFAULT";
/// The path of the authorization service.
pub(crate) const OAUTH_PATH: &str = "/oauth2";
/// The path of the sandbox's own identity provider.
pub(crate) const IDP_PATH: &str = "/idp";

/// The addresses that only logins use. None ends in a slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Urls {
    /// `http(s)://host[/path]`.
    pub(crate) base: String,
    /// Where identity providers send browsers back to.
    pub(crate) callback: String,
    /// The issuer of the sandbox's own identity provider.
    pub(crate) idp: String,
    pub(crate) idp_jwks: String,
    pub(crate) idp_authorize: String,
    pub(crate) idp_login: String,
    pub(crate) idp_token: String,
}

impl Urls {
    /// The addresses below this base.
    pub(crate) fn new(base: &str) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        let idp = |path: &str| format!("{base}{IDP_PATH}{path}");
        Self {
            callback: format!("{base}{OAUTH_PATH}/callback"),
            idp: idp(""),
            idp_jwks: idp("/jwks.json"),
            idp_authorize: idp("/authorize"),
            idp_login: idp("/login"),
            idp_token: idp("/token"),
            base,
        }
    }

    /// The domain below the same base, whose server has this Device.
    pub(crate) fn domain(&self, device: String) -> Domain {
        let oauth = |path: &str| format!("{}{OAUTH_PATH}{path}", self.base);
        Domain {
            fhir_base: format!("{}{FHIR_PATH}", self.base),
            device,
            issuer: oauth(""),
            jwks: oauth("/.well-known/jwks.json"),
            authorize: oauth("/authorize"),
            token: oauth("/token"),
            introspect: oauth("/introspect"),
        }
    }
}
