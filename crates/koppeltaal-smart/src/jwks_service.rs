//! [`JwksService`]: serves the application's own public keys, as a tower service for any framework.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use tower_service::Service;

use crate::backend;
use crate::base64url;
use crate::jwks::Jwks;

/// Serves a JWKS. Clones serve the same keys, and [`replace`](Self::replace) changes them for all.
///
/// | answer | when |
/// |---|---|
/// | 200 with the document | GET; HEAD without the document |
/// | 304 | the request has the document already (`If-None-Match`) |
/// | 405 | another method |
///
/// `Cache-Control: public, max-age` says for how long others may keep it: publish a new key that long before
/// it signs. It never fails, so it can be mounted as it is:
/// `axum::Router::route_service("/keys/a8b1", service)`. Koppeltaal advises a path that nobody guesses.
#[derive(Clone)]
pub struct JwksService {
    document: Arc<RwLock<Document>>,
    max_age: HeaderValue,
}

/// The document as it is sent.
#[derive(Clone)]
struct Document {
    text: Arc<str>,
    etag: HeaderValue,
}

impl JwksService {
    /// Serves these keys, which others may keep for `max_age`.
    pub fn new(keys: &Jwks, max_age: Duration) -> Self {
        let max_age = HeaderValue::try_from(format!("public, max-age={}", max_age.as_secs()));
        Self {
            document: Arc::new(RwLock::new(Document::new(keys))),
            // The text is ASCII.
            max_age: max_age.unwrap_or(HeaderValue::from_static("public")),
        }
    }

    /// Serves other keys from now on.
    pub fn replace(&self, keys: &Jwks) {
        *self.document.write().unwrap_or_else(PoisonError::into_inner) = Document::new(keys);
    }

    fn answer(&self, method: &Method, headers: &HeaderMap) -> Response<String> {
        let mut response = Response::new(String::new());
        if !matches!(*method, Method::GET | Method::HEAD) {
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let document = self.document.read().unwrap_or_else(PoisonError::into_inner).clone();
        let known = is_known(headers, &document.etag);
        let head = response.headers_mut();
        head.insert(CACHE_CONTROL, self.max_age.clone());
        head.insert(ETAG, document.etag);
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        head.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        head.insert(CONTENT_LENGTH, document.text.len().into());
        if method == Method::GET {
            *response.body_mut() = document.text.as_ref().to_owned();
        }
        response
    }
}

impl Document {
    fn new(keys: &Jwks) -> Self {
        let text: Arc<str> = keys.to_json().to_string().into();
        let digest = base64url::encode(&backend::sha256(text.as_bytes())[..16]);
        // Base64 and quotes are ASCII.
        let etag = HeaderValue::try_from(format!("\"{digest}\"")).unwrap_or(HeaderValue::from_static("\"\""));
        Self { text, etag }
    }
}

/// Whether the request names this version. The comparison is the weak one (RFC 9110 section 13.1.2).
fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().filter_map(|header| header.to_str().ok()).any(|list| {
        list.split(',')
            .map(str::trim)
            .any(|tag| tag == "*" || tag.trim_start_matches("W/").as_bytes() == etag)
    })
}

impl<B> Service<Request<B>> for JwksService {
    /// Every framework that uses `http` accepts a `String` as a body.
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.answer(request.method(), request.headers())))
    }
}

impl fmt::Debug for JwksService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwksService").field("max_age", &self.max_age).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::Algorithm;
    use crate::key_pair::KeyPair;
    use crate::signer::Signer as _;

    fn keys() -> Jwks {
        Jwks::new([KeyPair::generate(Algorithm::Es384).expect("a key").public_key().clone()])
    }

    fn ask(service: &JwksService, method: &Method, known: Option<&HeaderValue>) -> Response<String> {
        let mut headers = HeaderMap::new();
        headers.extend(known.map(|etag| (IF_NONE_MATCH, etag.clone())));
        service.answer(method, &headers)
    }

    #[test]
    fn the_document_is_served_with_how_long_it_may_be_kept() {
        let keys = keys();
        let service = JwksService::new(&keys, Duration::from_secs(300));
        let answer = ask(&service, &Method::GET, None);
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()[CACHE_CONTROL], "public, max-age=300");
        assert_eq!(answer.headers()[CONTENT_TYPE], "application/json");
        assert_eq!(Jwks::from_json(answer.body().as_bytes()), Ok(keys));
        assert!(!answer.body().contains("\"d\""), "a private key is never in it");
        let head = ask(&service, &Method::HEAD, None);
        assert_eq!(head.headers(), answer.headers());
        assert!(head.body().is_empty());
    }

    #[test]
    fn who_has_the_document_is_told_so_until_keys_are_replaced() {
        let service = JwksService::new(&keys(), Duration::from_secs(300));
        let etag = ask(&service, &Method::GET, None).headers()[ETAG].clone();
        let again = ask(&service, &Method::GET, Some(&etag));
        assert_eq!((again.status(), again.body().as_str()), (StatusCode::NOT_MODIFIED, ""));
        let weak = format!("\"x\", W/{}", etag.to_str().expect("ASCII"));
        let weak = HeaderValue::try_from(weak).expect("a header");
        assert_eq!(ask(&service, &Method::HEAD, Some(&weak)).status(), StatusCode::NOT_MODIFIED);
        service.clone().replace(&keys());
        assert_eq!(ask(&service, &Method::GET, Some(&etag)).status(), StatusCode::OK);
    }

    #[test]
    fn keys_are_read_only() {
        let service = JwksService::new(&keys(), Duration::from_secs(300));
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let answer = ask(&service, &method, None);
            assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
            assert_eq!(answer.headers()[ALLOW], "GET, HEAD");
        }
    }
}
