//! A forward proxy that asks for a password. The tests of transport, push and the CLI share it.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// What a client with the right password sends: `user:Geheim2`.
pub(crate) const PROXY_CREDENTIALS: &str = "Basic dXNlcjpHZWhlaW0y";

/// A proxy on a free port of this machine. It leads to one other port, whatever server a client asks for, and
/// remembers the first request of each connection.
pub(crate) struct ForwardProxy {
    port: u16,
    requests: Arc<Mutex<Vec<ProxyRequest>>>,
}

/// The head of a request to the proxy.
#[derive(Debug, Clone)]
pub(crate) struct ProxyRequest {
    head: String,
}

impl ForwardProxy {
    pub(crate) async fn start(to: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, to, Arc::clone(&log)));
            }
        });
        Self { port, requests }
    }

    /// Its address with the right password.
    pub(crate) fn url(&self) -> String {
        format!("http://user:Geheim2@127.0.0.1:{}", self.port)
    }

    pub(crate) fn requests(&self) -> Vec<ProxyRequest> {
        self.requests.lock().expect("the requests").clone()
    }
}

impl ProxyRequest {
    /// The method, the target and the version of HTTP.
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// Answers a request for a tunnel itself. Passes any other request on as it is, since servers take absolute
/// addresses too.
async fn forward(mut client: TcpStream, to: u16, log: Arc<Mutex<Vec<ProxyRequest>>>) {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        if client.read_buf(&mut bytes).await.unwrap_or_default() == 0 {
            return;
        }
    }
    let request = ProxyRequest { head: String::from_utf8_lossy(&bytes).into_owned() };
    let (is_tunnel, is_authorized) = (
        request.line().starts_with("CONNECT "),
        request.header("proxy-authorization") == Some(PROXY_CREDENTIALS),
    );
    log.lock().expect("the requests").push(request);
    if !is_authorized {
        let answer = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
        // An error means that the client has gone.
        let _ = client.write_all(answer).await;
        return;
    }
    let mut server = TcpStream::connect(("127.0.0.1", to)).await.expect("the server");
    let started = match is_tunnel {
        true => client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await,
        false => server.write_all(&bytes).await,
    };
    if started.is_ok() {
        // It closes both sides, even after an error of one.
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }
}
