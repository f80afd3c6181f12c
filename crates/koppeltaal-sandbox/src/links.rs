//! [`Links`]: the URLs that the sandbox hands out, and the way back from such a URL to what it names.

use koppeltaal_messaging::ResourceUrl;

use crate::clock::Version;
pub(crate) use crate::config::FHIR_PATH;
use crate::mailbox::Address;

/// What the id of an activity definition starts with, before its number.
const DEFINITION_PREFIX: &str = "ActivityDefinition:";

/// The same for an item of the storage service.
const STORAGE_PREFIX: &str = "StorageItem:";

/// Makes URLs under one base: the address under which a client knows the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Links {
    /// Without a slash at the end and without [`FHIR_PATH`].
    base: String,
}

impl Links {
    pub(crate) fn new(base: &str) -> Self {
        Self { base: base.trim_end_matches('/').to_owned() }
    }

    /// Any path of the server.
    pub(crate) fn server(&self, path: &str) -> String {
        [&self.base, path].concat()
    }

    /// The FHIR base.
    pub(crate) fn fhir(&self) -> String {
        self.server(FHIR_PATH)
    }

    /// The header of a message.
    pub(crate) fn header(&self, number: u64) -> String {
        [&self.base, FHIR_PATH, "/MessageHeader/", &number.to_string()].concat()
    }

    /// An activity definition.
    pub(crate) fn definition(&self, number: u64) -> String {
        format!("{}{FHIR_PATH}/Other/{DEFINITION_PREFIX}{number}", self.base)
    }

    /// An item of the storage service.
    pub(crate) fn storage_item(&self, number: u64) -> String {
        format!("{}{FHIR_PATH}/Other/{STORAGE_PREFIX}{number}", self.base)
    }

    /// An item of the storage service as a `Binary`.
    pub(crate) fn binary(&self, number: u64) -> String {
        format!("{}{FHIR_PATH}/Binary/{number}", self.base)
    }

    /// A resource, without version.
    pub(crate) fn resource(&self, address: &Address) -> String {
        match address {
            Address::Given(url) => url.clone(),
            Address::Definition(number) => self.definition(*number),
        }
    }
}

/// The URL of one version of a resource.
pub(crate) fn versioned(url: &str, version: Option<&Version>) -> String {
    version.map_or_else(|| url.to_owned(), |version| [url, HISTORY, version.as_str()].concat())
}

/// Separates the URL of a resource from its version.
const HISTORY: &str = "/_history/";

/// The number in the URL of a header, with or without version, on any server.
pub(crate) fn header_number(url: &str) -> Option<u64> {
    let (_, rest) = url.rsplit_once("/MessageHeader/")?;
    ResourceUrl::split_version(rest).0.parse().ok()
}

/// The number in the id of an activity definition, `ActivityDefinition:6720`.
pub(crate) fn definition_number(id: &str) -> Option<u64> {
    id.strip_prefix(DEFINITION_PREFIX)?.parse().ok()
}

/// The number in the id of an item of the storage service, `StorageItem:12`.
pub(crate) fn storage_number(id: &str) -> Option<u64> {
    id.strip_prefix(STORAGE_PREFIX)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_header_is_found_in_each_form_of_its_url() {
        let links = Links::new("https://k.example/");
        let version = Version::from("2020-08-15T07:33:55:708.2583");
        let url = links.header(305);
        assert_eq!(url, "https://k.example/FHIR/Koppeltaal/MessageHeader/305");
        assert_eq!(header_number(&url), Some(305));
        assert_eq!(header_number(&versioned(&url, Some(&version))), Some(305));
        assert_eq!(header_number("305"), None);
        assert_eq!(header_number("https://k.example/FHIR/Koppeltaal/MessageHeader/abc"), None);
    }

    #[test]
    fn any_text_can_have_a_version_and_lose_it_again() {
        let version = Version::from("2020-08-15T07:33:55:708.2583");
        for id in ["https://a.example/Patient/1", "https://a.example/careteam/x y", "urn:uuid:1-2", "1", ""] {
            let whole = versioned(id, Some(&version));
            assert_eq!(ResourceUrl::split_version(&whole), (id, Some(version.as_str())));
            assert_eq!(ResourceUrl::split_version(id), (id, None));
        }
        assert_eq!(ResourceUrl::split_version("a/_history/"), ("a", None));
    }

    #[test]
    fn definitions_have_their_kind_in_the_id() {
        let url = Links::new("http://127.0.0.1:8080").definition(7);
        assert_eq!(url, "http://127.0.0.1:8080/FHIR/Koppeltaal/Other/ActivityDefinition:7");
        assert_eq!(definition_number("ActivityDefinition:7"), Some(7));
        assert_eq!(definition_number("StorageItem:7"), None);
        assert_eq!(storage_number("StorageItem:7"), Some(7));
    }
}
