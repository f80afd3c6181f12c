//! [`VersionFilter`] and [`KnownVersion`]: the versions in a database as operators list them.

use koppeltaal_messaging::ResourceUrl;

use super::VersionStoreError;

/// A version that a store knows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownVersion {
    /// The domain in which the resource has this version.
    pub domain: String,
    /// The address of the resource, with the version. It can be that of a patient.
    pub url: ResourceUrl,
}

/// Which versions of a store are listed. Without any condition: all.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # async fn example(store: koppeltaal::SqliteVersionStore) -> Result<(), koppeltaal::VersionStoreError> {
/// use koppeltaal::VersionFilter;
///
/// // All versions of a domain, a hundred at a time.
/// let mut filter = VersionFilter::new().domain("Zonnedauw");
/// loop {
///     let page = store.list(&filter, 100).await?;
///     let Some(last) = page.last() else { break };
///     filter = filter.after(last);
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VersionFilter {
    domain: Option<String>,
    after: Option<KnownVersion>,
}

impl VersionFilter {
    /// All versions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only versions in this domain.
    #[must_use]
    pub fn domain(self, domain: impl Into<String>) -> Self {
        Self { domain: Some(domain.into()), ..self }
    }

    /// Only versions that come after this one in the list: the next page. Versions that come meanwhile shift
    /// no page.
    #[must_use]
    pub fn after(self, version: &KnownVersion) -> Self {
        Self { after: Some(version.clone()), ..self }
    }

    /// The statement, and the values of its placeholders, which have this sign. `limit` is the placeholder of
    /// the limit, behind which theirs are numbered.
    pub(super) fn select(&self, sign: char, limit: &str) -> (String, Vec<String>) {
        let (mut conditions, mut values) = (vec!["true".to_owned()], Vec::new());
        let mut placeholder = |value: &str| {
            values.push(value.to_owned());
            format!("{sign}{}", values.len() + 1)
        };
        if let Some(domain) = &self.domain {
            conditions.push(format!("domain = {}", placeholder(domain)));
        }
        if let Some(after) = &self.after {
            let (domain, resource) = (placeholder(&after.domain), placeholder(after.url.versionless()));
            conditions.push(format!("(domain, resource) > ({domain}, {resource})"));
        }
        let select = format!(
            "SELECT domain, resource, version FROM koppeltaal_version WHERE {}
             ORDER BY domain, resource LIMIT {limit}",
            conditions.join(" AND ")
        );
        (select, values)
    }
}

/// A row of the table: domain, resource and version.
pub(super) fn known_version(
    (domain, resource, version): (String, String, String),
) -> Result<KnownVersion, VersionStoreError> {
    let damaged =
        |resource_type: &str| VersionStoreError::Damaged { resource_type: resource_type.to_owned() };
    let url: ResourceUrl = resource.parse().map_err(|_| damaged("resource"))?;
    let url = url.with_version(&version).map_err(|_| damaged(url.resource_type()))?;
    Ok(KnownVersion { domain, url })
}
