//! How much memory a hub connection takes when the server is hostile. The server is in the same process and
//! takes next to none.

#[allow(dead_code, reason = "the other tests use the rest of it")]
#[path = "support/options.rs"]
mod options;
#[path = "support/web_socket_accept.rs"]
mod web_socket_accept;

use std::sync::Arc;
use std::time::Duration;

use koppeltaal_push::{
    ConnectError, ConnectionState, EventsError, HubConnection, HubConnectionBuilder, KOPPELTAAL_HUB,
    Transport,
};
use koppeltaal_transport::Client;
use peak_alloc::PeakAlloc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

use web_socket_accept::web_socket_accept;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const CONNECTIONS: usize = 20;
/// The most that one connection may hold, in bytes.
const BOUND: usize = 64 << 10;
/// An answer to `negotiate` with a protocol version that has no `/start`.
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

/// What a server answers to `negotiate`, and then sends over a socket after the upgrade.
struct Script {
    negotiate: &'static str,
    /// Sent once, one after the other.
    frames: Vec<Vec<u8>>,
    /// Sent repeatedly afterwards, unless it is empty.
    endless: Vec<u8>,
}

/// A WebSocket frame of this text.
fn frame(text: &str) -> Vec<u8> {
    let length = match text.len() {
        length @ ..=125 => vec![u8::try_from(length).expect("short")],
        length @ ..=0xffff => [&[126][..], &u16::try_from(length).expect("short").to_be_bytes()].concat(),
        length => [&[127][..], &u64::try_from(length).expect("short").to_be_bytes()].concat(),
    };
    [&[0x81][..], &length, text.as_bytes()].concat()
}

/// Negotiates, opens sockets, sends what the script says, and reads nothing.
async fn serve(mut stream: TcpStream, script: Arc<Script>) {
    let request = head(&mut stream).await;
    let key = request.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.to_owned())
    });
    let Some(key) = key else {
        // The start gets no answer, so that frames come before it.
        if request.contains("/start?") {
            std::future::pending::<()>().await;
        }
        let body = script.negotiate;
        let answer =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        let _ = stream.write_all(answer.as_bytes()).await;
        return;
    };
    let head = format!(
        "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        web_socket_accept(&key)
    );
    let start = [head.into_bytes(), frame(r#"{"C":"c","S":1,"M":[]}"#)].concat();
    // The client may give up at any time.
    for bytes in std::iter::once(&start).chain(&script.frames) {
        if stream.write_all(bytes).await.is_err() {
            return;
        }
    }
    while !script.endless.is_empty() && stream.write_all(&script.endless).await.is_ok() {}
    // Open until the client closes it.
    let _ = stream.read_u8().await;
}

/// Starts a server with this script. Returns the options of a connection to it.
async fn server(script: Script) -> HubConnectionBuilder {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let script = Arc::new(script);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&script)));
        }
    });
    HubConnection::builder(&options::client(Client::builder(&url)), KOPPELTAAL_HUB)
        .transport(Transport::WebSockets)
        .request_timeout(Duration::from_secs(5))
        .restart_delay(Duration::from_secs(600), Duration::from_secs(600))
}

/// Objects that take about eighty times as much memory as text.
fn objects(bytes: usize) -> String {
    let object = r#"{"":0}"#;
    vec![object; bytes / (object.len() + 1)].join(",")
}

fn mebibytes(bytes: usize) -> usize {
    bytes >> 20
}

/// The most memory that a connection takes until it is given up, and why it is given up.
async fn until_given_up(options: HubConnectionBuilder) -> (usize, ConnectError) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let connection = options.start().await.expect("started");
    let mut status = connection.status();
    let ended = status.wait_for(|status| status.error.is_some());
    let ended = tokio::time::timeout(Duration::from_secs(20), ended).await;
    let held = MEMORY.peak_usage().saturating_sub(before);
    let error = ended.expect("in time").expect("a connection").error.clone();
    (held, error.expect("an error"))
}

/// The memory is that of the whole process.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

#[tokio::test]
async fn a_server_that_pings_and_reads_no_pongs_fills_no_memory() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let endless = [&[0x89, 125][..], &[b'p'; 125]].concat().repeat(500);
    let options = server(Script { negotiate: NEGOTIATED, frames: vec![], endless }).await;
    let mut connections = Vec::new();
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    for _ in 0..CONNECTIONS {
        connections.push(options.clone().start().await.expect("started"));
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let held = MEMORY.peak_usage().saturating_sub(before);
    println!("{CONNECTIONS} connections: {} KiB each at most", held / CONNECTIONS / 1024);
    assert!(held < CONNECTIONS * BOUND, "{held} bytes");

    // A server that does not read is given up.
    let mut status = connections[0].status();
    let lost = status.wait_for(|status| status.state != ConnectionState::Connected);
    tokio::time::timeout(Duration::from_secs(30), lost).await.expect("in time").expect("a connection");
}

#[tokio::test]
async fn events_that_nobody_takes_are_dropped_above_a_bound_in_bytes_and_counted() {
    const EVENTS: usize = 60;
    let _alone = ONE_AT_A_TIME.lock().await;
    let large = objects(64 << 10);
    let mut frames: Vec<_> = (0..EVENTS)
        .map(|_| frame(&format!(r#"{{"C":"c","M":[{{"H":"h","M":"Large","A":[{large}]}}]}}"#)))
        .collect();
    frames.push(frame(r#"{"C":"c","M":[{"H":"h","M":"Last","A":[]}]}"#));
    let options = server(Script { negotiate: NEGOTIATED, frames, endless: vec![] }).await;
    let before = MEMORY.current_usage();
    let connection = options.start().await.expect("started");
    // One receiver takes what comes, and one does not.
    let (mut lazy, mut busy) = (connection.events(), connection.events());
    loop {
        match busy.receive().await {
            Ok(event) if event.is("h", "Last") => break,
            Ok(_) | Err(EventsError::Missed(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    let held = MEMORY.current_usage().saturating_sub(before);
    println!("{} MiB for events that nobody takes", mebibytes(held));
    assert!(held < 12 << 20, "{held} bytes");

    let Err(EventsError::Missed(missed)) = lazy.receive().await else { panic!("nothing is missed") };
    let mut received = 0;
    while !lazy.receive().await.expect("an event").is("h", "Last") {
        received += 1;
    }
    assert_eq!(usize::try_from(missed).expect("small") + received, EVENTS);
    assert!(received > 0, "the newest are there");
}

#[tokio::test]
async fn a_state_of_the_hub_that_grows_without_end_ends_the_connection() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let state = |number: usize| {
        let entries: Vec<_> = (0..100).map(|entry| format!(r#""{number}-{entry}":{{"":0}}"#)).collect();
        frame(&format!(r#"{{"C":"c","M":[{{"H":"h","M":"m","A":[],"S":{{{}}}}}]}}"#, entries.join(",")))
    };
    let frames = (0..500).map(state).collect();
    let options = server(Script { negotiate: NEGOTIATED, frames, endless: vec![] }).await;
    let (held, error) = until_given_up(options).await;
    println!("{} MiB at most for the state of a hub", mebibytes(held));
    assert!(held < 8 << 20, "{held} bytes");
    assert!(error.to_string().contains("the state of the hub is too large"), "{error}");
}

#[tokio::test]
async fn a_frame_whose_values_take_many_times_its_text_is_not_read() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let text = format!(r#"{{"C":"c","M":[{{"H":"h","M":"m","A":[{}]}}]}}"#, objects(4_000_000));
    let options = server(Script { negotiate: NEGOTIATED, frames: vec![frame(&text)], endless: vec![] }).await;
    drop(text);
    let (held, error) = until_given_up(options).await;
    println!("{} MiB at most for one frame", mebibytes(held));
    assert!(held < 32 << 20, "{held} bytes");
    assert!(error.to_string().contains("a frame is too large"), "{error}");
}

#[tokio::test]
async fn frames_before_the_start_are_bounded_by_what_they_take_in_memory() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let large = objects(128 << 10);
    let event = format!(r#"{{"C":"c","M":[{{"H":"h","M":"m","A":[{large}]}}]}}"#);
    let frames = (0..30).map(|_| frame(&event)).collect();
    let negotiate = r#"{"ConnectionToken":"t","ProtocolVersion":"1.5","DisconnectTimeout":30.0}"#;
    let options = server(Script { negotiate, frames, endless: vec![] }).await;
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let error = options.start().await.expect_err("an error");
    let held = MEMORY.peak_usage().saturating_sub(before);
    println!("{} MiB at most before the start", mebibytes(held));
    assert!(held < 64 << 20, "{held} bytes");
    assert!(matches!(error, ConnectError::Protocol { .. }), "{error:?}");
}
