//! The storage service as `Binary`: the body is the content itself, not a resource around it.

use std::fmt;

use bytes::Bytes;
use http::HeaderValue;
use koppeltaal_messaging::ResourceUrl;
use koppeltaal_messaging::vocabulary::search::storage as parameter;
use reqwest::Url;

use super::{or_none, push_segment};
use crate::client::Client;
use crate::error::{Error, Result};
use crate::exchange::request::{Body, Operation, Request};

/// The key of a stored content: patient, object type and object key. `Debug` shows the object type only.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BinaryKey {
    /// The patient.
    pub patient: ResourceUrl,
    /// The kind of content, in the application's own words.
    pub object_type: String,
    /// Its name, unique for the patient and type.
    pub object_key: String,
}

/// Content with its media type. `Debug` shows the media type and the length.
#[derive(Clone, PartialEq, Eq)]
pub struct BinaryContent {
    /// The media type.
    pub content_type: String,
    /// The content.
    pub content: Bytes,
}

/// Stored content as the server has it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredBinary {
    /// Its address, with version if the server gave one.
    pub url: Option<ResourceUrl>,
    /// The content.
    pub content: BinaryContent,
}

impl BinaryKey {
    /// The key of a content.
    pub fn new(patient: ResourceUrl, object_type: impl Into<String>, object_key: impl Into<String>) -> Self {
        Self { patient, object_type: object_type.into(), object_key: object_key.into() }
    }
}

impl BinaryContent {
    /// Content of a media type.
    pub fn new(content_type: impl Into<String>, content: impl Into<Bytes>) -> Self {
        Self { content_type: content_type.into(), content: content.into() }
    }

    fn body(&self) -> Result<Body> {
        let content_type = HeaderValue::try_from(&self.content_type).map_err(|_| Error::MediaType)?;
        Ok(Body { content_type, bytes: self.content.clone() })
    }
}

impl Client {
    /// The content with this id. `None` if no content has it.
    ///
    /// Any body is taken for the content: an HTML page of a proxy cannot be told from a stored one.
    ///
    /// # Errors
    ///
    /// Those of a read.
    pub async fn binary(&self, id: &str) -> Result<Option<StoredBinary>> {
        let mut url = self.server().fhir("Binary", &[]);
        push_segment(&mut url, id);
        let result = self.exchange(Request::new(Operation::BINARY, url), |answer| {
            let (content_type, content) = answer.content()?;
            let content = BinaryContent::new(content_type, content);
            Ok(Some(StoredBinary { url: answer.resource_url(), content }))
        });
        or_none(result.await)
    }

    /// Stores content, and returns its address with version.
    ///
    /// # Errors
    ///
    /// [`MediaType`](Error::MediaType) for a media type that a header cannot carry; else those of a write.
    pub async fn create_binary(&self, key: &BinaryKey, content: &BinaryContent) -> Result<ResourceUrl> {
        let url = self.server().fhir(
            "Binary",
            &[
                (parameter::PATIENT, key.patient.versionless()),
                (parameter::OBJECT_TYPE, &key.object_type),
                (parameter::OBJECT_KEY, &key.object_key),
            ],
        );
        self.write_binary(Operation::CREATE_BINARY, url, content).await
    }

    /// Replaces stored content. With a version in `current`, only if it still has that version.
    ///
    /// # Errors
    ///
    /// [`Conflict`](Error::Conflict) when it has another version; [`ForeignUrl`](Error::ForeignUrl) for an
    /// address that is not this server's; else those of [`create_binary`](Self::create_binary).
    pub async fn update_binary(&self, current: &ResourceUrl, content: &BinaryContent) -> Result<ResourceUrl> {
        self.write_binary(Operation::UPDATE_BINARY, self.local_url(current)?, content).await
    }

    /// Deletes stored content.
    ///
    /// # Errors
    ///
    /// [`NotFound`](Error::NotFound) when no content has this id; else those of a write.
    pub async fn delete_binary(&self, id: &str) -> Result<()> {
        let mut url = self.server().fhir("Binary", &[]);
        push_segment(&mut url, id);
        self.delete(Operation::DELETE_BINARY, url).await
    }

    async fn write_binary(
        &self,
        operation: &'static Operation,
        url: Url,
        content: &BinaryContent,
    ) -> Result<ResourceUrl> {
        self.exchange(Request::new(operation, url).body(content.body()?), |answer| {
            answer
                .resource_url()
                .ok_or_else(|| answer.unexpected("no address in Content-Location or Location"))
        })
        .await
    }
}

impl fmt::Debug for BinaryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BinaryKey").field("object_type", &self.object_type).finish_non_exhaustive()
    }
}

impl fmt::Debug for BinaryContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BinaryContent")
            .field("content_type", &self.content_type)
            .field("bytes", &self.content.len())
            .finish()
    }
}
