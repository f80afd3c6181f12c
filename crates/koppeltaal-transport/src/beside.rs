//! What connections beside the FHIR service need, such as the hub connection of `koppeltaal-push`: requests to the
//! configured server only, over the same connections, TLS and proxies, with the same credentials.

use http::{HeaderValue, Method, header};
use reqwest::RequestBuilder;

use crate::client::Client;
use crate::error::Result;

impl Client {
    /// A request to a path of this server beside the FHIR base, such as `signalr/negotiate`, with this query (written
    /// already, without `?`; none if empty). It has no credentials, time limit or retries, and asks for an answer that is
    /// not compressed.
    pub fn request_beside_fhir(&self, method: Method, path: &str, query: &str) -> RequestBuilder {
        let mut url = self.server().beside_fhir(path);
        url.set_query(Some(query).filter(|query| !query.is_empty()));
        self.shared().http.request(method, url).header(header::ACCEPT_ENCODING, "identity")
    }

    /// The `Authorization` header that the next request is to have, marked as sensitive; of fresh tokens if it is time for
    /// them. `None`: the client is anonymous.
    ///
    /// # Errors
    ///
    /// [`TokenRefresh`](crate::Error::TokenRefresh): the token has expired and no new one could be had.
    pub async fn authorization(&self) -> Result<Option<HeaderValue>> {
        self.credentials().authorization(self).await
    }

    /// Another header in place of `used`, which the server has refused with status 401. `None`: there is none to be had,
    /// the credentials are wrong.
    ///
    /// # Errors
    ///
    /// [`TokenRefresh`](crate::Error::TokenRefresh): no new token could be had.
    pub async fn renew_authorization(&self, used: &HeaderValue) -> Result<Option<HeaderValue>> {
        self.credentials().renew(self, used).await
    }
}
