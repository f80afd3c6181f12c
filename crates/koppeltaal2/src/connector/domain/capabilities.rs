//! What the `CapabilityStatement` of a domain says: the version of FHIR, and where its authorization service
//! is.

use koppeltaal_r4::Primitive;
use koppeltaal_r4::datatypes::{Extension, ExtensionValue};
use koppeltaal_r4::resources::CapabilityStatement;
use koppeltaal_smart::SmartConfiguration;

use crate::vocabulary::extension::OAUTH_URIS;

/// The guide of Koppeltaal 2.0, whose version is that of the profiles.
pub(crate) const IMPLEMENTATION_GUIDE: &str = "http://koppeltaal.nl/fhir/ImplementationGuide";

/// A member of the SMART configuration.
type Member = fn(&mut SmartConfiguration) -> &mut Option<String>;

/// The children of the extension, and the members that they stand for.
const MEMBERS: [(&str, Member); 5] = [
    ("issuer", |all| &mut all.issuer),
    ("jwks", |all| &mut all.jwks_uri),
    ("authorize", |all| &mut all.authorization_endpoint),
    ("token", |all| &mut all.token_endpoint),
    ("introspect", |all| &mut all.introspection_endpoint),
];

/// Fills what the configuration lacks from the extension `oauth-uris`. The specification calls it outdated,
/// but for some servers it is the only place.
pub(crate) fn complete(configuration: &mut SmartConfiguration, statement: &CapabilityStatement) {
    let security = statement.rest.iter().filter_map(|rest| rest.security.as_ref());
    let uris =
        security.flat_map(|security| &security.extension).filter(|extension| extension.url == OAUTH_URIS);
    for child in uris.flat_map(|extension| &extension.extension) {
        let member = MEMBERS.iter().find(|(name, _)| *name == child.url);
        if let (Some((_, member)), Some(text)) = (member, text(child)) {
            member(configuration).get_or_insert_with(|| text.to_owned());
        }
    }
}

fn text(extension: &Extension) -> Option<&str> {
    let text = match extension.value.as_ref()? {
        ExtensionValue::Uri(value) => value.as_str(),
        ExtensionValue::Url(value) => value.as_str(),
        ExtensionValue::String(value) => value.as_str(),
        _ => None,
    };
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// The version of FHIR that the server says it speaks.
pub(crate) fn fhir_version(statement: &CapabilityStatement) -> Option<String> {
    statement.fhir_version.as_str().map(str::to_owned)
}

/// The canonical URL of Koppeltaal's guide, as the server writes it, without a version.
pub(crate) fn implementation_guide(statement: &CapabilityStatement) -> &str {
    let guides = statement.implementation_guide.iter().filter_map(Primitive::as_str);
    let guide = guides.map(|guide| guide.split('|').next().unwrap_or_default());
    guide.into_iter().find(|guide| guide.starts_with(IMPLEMENTATION_GUIDE)).unwrap_or(IMPLEMENTATION_GUIDE)
}

/// The version in a search result of implementation guides. R4's resource of that name is not modelled in
/// every build, so the JSON is read as it is.
pub(crate) fn package_version(bundle: &[u8]) -> Option<String> {
    let bundle: serde_json::Value = serde_json::from_slice(bundle).ok()?;
    let guides = bundle.get("entry")?.as_array()?.iter().filter_map(|entry| entry.get("resource"));
    let mut versions = guides.filter_map(|guide| guide.get("version")?.as_str());
    versions.find(|version| (1..=64).contains(&version.len())).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use koppeltaal_r4::resources::{CapabilityStatementRest, CapabilityStatementRestSecurity};

    use super::*;

    fn uri(name: &str, value: &str) -> Extension {
        let value = Some(ExtensionValue::Uri(value.into()));
        Extension { url: name.to_owned(), value, ..Extension::default() }
    }

    #[test]
    fn what_the_configuration_lacks_is_taken_from_the_extension() {
        let uris = Extension {
            url: OAUTH_URIS.to_owned(),
            extension: vec![
                uri("token", "https://a.example/token"),
                uri("issuer", "https://other.example"),
                uri("x", "y"),
            ],
            ..Extension::default()
        };
        let security = CapabilityStatementRestSecurity { extension: vec![uris], ..Default::default() };
        let rest = CapabilityStatementRest { security: Some(Box::new(security)), ..Default::default() };
        let statement = CapabilityStatement { rest: vec![rest], ..CapabilityStatement::default() };
        let mut configuration = SmartConfiguration::default();
        configuration.issuer = Some("https://a.example".to_owned());
        complete(&mut configuration, &statement);
        assert_eq!(configuration.token_endpoint.as_deref(), Some("https://a.example/token"));
        assert_eq!(configuration.issuer.as_deref(), Some("https://a.example"), "the document comes first");
    }

    #[test]
    fn the_version_of_the_profiles_is_that_of_the_guide() {
        let bundle = br#"{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"ImplementationGuide","version":"0.16.3"}}]}"#;
        assert_eq!(package_version(bundle).as_deref(), Some("0.16.3"));
        for nothing in [&b"{}"[..], b"[]", b"<html>", br#"{"entry":[{"resource":{"version":1}}]}"#] {
            assert_eq!(package_version(nothing), None);
        }
    }
}
