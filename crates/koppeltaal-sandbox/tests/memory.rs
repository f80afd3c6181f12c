//! What the sandbox holds in memory for hostile clients, under its own limits. The clients are in the same
//! process and hold next to nothing.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use common::oauth::{
    PATIENT, authorized, confidential, get, json, location, parameters, redeem, sent, token,
};
use common::{http, world};
use koppeltaal_sandbox::{Limits, Push, Sandbox};
use peak_alloc::PeakAlloc;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The test fails when no client has got any further for this long. Even a slow machine moves something in
/// that time.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often clients got further, all together.
static PROGRESS: AtomicUsize = AtomicUsize::new(0);
const MIB: usize = 1 << 20;
/// How much each client sends if it is let.
const SENT: usize = 16 * MIB;
const CLIENTS: usize = 40;
/// What launches, codes and tokens may take.
const GRANTS: usize = 4 * MIB;

async fn start() -> Sandbox {
    let mut push = Push::default();
    push.disconnect_timeout = Duration::from_secs(1);
    let mut limits = Limits::default();
    limits.grant_bytes = GRANTS;
    world().push(push).limits(limits).application(confidential()).start().await.expect("a sandbox")
}

/// The peak of memory above what was held before, in bytes, while [`CLIENTS`] clients do the same.
async fn peak<F: Future<Output = ()> + Send + 'static>(client: impl Fn() -> F) -> usize {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(client());
    }
    let mut progress = 0;
    loop {
        match timeout(PATIENCE, clients.join_next()).await {
            Ok(Some(done)) => done.expect("no panic"),
            Ok(None) => break,
            Err(_) => {
                let before = std::mem::replace(&mut progress, PROGRESS.load(Ordering::Relaxed));
                assert_ne!(progress, before, "the server ends it");
            }
        }
    }
    MEMORY.peak_usage().saturating_sub(before)
}

/// Sends `start`, and then `part` again and again, until the server ends the connection or has [`SENT`]
/// bytes.
async fn flood(mut stream: TcpStream, start: &str, part: &'static [u8]) {
    // The server may end it at any time.
    let _ = stream.write_all(start.as_bytes()).await;
    for _ in 0..SENT.div_ceil(part.len()) {
        if stream.write_all(part).await.is_err() {
            break;
        }
        PROGRESS.fetch_add(1, Ordering::Relaxed);
    }
    let mut rest = [0; 4096];
    while stream.read(&mut rest).await.is_ok_and(|count| count > 0) {}
}

async fn connect(address: std::net::SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.expect("a connection")
}

/// An open WebSocket of the hub. Nothing will be read from it.
async fn socket(sandbox: &Sandbox) -> TcpStream {
    let hub = format!("{}/signalr", sandbox.url());
    let hubs = r#"[{"name":"koppeltaalhub"}]"#;
    let request = http().get(format!("{hub}/negotiate")).query(&[("connectionData", hubs)]);
    let answer = request.basic_auth("game", Some("g")).send().await.expect("an answer");
    let answer: Value = serde_json::from_str(&answer.text().await.expect("text")).expect("JSON");
    let query: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("transport", "webSockets")
        .append_pair("connectionToken", answer["ConnectionToken"].as_str().expect("a token"))
        .append_pair("connectionData", hubs)
        .finish();
    let basic = BASE64_STANDARD.encode("game:g");
    let upgrade = format!(
        "GET /signalr/connect?{query} HTTP/1.1\r\nHost: a\r\nAuthorization: Basic {basic}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let mut stream = connect(sandbox.address()).await;
    stream.write_all(upgrade.as_bytes()).await.expect("it is sent");
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.expect("an answer");
    assert_eq!(&status, b"HTTP/1.1 101");
    stream
}

/// Pings with 125 bytes each, masked with zeros.
fn pings() -> &'static [u8] {
    let ping = [&[0x89, 0x80 | 125, 0, 0, 0, 0][..], &[b'p'; 125]].concat();
    ping.repeat(500).leak()
}

#[tokio::test]
async fn hostile_clients_fill_no_memory() {
    let sandbox = start().await;
    let address = sandbox.address();

    let form = format!(
        "POST /OAuth2/Koppeltaal/Token HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {SENT}\r\n\r\ncode="
    );
    let text: &[u8] = vec![b'x'; 64 << 10].leak();
    let forms = peak(|| {
        let form = form.clone();
        async move { flood(connect(address).await, &form, text).await }
    });
    let forms = forms.await;
    println!("{CLIENTS} forms of {} MiB: {} KiB each at most", SENT / MIB, forms / CLIENTS / 1024);
    assert!(forms < CLIENTS * 256 * 1024, "{forms} bytes for forms");

    let header = "GET /OAuth2/Koppeltaal/Authorize HTTP/1.1\r\nX: ";
    let headers = peak(|| async move { flood(connect(address).await, header, text).await }).await;
    println!("{CLIENTS} headers of {} MiB: {} KiB each at most", SENT / MIB, headers / CLIENTS / 1024);
    assert!(headers < CLIENTS * 256 * 1024, "{headers} bytes for headers");

    let mut sockets = Vec::new();
    for _ in 0..CLIENTS {
        sockets.push(socket(&sandbox).await);
    }
    let sockets = std::sync::Mutex::new(sockets);
    let pings = pings();
    let pinged = peak(|| {
        let stream = sockets.lock().expect("no panic").pop().expect("a socket for each");
        // It reads only after the server has given it up.
        async move { flood(stream, "", pings).await }
    });
    let pinged = pinged.await;
    println!("{CLIENTS} sockets that ping and read no pongs: {} KiB each at most", pinged / CLIENTS / 1024);
    assert!(pinged < CLIENTS * 256 * 1024, "{pinged} bytes for pings");

    // Launches with long texts, and the codes and tokens that come of them.
    let user = "u".repeat(20_000);
    let launch = [("client_id", "game"), ("patient", PATIENT), ("user", &user)];
    let before = MEMORY.current_usage();
    let mut most = 0;
    for _ in 0..200 {
        let launched = sent(get(&sandbox, "Launch", &launch).basic_auth("portal", Some("wacht:wöord"))).await;
        let launched = parameters(&location(&launched))["launch"].clone();
        let code = parameters(&location(&authorized(&sandbox, &launched, &[]).await))["code"].clone();
        json(token(&sandbox, &redeem(&code)), 200).await;
        most = most.max(MEMORY.current_usage().saturating_sub(before));
    }
    println!("launches, codes and tokens: {} KiB of {} KiB", most / 1024, GRANTS / 1024);
    assert!(most < GRANTS, "{most} bytes for grants");
}
