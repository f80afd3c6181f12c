//! The identifiers of a request to the authorization service, from its headers into those of the answer.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;

use crate::trace::Trace;

/// Gives handlers the [`Trace`] of a request as an extension, and the answer its headers. What a browser does
/// not send is made.
pub(crate) async fn traced(mut request: Request, next: Next) -> Response {
    let trace = Trace::from_headers(request.headers());
    request.extensions_mut().insert(trace.clone());
    let mut response = next.run(request).await;
    trace.write(response.headers_mut());
    response
}
