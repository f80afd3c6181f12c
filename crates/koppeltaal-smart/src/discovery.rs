//! [`SmartConfiguration`]: the document `.well-known/smart-configuration` of a FHIR server.

use serde_json::{Map, Value};
use url::Url;

/// What a FHIR server says about its authorization service (SMART App Launch 2.x section 7, TOP-KT-016).
///
/// Koppeltaal makes every member mandatory; real servers leave some out. So reading never misses one: what a
/// request needs is checked when it is made, by methods such as [`to_token`](Self::to_token).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SmartConfiguration {
    /// `issuer`: who makes the tokens.
    pub issuer: Option<String>,
    /// `jwks_uri`: its keys.
    pub jwks_uri: Option<String>,
    /// `authorization_endpoint`.
    pub authorization_endpoint: Option<String>,
    /// `token_endpoint`.
    pub token_endpoint: Option<String>,
    /// `introspection_endpoint`.
    pub introspection_endpoint: Option<String>,
    /// `management_endpoint`: the administration of the domain.
    pub management_endpoint: Option<String>,
    /// `grant_types_supported`.
    pub grant_types_supported: Vec<String>,
    /// `token_endpoint_auth_methods_supported`.
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// `scopes_supported`.
    pub scopes_supported: Vec<String>,
    /// `response_types_supported`.
    pub response_types_supported: Vec<String>,
    /// `capabilities`.
    pub capabilities: Vec<String>,
    /// `code_challenge_methods_supported`.
    pub code_challenge_methods_supported: Vec<String>,
    /// Members that are not in this list.
    pub others: Map<String, Value>,
}

/// Why a document of discovery cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// It is not a JSON object.
    #[error("the SMART configuration is not a JSON object")]
    NotAnObject,
    /// It lacks a member that a request needs.
    #[error("the SMART configuration has no {0}; tell the server's administrator, or set it")]
    Missing(&'static str),
    /// A member is not an absolute http or https URL without user name and fragment.
    #[error("{0} of the SMART configuration is not a usable URL; tell the server's administrator, or set it")]
    Url(&'static str),
}

/// The place of a member in the type.
type Place<T> = fn(&mut SmartConfiguration) -> &mut T;

/// The members that are a text.
const TEXTS: [(&str, Place<Option<String>>); 6] = [
    ("issuer", |all| &mut all.issuer),
    ("jwks_uri", |all| &mut all.jwks_uri),
    ("authorization_endpoint", |all| &mut all.authorization_endpoint),
    ("token_endpoint", |all| &mut all.token_endpoint),
    ("introspection_endpoint", |all| &mut all.introspection_endpoint),
    ("management_endpoint", |all| &mut all.management_endpoint),
];

/// The members that are a list of texts.
const LISTS: [(&str, Place<Vec<String>>); 6] = [
    ("grant_types_supported", |all| &mut all.grant_types_supported),
    ("token_endpoint_auth_methods_supported", |all| &mut all.token_endpoint_auth_methods_supported),
    ("scopes_supported", |all| &mut all.scopes_supported),
    ("response_types_supported", |all| &mut all.response_types_supported),
    ("capabilities", |all| &mut all.capabilities),
    ("code_challenge_methods_supported", |all| &mut all.code_challenge_methods_supported),
];

impl SmartConfiguration {
    /// Reads the document. A text where a list belongs is a list of its words; a member of another type
    /// counts as absent.
    ///
    /// # Errors
    ///
    /// [`DiscoveryError::NotAnObject`].
    pub fn from_json(text: &[u8]) -> Result<Self, DiscoveryError> {
        let mut members: Map<String, Value> =
            serde_json::from_slice(text).map_err(|_| DiscoveryError::NotAnObject)?;
        let mut all = Self::default();
        for (name, member) in TEXTS {
            if let Some(Value::String(text)) = members.remove(name)
                && !text.trim().is_empty()
            {
                *member(&mut all) = Some(text.trim().to_owned());
            }
        }
        for (name, member) in LISTS {
            *member(&mut all) = match members.remove(name) {
                Some(Value::Array(items)) => {
                    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
                }
                Some(Value::String(words)) => words.split_ascii_whitespace().map(str::to_owned).collect(),
                _ => Vec::new(),
            };
        }
        all.others = members;
        Ok(all)
    }

    /// The document.
    pub fn to_json(&self) -> Value {
        let mut all = self.clone();
        let mut members = std::mem::take(&mut all.others);
        for (name, member) in TEXTS {
            if let Some(text) = member(&mut all).take() {
                members.insert(name.to_owned(), text.into());
            }
        }
        for (name, member) in LISTS {
            let items = std::mem::take(member(&mut all));
            if !items.is_empty() {
                members.insert(name.to_owned(), items.into());
            }
        }
        Value::Object(members)
    }

    /// The names of the members that Koppeltaal makes mandatory and the document lacks, for a report.
    pub fn missing(&self) -> Vec<&'static str> {
        let mut all = self.clone();
        let texts = TEXTS.iter().filter(|(_, member)| member(&mut all).is_none()).map(|(name, _)| *name);
        let mut missing: Vec<_> = texts.collect();
        missing.extend(LISTS.iter().filter(|(_, member)| member(&mut all).is_empty()).map(|(name, _)| *name));
        missing
    }

    /// The issuer.
    ///
    /// # Errors
    ///
    /// [`DiscoveryError::Missing`].
    pub fn to_issuer(&self) -> Result<&str, DiscoveryError> {
        self.issuer.as_deref().ok_or(DiscoveryError::Missing("issuer"))
    }

    /// Whether this is the issuer. A slash at the end makes no difference.
    pub fn is_issuer(&self, issuer: &str) -> bool {
        self.issuer.as_deref().is_some_and(|own| crate::claims::is_same_issuer(own, issuer))
    }

    /// Where its keys are.
    ///
    /// # Errors
    ///
    /// [`DiscoveryError::Missing`], [`DiscoveryError::Url`].
    pub fn to_jwks(&self) -> Result<Url, DiscoveryError> {
        url("jwks_uri", self.jwks_uri.as_deref())
    }

    /// Where browsers are sent to.
    ///
    /// # Errors
    ///
    /// [`DiscoveryError::Missing`], [`DiscoveryError::Url`].
    pub fn to_authorization(&self) -> Result<Url, DiscoveryError> {
        url("authorization_endpoint", self.authorization_endpoint.as_deref())
    }

    /// Where tokens are asked for.
    ///
    /// # Errors
    ///
    /// [`DiscoveryError::Missing`], [`DiscoveryError::Url`].
    pub fn to_token(&self) -> Result<Url, DiscoveryError> {
        url("token_endpoint", self.token_endpoint.as_deref())
    }

    /// Where tokens are introspected.
    ///
    /// # Errors
    ///
    /// [`DiscoveryError::Missing`], [`DiscoveryError::Url`].
    pub fn to_introspection(&self) -> Result<Url, DiscoveryError> {
        url("introspection_endpoint", self.introspection_endpoint.as_deref())
    }
}

fn url(name: &'static str, text: Option<&str>) -> Result<Url, DiscoveryError> {
    let url =
        Url::parse(text.ok_or(DiscoveryError::Missing(name))?).map_err(|_| DiscoveryError::Url(name))?;
    let usable = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    if usable { Ok(url) } else { Err(DiscoveryError::Url(name)) }
}

/// The address of the document of a FHIR server with this base URL.
pub fn smart_configuration_url(fhir_base: &Url) -> Url {
    let mut url = fhir_base.clone();
    url.set_path(&format!("{}/.well-known/smart-configuration", fhir_base.path().trim_end_matches('/')));
    url.set_query(None);
    url.set_fragment(None);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"issuer":"https://auth.example/","jwks_uri":"/relative",
        "token_endpoint":"https://auth.example/oauth2/token","grant_types_supported":["client_credentials",1],
        "scopes_supported":"openid launch","capabilities":null,"registration_endpoint":"https://auth.example/register"}"#;

    #[test]
    fn a_document_that_lacks_members_serves_the_requests_that_do_not_need_them() {
        let document = SmartConfiguration::from_json(DOCUMENT.as_bytes()).expect("a document");
        assert_eq!(document.to_token().expect("a URL").as_str(), "https://auth.example/oauth2/token");
        assert_eq!(document.to_introspection(), Err(DiscoveryError::Missing("introspection_endpoint")));
        assert_eq!(document.to_jwks(), Err(DiscoveryError::Url("jwks_uri")));
        assert_eq!(document.grant_types_supported, ["client_credentials"]);
        assert_eq!(document.scopes_supported, ["openid", "launch"]);
        assert!(document.is_issuer("https://auth.example") && !document.is_issuer("https://auth.example/x"));
        assert!(document.missing().contains(&"capabilities") && !document.missing().contains(&"issuer"));
        assert_eq!(
            DiscoveryError::Missing("introspection_endpoint").to_string(),
            "the SMART configuration has no introspection_endpoint; \
             tell the server's administrator, or set it"
        );
    }

    #[test]
    fn a_document_that_is_written_reads_the_same() {
        let document = SmartConfiguration::from_json(DOCUMENT.as_bytes()).expect("a document");
        let written = document.to_json().to_string();
        assert_eq!(SmartConfiguration::from_json(written.as_bytes()), Ok(document));
        assert_eq!(SmartConfiguration::from_json(b"[]"), Err(DiscoveryError::NotAnObject));
    }

    #[test]
    fn the_document_lies_below_the_base() {
        for base in ["https://kt.example/fhir/DEFAULT", "https://kt.example/fhir/DEFAULT/"] {
            let url = smart_configuration_url(&Url::parse(base).expect("a URL"));
            assert_eq!(url.as_str(), "https://kt.example/fhir/DEFAULT/.well-known/smart-configuration");
        }
    }
}
