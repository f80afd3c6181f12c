//! Activity definitions: what the applications of a domain offer. They are resources of the server, not of an
//! application.

use std::fmt;

use koppeltaal_fhir::Entry;
use koppeltaal_fhir::resources::Other;
use koppeltaal_messaging::ResourceUrl;
use koppeltaal_messaging::vocabulary::search;

use super::resource_url;
use super::search::Search;
use crate::client::Client;
use crate::error::Result;
use crate::exchange::request::{Body, Operation, Request};

/// An activity definition as the server has it. `Debug` shows its address and its identifier only.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct StoredActivityDefinition {
    /// Its address. An update needs the version, which is absent if the server left it out.
    pub url: Option<ResourceUrl>,
    /// The definition, an `Other` with code `ActivityDefinition`.
    pub resource: Other,
}

/// Whether a search gives archived activity definitions too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IncludeArchived {
    /// Only those in use.
    #[default]
    No,
    /// All.
    Yes,
}

impl Client {
    /// The activity definitions of the domain. Nothing is requested until results are asked for.
    pub fn activity_definitions(&self, archived: IncludeArchived) -> Search<StoredActivityDefinition> {
        let parameters = [(search::CODE, "ActivityDefinition"), (search::INCLUDE_ARCHIVED, "yes")];
        let parameters = match archived {
            IncludeArchived::No => &parameters[..1],
            IncludeArchived::Yes => &parameters[..],
        };
        let first = self.server().fhir("Other/_search", parameters);
        Search::new(self, Operation::ACTIVITY_DEFINITIONS, first, None, StoredActivityDefinition::from_entry)
    }

    /// Creates an activity definition, and returns its address with version, which an update needs.
    ///
    /// # Errors
    ///
    /// Those of a write.
    pub async fn create_activity_definition(&self, definition: &Other) -> Result<ResourceUrl> {
        let url = self.server().fhir("Other", &[]);
        self.write_definition(Operation::CREATE_ACTIVITY_DEFINITION, url, definition).await
    }

    /// Replaces an activity definition, and returns its address with the new version. `current` is its
    /// address with the version that the change is based on.
    ///
    /// # Errors
    ///
    /// [`Conflict`](crate::Error::Conflict) when somebody else changed it;
    /// [`ForeignUrl`](crate::Error::ForeignUrl) for an address that is not this server's; else those of a
    /// write.
    pub async fn update_activity_definition(
        &self,
        current: &ResourceUrl,
        definition: &Other,
    ) -> Result<ResourceUrl> {
        let url = self.local_url(current)?;
        self.write_definition(Operation::UPDATE_ACTIVITY_DEFINITION, url, definition).await
    }

    async fn write_definition(
        &self,
        operation: &'static Operation,
        url: reqwest::Url,
        definition: &Other,
    ) -> Result<ResourceUrl> {
        let body = Body::resource(self.format(), definition.clone().into())?;
        let request = Request::new(operation, url).body(body);
        self.exchange(request, |answer| {
            answer.nothing()?;
            let url = answer.resource_url().filter(|url| url.version().is_some());
            url.ok_or_else(|| answer.unexpected("no address with a version in Content-Location or Location"))
        })
        .await
    }
}

impl StoredActivityDefinition {
    fn from_entry(mut entry: Entry) -> Option<Self> {
        let resource = entry.content.take()?.take().ok()?;
        Some(Self { url: resource_url(&entry), resource })
    }
}

impl fmt::Debug for StoredActivityDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let identifier = self.resource.identifier.first().and_then(|identifier| identifier.value.as_str());
        f.debug_struct("StoredActivityDefinition")
            .field("url", &self.url)
            .field("identifier", &identifier)
            .finish_non_exhaustive()
    }
}
