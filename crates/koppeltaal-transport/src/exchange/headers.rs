//! [`HeaderSource`]: headers that the application adds to every request.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, header};

/// The headers that only the client sets. If the application set them, it could change who asks, for what, or
/// where.
const RESERVED: [HeaderName; 12] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::AUTHORIZATION,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::COOKIE,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::TRANSFER_ENCODING,
    header::USER_AGENT,
];

/// A function of the application that gives headers for the next request.
#[derive(Clone)]
pub(crate) struct HeaderSource(Arc<dyn Fn() -> HeaderMap + Send + Sync>);

impl HeaderSource {
    pub(crate) fn new(source: impl Fn() -> HeaderMap + Send + Sync + 'static) -> Self {
        Self(Arc::new(source))
    }

    /// The headers for a request, without those that only the client sets.
    pub(crate) fn headers(&self) -> HeaderMap {
        let mut headers = (self.0)();
        for name in &RESERVED {
            headers.remove(name);
        }
        headers
    }
}

impl fmt::Debug for HeaderSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeaderSource")
    }
}
