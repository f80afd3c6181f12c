//! [`Urls`]: the addresses of the domain, each in one place.

use crate::domain::Domain;

/// The path of the FHIR interface; `DEFAULT` is the tenant, as at the reference server.
pub(crate) const FHIR_PATH: &str = "/fhir/DEFAULT";
/// The path of the authorization service.
pub(crate) const OAUTH_PATH: &str = "/oauth2";
/// The path of the sandbox's own identity provider.
pub(crate) const IDP_PATH: &str = "/idp";

/// The addresses of the domain, as clients use them. None ends in a slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Urls {
    /// `http(s)://host[/path]`, without a slash at the end.
    pub(crate) base: String,
    /// The base of the FHIR interface.
    pub(crate) fhir: String,
    /// The issuer of access tokens.
    pub(crate) issuer: String,
    pub(crate) jwks: String,
    pub(crate) authorize: String,
    pub(crate) token: String,
    pub(crate) introspect: String,
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
        let oauth = |path: &str| format!("{base}{OAUTH_PATH}{path}");
        let idp = |path: &str| format!("{base}{IDP_PATH}{path}");
        Self {
            fhir: format!("{base}{FHIR_PATH}"),
            issuer: oauth(""),
            jwks: oauth("/.well-known/jwks.json"),
            authorize: oauth("/authorize"),
            token: oauth("/token"),
            introspect: oauth("/introspect"),
            callback: oauth("/callback"),
            idp: idp(""),
            idp_jwks: idp("/jwks.json"),
            idp_authorize: idp("/authorize"),
            idp_login: idp("/login"),
            idp_token: idp("/token"),
            base,
        }
    }

    /// The domain at these addresses, whose server has this Device.
    pub(crate) fn domain(&self, device: String) -> Domain {
        Domain {
            fhir_base: self.fhir.clone(),
            device,
            issuer: self.issuer.clone(),
            jwks: self.jwks.clone(),
            authorize: self.authorize.clone(),
            token: self.token.clone(),
            introspect: self.introspect.clone(),
        }
    }
}
