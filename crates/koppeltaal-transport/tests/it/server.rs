//! A server that plays back the answers of a test, and records the requests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use koppeltaal_fhir::{Bundle, Document, ReadOptions};
use koppeltaal_transport::{Client, ClientBuilder, Credentials, RetryPolicy};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;

/// What the server does with one request.
#[derive(Clone)]
pub(crate) enum Step {
    /// Sends these bytes and keeps the connection.
    Answer(Vec<u8>),
    /// Sends these bytes and closes the connection.
    Close(Vec<u8>),
    /// Says nothing.
    Hang,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) head: String,
    pub(crate) body: String,
    /// Which connection it came by, counted from 0.
    pub(crate) connection: usize,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// What the server does with a request; `None` when the script is over.
type Next = dyn FnMut(&Asked) -> Option<Step> + Send;

/// The steps of a server and its memory.
#[derive(Clone)]
pub(crate) struct Script {
    next: Arc<Mutex<Next>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

pub(crate) struct Server {
    port: u16,
    script: Script,
    task: JoinHandle<()>,
}

impl Script {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let mut steps: std::collections::VecDeque<_> = steps.into_iter().collect();
        Self::ruled(move |_| steps.pop_front())
    }

    /// Answers by what is asked.
    pub(crate) fn ruled(next: impl FnMut(&Asked) -> Option<Step> + Send + 'static) -> Self {
        Self { next: Arc::new(Mutex::new(next)), asked: Arc::default() }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("the memory").clone()
    }

    /// Serves one connection until either side closes it.
    pub(crate) async fn serve(self, connection: usize, mut socket: impl AsyncRead + AsyncWrite + Unpin) {
        while let Some(asked) = read_request(&mut socket, connection).await {
            self.asked.lock().expect("the memory").push(asked.clone());
            let step = (self.next.lock().expect("the steps"))(&asked);
            match step.unwrap_or_else(|| status(599, "text/plain", "the script is over")) {
                Step::Answer(bytes) => {
                    if socket.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
                Step::Close(bytes) => {
                    let _ = socket.write_all(&bytes).await;
                    let _ = socket.shutdown().await;
                    return;
                }
                Step::Hang => tokio::time::sleep(Duration::from_secs(600)).await,
            }
        }
    }
}

impl Server {
    /// Plays these steps, one per request, on a free port of this machine.
    pub(crate) async fn playing(steps: impl IntoIterator<Item = Step>) -> Self {
        Self::with(Script::new(steps)).await
    }

    /// Answers by what is asked.
    pub(crate) async fn answering(next: impl FnMut(&Asked) -> Option<Step> + Send + 'static) -> Self {
        Self::with(Script::ruled(next)).await
    }

    async fn with(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let serve = {
            let script = script.clone();
            async move {
                for connection in 0.. {
                    let Ok((socket, _)) = listener.accept().await else { return };
                    tokio::spawn(script.clone().serve(connection, socket));
                }
            }
        };
        Self { port, script, task: tokio::spawn(serve) }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A client of this server that never tries again.
    pub(crate) fn client(&self) -> Client {
        self.builder().build().expect("a client")
    }

    pub(crate) fn builder(&self) -> ClientBuilder {
        Client::builder(&self.url())
            .credentials(Credentials::basic("portal", "Geheim1").expect("credentials"))
            .retry(RetryPolicy::never())
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.script.asked()
    }

    /// The only request that came.
    pub(crate) fn only(&self) -> Asked {
        let asked = self.asked();
        assert_eq!(asked.len(), 1, "{asked:#?}");
        asked.into_iter().next().expect("one")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The next request of a connection; `None` when it ends.
pub(crate) async fn read_request(socket: &mut (impl AsyncRead + Unpin), connection: usize) -> Option<Asked> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).expect("a head in ASCII");
    let mut first = head.lines().next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, target) = (first.next()?, first.next()?);
    let mut asked = Asked { method, target, head, body: String::new(), connection };
    let length: usize = asked.header("content-length").map_or(0, |length| length.parse().expect("a length"));
    let mut body = bytes.split_off(head_end + 4);
    while body.len() < length {
        if socket.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    asked.body = String::from_utf8(body).expect("a body in UTF-8");
    Some(asked)
}

/// A port of this machine that refuses connections until the socket listens or is dropped. Until then,
/// nobody else gets the port.
pub(crate) fn taken_port() -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    socket
}

/// An answer with a status, a media type and a body.
pub(crate) fn status(status: u16, content_type: &str, body: impl AsRef<[u8]>) -> Step {
    with_headers(status, &[("Content-Type", content_type)], body)
}

/// An answer with these headers; `Content-Length` is added.
pub(crate) fn with_headers(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Step {
    let body = body.as_ref();
    let mut bytes = format!("HTTP/1.1 {status} Whatever\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        bytes.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut bytes = (bytes + "\r\n").into_bytes();
    bytes.extend_from_slice(body);
    Step::Answer(bytes)
}

/// 200 with JSON.
pub(crate) fn json(body: impl AsRef<[u8]>) -> Step {
    status(200, "application/json; charset=utf-8", body)
}

/// The text of a file of the project's fixtures.
pub(crate) fn fixture(path: &str) -> String {
    let path = format!("{}/../../fixtures/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn document(json: &str) -> Document {
    ReadOptions::tolerant().json(json.as_bytes()).expect("a document").document
}

/// A message that the portal sends; `bundles/mailbox-reply.json` answers it.
pub(crate) fn care_plan() -> Bundle {
    document(&fixture("messages/CreateOrUpdateCarePlan-minimal.json")).into_bundle().expect("a bundle")
}

/// The identifier of [`care_plan`].
pub(crate) const CARE_PLAN: &str = "c43f4204-e06b-565e-abf2-6743a4f3a597";
