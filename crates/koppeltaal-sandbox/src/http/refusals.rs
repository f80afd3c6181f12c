//! `GET /sandbox/refusals`: the last refused requests.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use crate::app::App;
use crate::refusals::RefusedRequest;

/// `GET /sandbox/refusals`: the last refused requests, the oldest first.
pub(crate) async fn list(State(app): State<Arc<App>>) -> Json<Vec<RefusedRequest>> {
    Json(app.refusals())
}
