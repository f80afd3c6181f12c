//! A way to the server on which a test sees each request before the server does.

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;

use crate::world::Result;

/// Forwards all requests to `server`, each after `before` has ended. Returns the address to send them to.
pub(crate) async fn forward<F>(server: &str, before: F) -> Result<String>
where
    F: Fn(&Parts) -> BoxFuture<'static, ()> + Clone + Send + Sync + 'static,
{
    // This build of the client brings no cryptography of its own. It may have been installed before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (server, client) = (server.to_owned(), reqwest::Client::new());
    let pass = move |request: Request| {
        let (parts, body) = request.into_parts();
        let seen = before(&parts);
        let target = format!("{server}{}", parts.uri);
        let request = client.request(parts.method, target).headers(parts.headers);
        async move {
            seen.await;
            pass_on(request, body).await.unwrap_or_else(|_| StatusCode::BAD_GATEWAY.into_response())
        }
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(pass)).await });
    Ok(url)
}

async fn pass_on(request: reqwest::RequestBuilder, body: Body) -> Result<Response> {
    let body: Bytes = to_bytes(body, 1 << 20).await?;
    let response = request.body(body).send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    Ok((status, headers, response.bytes().await?).into_response())
}
