//! Requests outside the FHIR service, for connections such as the hub connection of `koppeltaal-push`. They
//! go to the configured server only, with the client's connections, TLS, proxy and credentials.

use http::{HeaderValue, Method, header};
use reqwest::RequestBuilder;

use crate::client::Client;
use crate::error::Result;

impl Client {
    /// A request to a path of this server outside the FHIR base, such as `signalr/negotiate`. `query` is
    /// already encoded, and has no `?`; it may be empty.
    ///
    /// The request has no credentials, no time limit and no retries, and asks for an answer that is not
    /// compressed.
    pub fn request_outside_fhir(&self, method: Method, path: &str, query: &str) -> RequestBuilder {
        self.outside_fhir(&self.shared().http, method, path, query)
    }

    /// The same over a new connection. After a failure of the network, idle connections may be dead, and the
    /// only sign is that nothing arrives over them.
    pub fn request_outside_fhir_on_new_connection(
        &self,
        method: Method,
        path: &str,
        query: &str,
    ) -> RequestBuilder {
        self.outside_fhir(&self.shared().http_without_reuse, method, path, query)
    }

    fn outside_fhir(
        &self,
        http: &reqwest::Client,
        method: Method,
        path: &str,
        query: &str,
    ) -> RequestBuilder {
        let mut url = self.server().outside_fhir(path);
        url.set_query(Some(query).filter(|query| !query.is_empty()));
        http.request(method, url).header(header::ACCEPT_ENCODING, "identity")
    }

    /// The `Authorization` header for the next request, marked as sensitive. Tokens that are about to expire
    /// are refreshed first. `None` if the client is anonymous.
    ///
    /// # Errors
    ///
    /// [`TokenRefresh`](crate::Error::TokenRefresh): the token has expired, and getting a new one failed.
    pub async fn authorization(&self) -> Result<Option<HeaderValue>> {
        self.credentials().authorization(self).await
    }

    /// A new header in place of `used`, which the server has refused with status 401. `None` if these
    /// credentials cannot be renewed; then they are wrong.
    ///
    /// # Errors
    ///
    /// [`TokenRefresh`](crate::Error::TokenRefresh): getting a new token failed.
    pub async fn renew_authorization(&self, used: &HeaderValue) -> Result<Option<HeaderValue>> {
        self.credentials().renew(self, used).await
    }
}
