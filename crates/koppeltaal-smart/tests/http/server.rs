//! A server that answers as a test tells it to, and keeps what it was sent.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Response, StatusCode, Uri};
use serde_json::Value;

/// What the server sends.
#[derive(Clone)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// The fields of the form that was sent.
pub(crate) type Form = HashMap<String, String>;

#[derive(Default)]
struct World {
    replies: HashMap<String, VecDeque<Reply>>,
    requests: Vec<(String, Form)>,
}

#[derive(Clone)]
pub(crate) struct Server {
    url: String,
    world: Arc<Mutex<World>>,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn json(body: &Value) -> Self {
        Self::new(200, body.to_string()).header("content-type", "application/json")
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        let world = Arc::<Mutex<World>>::default();
        let router = Router::new().fallback(answer).with_state(world.clone());
        Self { url: serve(router).await, world }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Answers requests for this path with these, one after the other, and then with the last one.
    pub(crate) fn reply(&self, path: &str, replies: impl IntoIterator<Item = Reply>) {
        let replies = replies.into_iter().collect();
        self.world.lock().expect("a lock").replies.insert(path.to_owned(), replies);
    }

    /// The forms that were sent to this path.
    pub(crate) fn requests(&self, path: &str) -> Vec<Form> {
        let world = self.world.lock().expect("a lock");
        world.requests.iter().filter(|(asked, _)| asked == path).map(|(_, form)| form.clone()).collect()
    }
}

/// Serves a router on a port of its own. Returns its address.
pub(crate) async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn answer(State(world): State<Arc<Mutex<World>>>, uri: Uri, body: Bytes) -> Response<String> {
    let form = koppeltaal_smart::Url::parse(&format!("x:?{}", String::from_utf8_lossy(&body)));
    let form = form.map(|url| url.query_pairs().into_owned().collect()).unwrap_or_default();
    let mut world = world.lock().expect("a lock");
    world.requests.push((uri.path().to_owned(), form));
    let reply = world
        .replies
        .get_mut(uri.path())
        .and_then(|replies| if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() });
    let reply = reply.unwrap_or(Reply::new(404, ""));
    let mut response = Response::new(reply.body);
    *response.status_mut() = StatusCode::from_u16(reply.status).expect("a status");
    for (name, value) in reply.headers {
        response.headers_mut().insert(name, value.parse().expect("a header"));
    }
    response
}
