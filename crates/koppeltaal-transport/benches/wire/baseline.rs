//! The baseline: reqwest with the same requests, and answers that are not parsed.

use bytes::Bytes;
use koppeltaal_transport::Format;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, Method, RequestBuilder};

pub(crate) struct Baseline {
    http: Client,
    base: String,
    username: String,
    format: Format,
}

impl Baseline {
    pub(crate) fn new(url: &str, username: &str, format: Format) -> Self {
        // reqwest needs a provider of cryptography, although this benchmark uses no TLS.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().no_proxy().build().expect("a client");
        Self { http, base: format!("{url}/FHIR/Koppeltaal"), username: username.to_owned(), format }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let accept = match self.format {
            Format::Json => "application/json",
            Format::Xml => "application/atom+xml, application/xml+fhir, text/xml;q=0.9",
        };
        let url = format!("{}/{path}", self.base);
        self.http.request(method, url).basic_auth(&self.username, Some("secret")).header(ACCEPT, accept)
    }

    async fn done(request: RequestBuilder) -> Bytes {
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.status());
        answer.bytes().await.expect("a body")
    }

    pub(crate) async fn post(&self, body: String) -> Bytes {
        let media_type = match self.format {
            Format::Json => "application/json; charset=utf-8",
            Format::Xml => "application/atom+xml; charset=utf-8",
        };
        Self::done(self.request(Method::POST, "Mailbox").header(CONTENT_TYPE, media_type).body(body)).await
    }

    pub(crate) async fn claim(&self) -> Bytes {
        let path = "MessageHeader/_search?_query=MessageHeader.GetNextNewAndClaim";
        Self::done(self.request(Method::GET, path)).await
    }

    pub(crate) async fn put(&self, number: &str, body: String) -> Bytes {
        let media_type = match self.format {
            Format::Json => "application/json; charset=utf-8",
            Format::Xml => "application/xml+fhir; charset=utf-8",
        };
        let request = self.request(Method::PUT, &format!("MessageHeader/{number}"));
        Self::done(request.header(CONTENT_TYPE, media_type).body(body)).await
    }
}
