//! The conformance statement: what the server says about itself.

use std::sync::Arc;

use koppeltaal_fhir::datatypes::{Extension, ExtensionValue};
use koppeltaal_fhir::resources;
use koppeltaal_messaging::vocabulary::conformance;

use crate::address::is_protected;
use crate::client::{Client, Shared};
use crate::endpoints::Endpoints;
use crate::error::Result;
use crate::exchange::request::{Operation, Request};

/// What a server says about itself.
#[derive(Debug, Clone, PartialEq)]
pub struct ConformanceStatement {
    resource: Box<resources::Conformance>,
    endpoints: Arc<Endpoints>,
}

/// What a server says it validates. `None`: it does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Validation {
    /// Requests, against the schema.
    pub requests_against_schema: Option<bool>,
    /// Replies, against the schema.
    pub replies_against_schema: Option<bool>,
    /// Requests, against the Koppeltaal profiles.
    pub requests_against_profile: Option<bool>,
    /// Replies, against the Koppeltaal profiles.
    pub replies_against_profile: Option<bool>,
}

impl Client {
    /// Gets the conformance statement. No credentials are sent: none are needed, and the application may not
    /// know the server yet.
    ///
    /// # Errors
    ///
    /// Those of a read; [`NotFound`](crate::Error::NotFound) suggests that the server's address is wrong.
    pub async fn conformance(&self) -> Result<ConformanceStatement> {
        let request = Request::new(Operation::CONFORMANCE, self.server().fhir("metadata", &[]));
        let statement = self
            .exchange(request, |answer| {
                let resource = answer.resource("no conformance statement")?;
                Ok(ConformanceStatement::new(resource, self.shared()))
            })
            .await?;
        self.shared().endpoints.set(statement.endpoints.clone());
        Ok(statement)
    }

    /// The endpoints of the conformance statement. It is fetched once, also when many tasks ask at the same
    /// time; [`conformance`](Self::conformance) fetches it again.
    ///
    /// # Errors
    ///
    /// Those of [`conformance`](Self::conformance).
    pub async fn endpoints(&self) -> Result<Arc<Endpoints>> {
        let client = self.clone();
        let fetch = || async move { Ok(client.conformance().await?.endpoints) };
        self.shared().endpoints.get_or_fetch(fetch).await
    }
}

impl ConformanceStatement {
    fn new(resource: resources::Conformance, shared: &Shared) -> Self {
        let oauth_server = &shared.oauth_server;
        let stated = |names: &[&str]| {
            let text = match find(&resource, names) {
                Some(ExtensionValue::Uri(uri)) => uri.as_str(),
                Some(ExtensionValue::String(text)) => text.as_str(),
                _ => None,
            };
            text.filter(|text| !text.trim().is_empty())
        };
        let used = |names: &[&str], path: &str| match stated(names) {
            Some(text) => oauth_server.resolve(text).map(|url| oauth_server.localize_outside_fhir(&url)),
            None => Some(oauth_server.outside_fhir(path)),
        };
        let authorize = match stated(&conformance::AUTHORIZE) {
            Some(text) => {
                oauth_server.resolve(text).filter(|url| is_protected(url) || oauth_server.has_origin_of(url))
            }
            None => Some(oauth_server.outside_fhir("OAuth2/Koppeltaal/Authorize")),
        };
        let endpoints = Endpoints {
            authorize,
            token: used(&conformance::TOKEN, "OAuth2/Koppeltaal/Token"),
            launch: used(&[conformance::LAUNCH], "OAuth2/Koppeltaal/Launch"),
            mobile_launch: oauth_server.outside_fhir("OAuth2/Koppeltaal/MobileLaunch"),
        };
        Self { endpoints: Arc::new(endpoints), resource: Box::new(resource) }
    }

    /// The DSTU1 resource.
    pub fn resource(&self) -> &resources::Conformance {
        &self.resource
    }

    /// The name of the server, `Koppeltaal`.
    pub fn name(&self) -> Option<&str> {
        self.resource.name.as_str()
    }

    /// The version of the server, such as `v1.3.9`.
    pub fn version(&self) -> Option<&str> {
        self.resource.version.as_str()
    }

    /// The version of FHIR, 0.0.82.
    pub fn fhir_version(&self) -> Option<&str> {
        self.resource.fhir_version.as_str()
    }

    /// The endpoints, from the statement and from the defaults.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// What the server says it validates.
    pub fn validation(&self) -> Validation {
        let flag = |name: &str| match find(&self.resource, &[name]) {
            Some(ExtensionValue::Boolean(value)) => value.value,
            _ => None,
        };
        Validation {
            requests_against_schema: flag(conformance::VALIDATE_REQUESTS_AGAINST_SCHEMA),
            replies_against_schema: flag(conformance::VALIDATE_REPLIES_AGAINST_SCHEMA),
            requests_against_profile: flag(conformance::VALIDATE_REQUESTS_AGAINST_PROFILE),
            replies_against_profile: flag(conformance::VALIDATE_REPLIES_AGAINST_PROFILE),
        }
    }
}

/// The value of the first extension with one of the names; an earlier name takes precedence. Servers put the
/// endpoints under `rest.security`, and the other extensions there or in the resource itself.
fn find<'a>(resource: &'a resources::Conformance, names: &[&str]) -> Option<&'a ExtensionValue> {
    let security =
        resource.rest.iter().filter_map(|rest| rest.security.as_ref()).map(|security| &security.extension);
    let places: Vec<&[Extension]> =
        security.map(Vec::as_slice).chain([resource.extension.as_slice()]).collect();
    names.iter().find_map(|name| places.iter().find_map(|extensions| find_named(extensions, name)))
}

/// Looks into extensions inside extensions as well: SMART's own profile nests them.
fn find_named<'a>(extensions: &'a [Extension], name: &str) -> Option<&'a ExtensionValue> {
    extensions.iter().find_map(|extension| {
        let own = extension.value.as_ref().filter(|_| extension.url == name);
        own.or_else(|| find_named(&extension.extension, name))
    })
}
