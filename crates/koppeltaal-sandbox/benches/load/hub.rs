//! What idle connections to the hub cost in memory, and how long a post takes to its hub client while they
//! are there.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use koppeltaal_fhir::Format;
use koppeltaal_sandbox::Sandbox;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_websockets::{ClientBuilder, Message, WebSocketStream};

use crate::messages::Pattern;
use crate::wire::{self, Wire};
use crate::{GAME, quantile, sandbox};

/// Credentials `idle:secret`.
const IDLE: &str = "Basic aWRsZTpzZWNyZXQ=";
const WARM_UP: usize = 50;

pub(crate) fn run(servers: &Runtime, clients: &Runtime, connections: usize, rounds: usize) {
    let sandbox = servers.block_on(servers.spawn(sandbox())).expect("no panic");
    clients.block_on(measure(&sandbox, connections, rounds));
    servers.block_on(sandbox.stop());
}

async fn measure(sandbox: &Sandbox, connections: usize, rounds: usize) {
    let address = sandbox.address();
    // The first connections bring along buffers of the runtime, which do not count.
    let _first = listen(address, IDLE).await;
    let before = resident();
    let mut idle = Vec::new();
    for _ in 0..connections {
        idle.push(listen(address, IDLE).await);
    }
    if let Some((before, after)) = before.zip(resident()) {
        let grown = after.saturating_sub(before) as f64 / 1024.0;
        println!(
            "{connections} idle hub connections: {grown:.1} MiB, both ends in this process (under 60 MB is asked for)"
        );
    }

    let pattern = Pattern::read("minimal");
    let mut portal = Wire::connect(address).await;
    let mut game = listen(address, GAME).await;
    let mut pushed = Vec::new();
    let mut answered = Vec::new();
    for number in 0..rounds + WARM_UP {
        let post = wire::post(&pattern.message(number, Format::Json), Format::Json);
        let since = Instant::now();
        let post = async {
            portal.ask(&post).await;
            since.elapsed()
        };
        let news = async {
            while !next(&mut game).await.contains("NewMessage") {}
            since.elapsed()
        };
        let (post, news) = tokio::join!(post, news);
        if number >= WARM_UP {
            answered.push(post);
            pushed.push(news);
        }
    }
    for (what, times) in [("the hub client is told", &mut pushed), ("the post is answered", &mut answered)] {
        times.sort_unstable();
        let (median, p99) = (quantile(times, 0.5), quantile(times, 0.99));
        println!(
            "from a post until {what}, {connections} others listening: median {median:.1?}, p99 {p99:.1?} (under 10 ms is asked for)"
        );
    }
}

/// A connection over webSockets that has started its push.
async fn listen(address: SocketAddr, authorization: &str) -> WebSocketStream<TcpStream> {
    let data = "connectionData=%5B%7B%22name%22%3A%22koppeltaalhub%22%7D%5D&clientProtocol=2.1";
    let head = |path: &str, more: &str| {
        format!(
            "GET /signalr/{path}&{data} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n{more}\r\n"
        )
    };
    let mut wire = Wire::connect(address).await;
    let negotiated = wire.ask(head("negotiate?", "").as_bytes()).await;
    let negotiated: serde_json::Value = serde_json::from_slice(negotiated).expect("JSON");
    let token = negotiated["ConnectionToken"].as_str().expect("a token");
    let token: String = form_urlencoded::byte_serialize(token.as_bytes()).collect();
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let connect = head(&format!("connect?transport=webSockets&connectionToken={token}"), upgrade);
    wire.stream.write_all(connect.as_bytes()).await.expect("sent");
    let mut socket = ClientBuilder::new().take_over(wire.switch().await);
    while !next(&mut socket).await.contains("\"S\":1") {}
    socket.send(Message::text(r#"{"H":"koppeltaalhub","M":"StartPush","A":[],"I":0}"#)).await.expect("sent");
    while !next(&mut socket).await.contains("\"I\":") {}
    socket
}

async fn next(socket: &mut WebSocketStream<TcpStream>) -> String {
    let frame = tokio::time::timeout(Duration::from_secs(30), socket.next()).await.expect("in time");
    frame.expect("open").expect("a frame").as_text().unwrap_or_default().to_owned()
}

/// Memory of this process in KiB.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}
