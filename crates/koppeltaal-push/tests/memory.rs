//! What the hub connection holds in memory for a server that means it no good. The server is in the same process and holds
//! next to nothing.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use koppeltaal_push::{HubConnection, KOPPELTAAL_HUB, Transport};
use koppeltaal_transport::{Client, Credentials};
use peak_alloc::PeakAlloc;
use sha1_smol::Sha1;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const CONNECTIONS: usize = 20;
/// The most that one connection may hold, in bytes.
const BOUND: usize = 256 << 10;
/// A version without `/start`.
const NEGOTIATED: &str =
    r#"{"ConnectionToken":"t","ProtocolVersion":"1.3","KeepAliveTimeout":20.0,"DisconnectTimeout":30.0}"#;

/// The head of a request.
async fn head(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => bytes.push(byte),
            Err(_) => return String::new(),
        }
    }
    String::from_utf8(bytes).expect("text")
}

/// Negotiates, opens sockets, and then sends pings and reads nothing.
async fn serve(mut stream: TcpStream, pings: &'static [u8]) {
    let request = head(&mut stream).await;
    let key = request.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.to_owned())
    });
    let answer = match key {
        Some(key) => {
            let digest = Sha1::from(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")).digest().bytes();
            let init = r#"{"C":"c","S":1,"M":[]}"#;
            let head = format!(
                "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {}\r\n\r\n",
                BASE64_STANDARD.encode(digest)
            );
            let frame = [0x81, u8::try_from(init.len()).expect("short")];
            [head.as_bytes(), &frame, init.as_bytes()].concat()
        }
        None => format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{NEGOTIATED}",
            NEGOTIATED.len()
        )
        .into_bytes(),
    };
    let is_socket = answer.starts_with(b"HTTP/1.1 101");
    let _ = stream.write_all(&answer).await;
    // The client may give up at any time.
    while is_socket && stream.write_all(pings).await.is_ok() {}
}

#[tokio::test]
async fn a_server_that_pings_and_reads_no_pongs_fills_no_memory() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let pings: &[u8] = [&[0x89, 125][..], &[b'p'; 125]].concat().repeat(500).leak();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, pings));
        }
    });
    let credentials = Credentials::basic("game", "Geheim1").expect("credentials");
    let client = Client::builder(&url).credentials(credentials).build().expect("a client");
    let mut connections = Vec::new();
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    for _ in 0..CONNECTIONS {
        let connection =
            HubConnection::builder(&client, KOPPELTAAL_HUB).transport(Transport::WebSockets).start();
        connections.push(connection.await.expect("started"));
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let held = MEMORY.peak_usage().saturating_sub(before);
    println!("{CONNECTIONS} connections: {} KiB each at most", held / CONNECTIONS / 1024);
    assert!(held < CONNECTIONS * BOUND, "{held} bytes");

    // A server that does not read is given up.
    let mut status = connections[0].status();
    let lost = status.wait_for(|status| status.state != koppeltaal_push::ConnectionState::Connected);
    tokio::time::timeout(Duration::from_secs(30), lost).await.expect("in time").expect("a connection");
}
