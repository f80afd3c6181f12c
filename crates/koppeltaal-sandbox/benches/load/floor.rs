//! The floor: axum with handlers that read the same requests as the sandbox, and give answers that were made
//! beforehand.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use tokio::net::TcpListener;

/// The answers to a post and to a claim.
#[derive(Clone)]
pub(crate) struct Answers {
    pub(crate) reply: Bytes,
    pub(crate) message: Bytes,
    pub(crate) media_type: &'static str,
}

/// Starts the floor. It serves until its runtime ends.
pub(crate) async fn start(answers: Answers) -> SocketAddr {
    let router = Router::new()
        .route("/FHIR/Koppeltaal/Mailbox", post(mailbox))
        .route("/FHIR/Koppeltaal/MessageHeader/_search", get(claim))
        .with_state(answers);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn mailbox(State(answers): State<Answers>, body: Bytes) -> impl IntoResponse {
    assert!(!body.is_empty());
    ([(CONTENT_TYPE, answers.media_type)], answers.reply)
}

async fn claim(State(answers): State<Answers>) -> impl IntoResponse {
    ([(CONTENT_TYPE, answers.media_type)], answers.message)
}
