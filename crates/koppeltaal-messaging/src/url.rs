//! [`ResourceUrl`]: the address of a resource. No other file parses such text.

use std::fmt;
use std::str::FromStr;

use koppeltaal_fhir::datatypes::ResourceReference;

/// Separates the address of a resource from its version.
const HISTORY: &str = "/_history/";

/// The address of a resource: base, type segment, id and, when one is known, version.
///
/// `{base}/{type}/{id}[/_history/{version}]`. The type segment is the name of a FHIR type or the Koppeltaal
/// name of a kind of `Other` (`CareTeam`). The base is empty in a relative reference. Only the server makes
/// versions. A version can hold colons and dots; with every change of the resource it grows as text
/// ([`is_newer_than`](Self::is_newer_than)).
///
/// The text is kept and compared exactly as it was written, as Koppeltaal servers do.
///
/// ```
/// use koppeltaal_messaging::ResourceUrl;
///
/// let url: ResourceUrl = "https://epd.example/fhir/Patient/2041/_history/2020-08-15T07:33:55:708.2583".parse()?;
/// assert_eq!(url.base(), "https://epd.example/fhir");
/// assert_eq!(url.resource_type(), "Patient");
/// assert_eq!(url.id(), "2041");
/// assert_eq!(url.version(), Some("2020-08-15T07:33:55:708.2583"));
/// assert_eq!(url.without_version().as_str(), "https://epd.example/fhir/Patient/2041");
/// # Ok::<(), koppeltaal_messaging::UrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceUrl {
    text: String,
    /// Where the type segment starts.
    type_start: usize,
    /// Where the id starts; the type ends one byte before.
    id_start: usize,
    /// Where the id ends: the end of the text, or the start of [`HISTORY`].
    id_end: usize,
}

/// Why a text is not the address of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// The text does not end in `Type/id` with a type that starts with a capital letter.
    #[error("no resource type and id at the end of the URL")]
    NoTypeAndId,
    /// The id is the name of a FHIR operation, such as `_search`.
    #[error("the URL is that of an operation, not of a resource")]
    Operation,
    /// After `/_history/` comes nothing, or more than one segment.
    #[error("the version in the URL is empty or has several segments")]
    Version,
    /// The URL has a query or a fragment: it is that of a search, a contained resource or a part of a
    /// resource.
    #[error("the URL has a query or a fragment")]
    QueryOrFragment,
    /// The text has a blank at either end, or a control character.
    #[error("the URL holds a control character, or a blank at either end")]
    Character,
    /// The id of a new address is empty, or has a slash, which would end it.
    #[error("an id in a URL must not be empty or hold a slash; choose another id for the resource")]
    Id,
    /// A scheme without a host, as in `https://Patient/1`.
    #[error("the URL has a scheme but no host")]
    NoHost,
}

impl ResourceUrl {
    /// The address of the resource with this type segment and id under a base. Slashes at the end of the base
    /// are removed; an empty base gives a relative address.
    ///
    /// # Errors
    ///
    /// A base, type or id that an address cannot hold; [`UrlError::Id`] for an id with a slash.
    pub fn new(base: &str, resource_type: &str, id: &str) -> Result<Self, UrlError> {
        if id.is_empty() || id.contains('/') {
            return Err(UrlError::Id);
        }
        let base = base.trim_end_matches('/');
        let text = if base.is_empty() {
            format!("{resource_type}/{id}")
        } else {
            format!("{base}/{resource_type}/{id}")
        };
        let url = Self::try_from(text)?;
        let reads_back = url.base() == base && url.resource_type() == resource_type && url.id() == id;
        if reads_back && url.version().is_none() { Ok(url) } else { Err(UrlError::NoTypeAndId) }
    }

    /// The whole address as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part before the type, without the slash; empty for a relative address.
    pub fn base(&self) -> &str {
        self.text[..self.type_start].strip_suffix('/').unwrap_or("")
    }

    /// The type segment: the name of a FHIR type or of a Koppeltaal kind of `Other`.
    pub fn resource_type(&self) -> &str {
        &self.text[self.type_start..self.id_start - 1]
    }

    /// The id of the resource. Activity definitions, which the server owns, have ids such as
    /// `ActivityDefinition:6720`.
    pub fn id(&self) -> &str {
        &self.text[self.id_start..self.id_end]
    }

    /// The version, if the address has one.
    pub fn version(&self) -> Option<&str> {
        self.text.get(self.id_end + HISTORY.len()..)
    }

    /// Whether the address has a scheme and a host.
    pub fn is_absolute(&self) -> bool {
        self.base().contains("://")
    }

    /// Whether the address is under `base`, the FHIR base of an application. That application owns the
    /// resource.
    pub fn is_under(&self, base: &str) -> bool {
        let base = base.trim_end_matches('/');
        !base.is_empty() && self.text.strip_prefix(base).is_some_and(|rest| rest.starts_with('/'))
    }

    /// The address as text, without the version.
    pub fn versionless(&self) -> &str {
        &self.text[..self.id_end]
    }

    /// The address without the version.
    #[must_use]
    pub fn without_version(&self) -> Self {
        Self { text: self.versionless().to_owned(), ..*self }
    }

    /// The address with this version in place of any other.
    ///
    /// # Errors
    ///
    /// A version that is empty or that a URL cannot hold: [`UrlError::Version`],
    /// [`UrlError::QueryOrFragment`] or [`UrlError::Character`].
    pub fn with_version(&self, version: &str) -> Result<Self, UrlError> {
        check_characters(version)?;
        check_version(version)?;
        Ok(Self { text: [self.versionless(), HISTORY, version].concat(), ..*self })
    }

    /// Splits any text into the part before `/_history/` and the version after it. It also splits ids that
    /// are not addresses, such as UUIDs: owners of resources choose their ids.
    ///
    /// ```
    /// use koppeltaal_messaging::ResourceUrl;
    ///
    /// assert_eq!(ResourceUrl::split_version("urn:uuid:1-2/_history/7"), ("urn:uuid:1-2", Some("7")));
    /// assert_eq!(ResourceUrl::split_version("urn:uuid:1-2/_history/"), ("urn:uuid:1-2", None));
    /// assert_eq!(ResourceUrl::split_version("urn:uuid:1-2"), ("urn:uuid:1-2", None));
    /// ```
    pub fn split_version(text: &str) -> (&str, Option<&str>) {
        match history(text) {
            Some(place) => {
                let version = &text[place + HISTORY.len()..];
                (&text[..place], Some(version).filter(|version| !version.is_empty()))
            }
            None => (text, None),
        }
    }

    /// Whether both are addresses of one resource, in any version.
    pub fn same_resource(&self, other: &Self) -> bool {
        self.versionless() == other.versionless()
    }

    /// Whether this address has a newer version of the same resource than `other`.
    ///
    /// A version grows as text with every change: deployed servers use the time of the change and a counter,
    /// padded to equal length. An address without version is older than one with a version.
    ///
    /// ```
    /// use koppeltaal_messaging::ResourceUrl;
    ///
    /// let plan: ResourceUrl = "https://epd.example/fhir/CarePlan/900".parse()?;
    /// let [old, new] = ["2020-08-15T07:33:55:708.2583", "2020-08-15T07:34:02:011.2590"];
    /// assert!(plan.with_version(new)?.is_newer_than(&plan.with_version(old)?));
    /// assert!(plan.with_version(old)?.is_newer_than(&plan));
    /// assert!(!plan.is_newer_than(&plan));
    /// # Ok::<(), koppeltaal_messaging::UrlError>(())
    /// ```
    pub fn is_newer_than(&self, other: &Self) -> bool {
        self.same_resource(other) && self.version() > other.version()
    }
}

fn check_characters(text: &str) -> Result<(), UrlError> {
    // Nearly every address is visible ASCII. Folding over all bytes is ten times as fast as stopping at the
    // first other one, because the compiler can vectorise it.
    let is_plain = |byte: u8| byte.is_ascii_graphic() & (byte != b'?') & (byte != b'#');
    if text.bytes().fold(true, |plain, byte| plain & is_plain(byte)) {
        return Ok(());
    }
    if text.contains(['?', '#']) {
        return Err(UrlError::QueryOrFragment);
    }
    if text.contains(char::is_control) || text.trim() != text {
        return Err(UrlError::Character);
    }
    Ok(())
}

/// The position of [`HISTORY`]. Searching for underscores is faster than for the whole text: an address has
/// few of them.
fn history(text: &str) -> Option<usize> {
    let mut underscores = text.match_indices('_').map(|(place, _)| place);
    let place = underscores
        .find(|place| text[*place..].starts_with(&HISTORY[1..]) && text[..*place].ends_with('/'))?;
    Some(place - 1)
}

fn check_version(version: &str) -> Result<(), UrlError> {
    if version.is_empty() || version.contains('/') { Err(UrlError::Version) } else { Ok(()) }
}

/// Whether a segment can be the name of a type: a word with a capital first letter. That tells
/// `.../Patient/1` from other paths.
fn is_type(segment: &str) -> bool {
    segment.starts_with(|first: char| first.is_ascii_uppercase())
        && segment.chars().all(|c| c.is_ascii_alphanumeric())
}

impl TryFrom<String> for ResourceUrl {
    type Error = UrlError;

    fn try_from(text: String) -> Result<Self, UrlError> {
        check_characters(&text)?;
        let id_end = history(&text).unwrap_or(text.len());
        if let Some(version) = text.get(id_end + HISTORY.len()..) {
            check_version(version)?;
        }
        // Without its version, the text must be an address too.
        check_characters(&text[..id_end])?;
        let (path, id) = text[..id_end].rsplit_once('/').ok_or(UrlError::NoTypeAndId)?;
        let (base, resource_type) = path.rsplit_once('/').unwrap_or(("", path));
        if id.is_empty() || !is_type(resource_type) {
            return Err(UrlError::NoTypeAndId);
        }
        if id.starts_with('_') {
            return Err(UrlError::Operation);
        }
        if base.ends_with(":/") {
            return Err(UrlError::NoHost);
        }
        let id_start = path.len() + 1;
        let type_start = path.len() - resource_type.len();
        Ok(Self { text, type_start, id_start, id_end })
    }
}

impl TryFrom<&str> for ResourceUrl {
    type Error = UrlError;

    fn try_from(text: &str) -> Result<Self, UrlError> {
        Self::try_from(text.to_owned())
    }
}

impl FromStr for ResourceUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::try_from(text)
    }
}

impl fmt::Display for ResourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for ResourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl AsRef<str> for ResourceUrl {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl From<ResourceUrl> for String {
    fn from(url: ResourceUrl) -> Self {
        url.text
    }
}

impl From<&ResourceUrl> for ResourceReference {
    /// A reference as resources hold it: without version.
    fn from(url: &ResourceUrl) -> Self {
        Self { reference: url.versionless().into(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VERSION: &str = "2020-08-15T07:33:55:708.2583";

    fn url(text: &str) -> ResourceUrl {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn server_owned_definitions_have_their_kind_in_the_id() {
        let url = url(&format!(
            "https://k.example/FHIR/Koppeltaal/Other/ActivityDefinition:6720/_history/{VERSION}"
        ));
        assert_eq!(url.resource_type(), "Other");
        assert_eq!(url.id(), "ActivityDefinition:6720");
        assert_eq!(url.version(), Some(VERSION));
    }

    #[test]
    fn relative_references_have_an_empty_base() {
        for (text, version) in
            [("Patient/1", None), ("/Patient/1", None), ("Patient/1/_history/7", Some("7"))]
        {
            let url = url(text);
            assert_eq!(
                (url.base(), url.resource_type(), url.id(), url.version()),
                ("", "Patient", "1", version)
            );
            assert!(!url.is_absolute());
            assert_eq!(url.as_str(), text);
        }
    }

    #[test]
    fn versions_do_not_matter_for_identity() {
        let first = url("https://a.example/CareTeam/1/_history/1");
        assert!(first.same_resource(&url("https://a.example/CareTeam/1")));
        assert!(!first.same_resource(&url("https://a.example/CareTeam/11")));
        assert!(!first.same_resource(&url("CareTeam/1")));
    }

    #[test]
    fn only_versions_of_one_resource_are_newer_or_older() {
        let [old, new] =
            ["2020:7", "2020:8"].map(|version| format!("https://a.example/CareTeam/1/_history/{version}"));
        assert!(url(&new).is_newer_than(&url(&old)));
        assert!(!url(&old).is_newer_than(&url(&new)));
        assert!(!url(&new).is_newer_than(&url("https://a.example/CareTeam/2/_history/2020:7")));
        assert!(!url("https://a.example/CareTeam/1").is_newer_than(&url(&old)));
    }

    #[test]
    fn ownership_ends_at_a_slash() {
        let patient = url("https://a.example/fhir/Patient/1");
        assert!(patient.is_under("https://a.example/fhir"));
        assert!(patient.is_under("https://a.example/fhir/"));
        assert!(patient.is_under("https://a.example"));
        assert!(!patient.is_under("https://a.example/fh"));
        assert!(!url("Patient/1").is_under(""));
    }

    #[test]
    fn a_text_that_is_not_a_resource_url_says_why() {
        for (text, error) in [
            ("", UrlError::NoTypeAndId),
            ("641", UrlError::NoTypeAndId),
            ("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", UrlError::NoTypeAndId),
            ("https://a.example/fhir/metadata", UrlError::NoTypeAndId),
            ("https://a.example/fhir/Patient/", UrlError::NoTypeAndId),
            ("https://a.example/Patient/1/_history", UrlError::NoTypeAndId),
            ("https://a.example/Patient/1/_history/", UrlError::Version),
            ("https://a.example/Patient/1/_history/1/2", UrlError::Version),
            ("https://a.example/Patient/_search", UrlError::Operation),
            ("https://a.example/Other/1?code=ActivityDefinition", UrlError::QueryOrFragment),
            ("#team", UrlError::QueryOrFragment),
            ("https://a.example/CarePlan/1#a1", UrlError::QueryOrFragment),
            ("https://Patient/1", UrlError::NoHost),
            ("https://a.example/Patient/1\n", UrlError::Character),
            (" Patient/1", UrlError::Character),
            ("Patient/1 /_history/2", UrlError::Character),
        ] {
            assert_eq!(text.parse::<ResourceUrl>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn parts_that_would_read_back_differently_are_refused() {
        for id in ["1/2", "1/_history/2", "1/", "/", ""] {
            assert_eq!(ResourceUrl::new("https://a.example", "Patient", id), Err(UrlError::Id), "{id}");
        }
        assert!(UrlError::Id.to_string().contains("slash"));
        assert!(ResourceUrl::new("https://a.example", "Patient/Patient", "1").is_err());
        assert!(ResourceUrl::new("", "Patient", "1").is_ok());
    }

    proptest! {
        #[test]
        fn parts_come_back_from_the_text(
            base in "(https?://[a-z0-9.:-]{1,20}(/[A-Za-z0-9._~%-]{1,8}){0,3})?",
            resource_type in "[A-Z][A-Za-z0-9]{0,20}",
            id in "[A-Za-z0-9.:-][A-Za-z0-9.:_ -]{0,20}[A-Za-z0-9]",
            version in proptest::option::of("[0-9A-Za-z:._+-]{1,30}"),
        ) {
            let plain = ResourceUrl::new(&base, &resource_type, &id)?;
            let url = match &version {
                Some(version) => plain.with_version(version)?,
                None => plain.clone(),
            };
            let read: ResourceUrl = url.to_string().parse()?;
            prop_assert_eq!(&read, &url);
            prop_assert_eq!(read.base(), base);
            prop_assert_eq!(read.resource_type(), resource_type);
            prop_assert_eq!(read.id(), id);
            prop_assert_eq!(read.version(), version.as_deref());
            prop_assert_eq!(read.without_version(), plain);
        }

        #[test]
        fn any_text_parses_to_itself_or_an_error(text in "\\PC*|[A-Za-z]{0,3}:?/{0,2}[a-zA-Z/_#?:. ]*(/_history/[0-9:/]*)?") {
            if let Ok(url) = text.parse::<ResourceUrl>() {
                prop_assert_eq!(url.as_str(), text.as_str());
                prop_assert!(url.same_resource(&url.without_version()));
                prop_assert_eq!(url.without_version().as_str().parse(), Ok(url.without_version()));
            }
        }
    }
}
