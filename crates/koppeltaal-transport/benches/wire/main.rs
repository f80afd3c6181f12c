//! What the client costs on top of the network, as ratios to bare reqwest loops that make the same requests
//! with the same bytes in the same run. One of them parses nothing; the other writes and reads each document
//! once, which shows how much of the difference is due to the model and how much to the client.
//!
//! `cargo bench -p koppeltaal-transport` runs all; `-- quick` leaves the hundred thousand messages out. The
//! contenders take turns, a different one first in each round. What counts is the median of the ratios of
//! neighbouring rounds, since the machine does other things as well.

mod baseline;
mod contender;
mod server;

use std::sync::Arc;
use std::time::{Duration, Instant};

use koppeltaal_fhir::{Bundle, ReadOptions};
use koppeltaal_messaging::{Acknowledgement, Event, Header, ProcessingStatus};
use koppeltaal_sandbox::{Instance, SandboxConfig};
use koppeltaal_transport::{Format, HeaderQuery};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use contender::{Contender, Outgoing, client, report};
use server::CannedServer;

/// Many and short, so that neighbours run under the same conditions.
const ROUNDS: usize = 30;

/// Milliseconds that a server may take for an answer: one in the same building, one in the same country.
const LATENCIES: [u64; 2] = [1, 5];

fn main() {
    // Only `cargo bench` passes this flag. `cargo test --benches` only shows whether the benchmark runs.
    let is_test = !std::env::args().any(|argument| argument == "--bench");
    let quick = is_test || std::env::args().any(|argument| argument == "quick");
    let requests = if is_test { 6 } else { 120 };
    let client = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let servers = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let servers = servers.expect("a runtime");

    println!("requests per second: bare reqwest, bare reqwest with documents read and written, client");
    for format in Format::ALL {
        let canned = servers.block_on(CannedServer::start(format, Duration::ZERO));
        client.block_on(against_canned(&canned, requests));
        client.block_on(against_sandbox(&servers, format, requests / 2));
    }
    for milliseconds in LATENCIES {
        let latency = Duration::from_millis(milliseconds);
        let slow = servers.block_on(CannedServer::start(Format::Json, latency));
        client.block_on(with_latency(&slow, latency, requests / 6));
    }
    let slow = servers.block_on(CannedServer::start(Format::Json, Duration::from_millis(5)));
    client.block_on(concurrent(&slow, 2 * requests));
    if !quick {
        let canned = servers.block_on(CannedServer::start(Format::Json, Duration::ZERO));
        client.block_on(memory(&canned));
    }
}

/// A server that answers at once shows the client's share at its largest.
async fn against_canned(canned: &CannedServer, requests: usize) {
    let format = canned.format;
    let message = outgoing(server::fixture(), format);
    let (numbers, header) = (vec!["306".to_owned(); requests], header(format));
    let mut senders = Contender::all(&canned.url, "portal", format);
    let mut receivers = Contender::all(&canned.url, "game", format);
    for round in 0..ROUNDS {
        for turn in 0..senders.len() {
            let who = (round + turn) % senders.len();
            senders[who].send(std::iter::repeat_n(&message, requests)).await;
            receivers[who].drain(&numbers, &header).await;
        }
    }
    report(&format!("{format}, send, server that answers at once"), &senders);
    report(&format!("{format}, claim and acknowledge, server that answers at once"), &receivers);
}

/// The sandbox, a server that does all its work.
async fn against_sandbox(servers: &Runtime, format: Format, messages: usize) {
    let sandbox = servers
        .spawn(
            SandboxConfig::new()
                .instance(Instance::new("portal", "secret", "Zonnedauw"))
                .instance(Instance::new("game", "secret", "Zonnedauw").subscribe(Event::ALL))
                .start(),
        )
        .await
        .expect("no panic")
        .expect("a sandbox");
    let mut senders = Contender::all(sandbox.url(), "portal", format);
    let mut receivers = Contender::all(sandbox.url(), "game", format);
    let game = client(sandbox.url(), "game", format);
    let new = HeaderQuery::default().status(ProcessingStatus::New).page_size(1000);
    let header = header(format);
    let mut sent = 0;
    for round in 0..ROUNDS {
        for turn in 0..senders.len() {
            let who = (round + turn) % senders.len();
            let next = |_| {
                sent += 1;
                outgoing(server::numbered(sent), format)
            };
            let batch: Vec<_> = (0..messages).map(next).collect();
            senders[who].send(batch.iter()).await;
            // Which numbers the server gave is learnt before the clock runs.
            let waiting = game.message_headers(&new).collect().await.expect("a list");
            let number = |header: &Header| header.url().expect("an address").id().to_owned();
            let numbers: Vec<_> = waiting.iter().map(number).collect();
            assert_eq!(numbers.len(), messages);
            receivers[who].drain(&numbers, &header).await;
        }
    }
    report(&format!("{format}, send, sandbox"), &senders);
    report(&format!("{format}, claim and acknowledge, sandbox"), &receivers);
    servers.spawn(sandbox.stop()).await.expect("it stops");
}

/// What is left of the client's share when the server is not on this machine.
async fn with_latency(canned: &CannedServer, latency: Duration, requests: usize) {
    let message = outgoing(server::fixture(), canned.format);
    let (numbers, header) = (vec!["306".to_owned(); requests], header(canned.format));
    let mut senders = Contender::all(&canned.url, "portal", canned.format);
    let mut receivers = Contender::all(&canned.url, "game", canned.format);
    for round in 0..ROUNDS / 3 {
        for turn in 0..senders.len() {
            let who = (round + turn) % senders.len();
            senders[who].send(std::iter::repeat_n(&message, requests)).await;
            receivers[who].drain(&numbers, &header).await;
        }
    }
    let (format, latency) = (canned.format, latency.as_millis());
    report(&format!("{format}, send, server with {latency} ms latency"), &senders);
    report(&format!("{format}, claim and acknowledge, server with {latency} ms latency"), &receivers);
}

fn outgoing(bundle: Bundle, format: Format) -> Outgoing {
    Outgoing { text: bundle.write(format).expect("it can be written"), bundle }
}

/// The bytes of an acknowledgement, which a bare loop sends without having read the message.
fn header(format: Format) -> String {
    contender::acknowledged(&Header::all_from_bundle(&server::fixture()).next().expect("a header"), format)
}

/// Eight tasks against one, when the server takes 5 ms for each answer.
async fn concurrent(canned: &CannedServer, messages: usize) {
    let mut rates = Vec::new();
    for tasks in [1, 8] {
        canned.fill(messages);
        let client = Arc::new(client(&canned.url, "game", canned.format));
        let started = Instant::now();
        let mut set = JoinSet::new();
        for _ in 0..tasks {
            let client = client.clone();
            set.spawn(async move {
                let mut drained = 0;
                while let Some(message) = client.claim().await.expect("an answer") {
                    client.acknowledge(&message.header, &Acknowledgement::Success).await.expect("accepted");
                    drained += 1;
                }
                drained
            });
        }
        let drained: usize = set.join_all().await.into_iter().sum();
        assert_eq!(drained, messages);
        let rate = messages as f64 / started.elapsed().as_secs_f64();
        println!("drain with 5 ms latency, {tasks} tasks: {rate:.0} messages per second");
        rates.push(rate);
    }
    println!(
        "drain with 5 ms latency: 8 tasks are {:.1} times one (at least 3 is asked for)",
        rates[1] / rates[0]
    );
}

/// Memory of the process while a hundred thousand messages go through one client.
async fn memory(canned: &CannedServer) {
    const MESSAGES: usize = 100_000;
    let client = client(&canned.url, "game", canned.format);
    canned.fill(MESSAGES);
    for number in 1..=MESSAGES {
        let message = client.claim().await.expect("an answer").expect("a message");
        client.acknowledge(&message.header, &Acknowledgement::Success).await.expect("accepted");
        if [1_000, 10_000, 25_000, 50_000, 75_000, MESSAGES].contains(&number) {
            println!(
                "resident memory after {number} messages: {}",
                resident().unwrap_or("unknown".to_owned())
            );
        }
    }
}

fn resident() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().to_owned())
}

fn read(text: &str) -> Bundle {
    let read = ReadOptions::tolerant().json(text.as_bytes()).expect("a document");
    read.document.into_bundle().expect("a bundle")
}
