//! [`Sandbox::browse`]: the step of a launch that the user's browser takes, for tests that have no browser.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header;
use axum::response::Response;
use tower::ServiceExt as _;

use crate::http;
use crate::sandbox::Sandbox;

/// How much of the page of an error is kept, in bytes.
const PAGE_BYTES: usize = 64 << 10;

/// Why a browser is not sent on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrowseError {
    /// The address is not under that of this sandbox.
    #[error("the address is not one of this sandbox; give it the URL that `Launches::begin` returned")]
    Elsewhere,
    /// The answer is a page, and no redirect: the sandbox refuses what the address says.
    #[error("the browser stays where it is (HTTP {status}): {page}")]
    Stays {
        /// The HTTP status.
        status: u16,
        /// What the browser shows, at most 64 KiB.
        page: String,
    },
}

impl Sandbox {
    /// Opens an address of this sandbox as the browser of a launched user does, without following redirects.
    /// Returns where the browser is sent: from the address that an application made of a launch, back to the
    /// application's redirect URI, with a code or with an error.
    ///
    /// The sandbox asks nobody for a login, so a test of a launch needs no browser:
    ///
    /// ```ignore
    /// let page = portal.launch_url(&launch, &user).await?;
    /// let (authorize, pending) = launches.begin(page.as_str()).await?;
    /// let back = sandbox.browse(&authorize).await?;
    /// let session = launches.finish(&pending, &back).await?;
    /// ```
    ///
    /// # Errors
    ///
    /// [`BrowseError`]. A refusal that belongs to the application is no error: it is in the address.
    pub async fn browse(&self, address: impl AsRef<str>) -> Result<String, BrowseError> {
        let rest = address.as_ref().strip_prefix(self.url()).filter(|rest| rest.starts_with('/'));
        let host = self.url().split_once("://").and_then(|(_, rest)| rest.split('/').next());
        let request = Request::get(rest.ok_or(BrowseError::Elsewhere)?)
            .header(header::HOST, host.unwrap_or_default())
            .header(header::ACCEPT, "text/html")
            .body(Body::empty())
            .map_err(|_| BrowseError::Elsewhere)?;
        let service = http::service(Arc::clone(self.app()));
        let response: Result<Response, Infallible> = service.oneshot(request).await;
        let Ok(response) = response;
        let location = response.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
        if let Some(location) = location.filter(|_| response.status().is_redirection()) {
            return Ok(location.to_owned());
        }
        let status = response.status().as_u16();
        let page = to_bytes(response.into_body(), PAGE_BYTES).await.unwrap_or_default();
        Err(BrowseError::Stays { status, page: String::from_utf8_lossy(&page).into_owned() })
    }
}
