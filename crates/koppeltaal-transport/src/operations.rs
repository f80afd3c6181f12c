//! The operations of the FHIR service, one file per group; what they share is here. Launches and tokens are
//! in [`oauth`](crate::oauth).

use koppeltaal_fhir::Entry;
use koppeltaal_messaging::ResourceUrl;
use reqwest::Url;

use crate::client::Client;
use crate::error::{Error, Result};
use crate::exchange::answer::Answer;
use crate::exchange::request::{Operation, Request};

pub(crate) mod binary;
pub(crate) mod conformance;
pub(crate) mod definitions;
mod mailbox;
pub(crate) mod messages;
mod outside_fhir;
pub(crate) mod search;
pub(crate) mod storage;

impl Client {
    async fn delete(&self, operation: &'static Operation, url: Url) -> Result<()> {
        self.exchange(Request::new(operation, url), Answer::nothing).await
    }

    /// The URL of a resource at the configured server.
    fn local_url(&self, url: &ResourceUrl) -> Result<Url> {
        let foreign = || Error::ForeignUrl { url: Some(url.to_string()) };
        self.server().localize(url.as_str()).ok_or_else(foreign)
    }
}

/// Appends a segment to the path of a URL; a slash in it is escaped.
fn push_segment(url: &mut Url, segment: &str) {
    // Only URLs like `mailto:` have no path.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.push(segment);
    }
}

/// `None` for a resource that the server itself says is not there. Without an outcome, the 404 may come from
/// a proxy, and stays an error.
fn or_none<T>(result: Result<Option<T>>) -> Result<Option<T>> {
    match result {
        Err(Error::NotFound { outcome: Some(_) }) => Ok(None),
        result => result,
    }
}

/// The URL of an entry's resource. Its version is in the self link or, with older servers, in the id.
fn resource_url(entry: &Entry) -> Option<ResourceUrl> {
    let parse = |text: Option<&str>| text.and_then(|text| text.parse::<ResourceUrl>().ok());
    let (link, id) = (parse(entry.link("self")), parse(entry.id.as_deref()));
    let versioned = |url: &ResourceUrl| url.version().is_some();
    link.clone().filter(versioned).or(id.clone().filter(versioned)).or(link).or(id)
}
