//! What the client costs beside the network, as ratios to bare reqwest loops that make the same requests with the same
//! bytes in the same run, and parse nothing.
//!
//! `cargo bench -p koppeltaal-transport` runs all; `-- quick` does without the hundred thousand messages. Rounds of both
//! sides take turns and the best one of each counts, since the machine does other things as well.

mod bare;
mod server;

use std::sync::Arc;
use std::time::{Duration, Instant};

use koppeltaal_fhir::{Bundle, Document, ReadOptions};
use koppeltaal_messaging::{Acknowledgement, Event, Header};
use koppeltaal_sandbox::{Instance, Sandbox};
use koppeltaal_transport::{Client, Credentials, Format};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use bare::Bare;
use server::Canned;

const ROUNDS: usize = 6;

fn main() {
    // Only `cargo bench` says so; `cargo test --benches` wants to know whether it runs.
    let is_test = !std::env::args().any(|argument| argument == "--bench");
    let quick = is_test || std::env::args().any(|argument| argument == "quick");
    let requests = if is_test { 6 } else { 600 };
    let client = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let servers = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let servers = servers.expect("a runtime");

    println!("requests per second: bare reqwest, client, ratio (1 is as fast; at least 0.85 is asked for)");
    for format in Format::ALL {
        let canned = servers.block_on(Canned::start(format, Duration::ZERO));
        client.block_on(against_canned(&canned, requests));
        client.block_on(against_sandbox(&servers, format, requests / 2));
    }
    let slow = servers.block_on(Canned::start(Format::Json, Duration::from_millis(5)));
    client.block_on(with_latency(&slow, requests / 6));
    client.block_on(concurrent(&slow, requests / 2));
    if !quick {
        let canned = servers.block_on(Canned::start(Format::Json, Duration::ZERO));
        client.block_on(memory(&canned));
    }
}

fn client_of(url: &str, username: &str, format: Format) -> Client {
    let credentials = Credentials::basic(username, "secret").expect("credentials");
    Client::builder(url).credentials(credentials).format(format).build().expect("a client")
}

/// A server that answers at once shows the client's share at its largest.
async fn against_canned(canned: &Canned, requests: usize) {
    let format = canned.format;
    let client = client_of(&canned.url, "game", format);
    let bare = Bare::new(&canned.url, "game", format);
    let bundle = canned.message();
    let written = bundle.write(format).expect("it can be written");
    let (mut floor, mut ours) = (Best::default(), Best::default());
    for _ in 0..ROUNDS {
        let started = Instant::now();
        for _ in 0..requests {
            bare.post(written.clone()).await;
        }
        floor.take(requests, started);
        let started = Instant::now();
        for _ in 0..requests {
            client.send(&bundle).await.expect("accepted");
        }
        ours.take(requests, started);
    }
    report(&format!("{format}, send, server that answers at once"), &floor, &ours);

    let header = acknowledged(&bundle, format);
    let (mut floor, mut ours) = (Best::default(), Best::default());
    for _ in 0..ROUNDS {
        let started = Instant::now();
        for _ in 0..requests {
            bare.claim().await;
            bare.put("306", header.clone()).await;
        }
        floor.take(2 * requests, started);
        let started = Instant::now();
        for _ in 0..requests {
            let message = client.claim().await.expect("an answer").expect("a message");
            client.acknowledge(&message.header, &Acknowledgement::Success).await.expect("accepted");
        }
        ours.take(2 * requests, started);
    }
    report(&format!("{format}, claim and acknowledge, server that answers at once"), &floor, &ours);
}

/// A server that does its work.
async fn against_sandbox(servers: &Runtime, format: Format, messages: usize) {
    let sandbox = servers
        .spawn(
            Sandbox::builder()
                .instance(Instance::new("portal", "secret", "Zonnedauw"))
                .instance(Instance::new("game", "secret", "Zonnedauw").subscribe(Event::ALL))
                .start(),
        )
        .await
        .expect("no panic")
        .expect("a sandbox");
    let (portal, game) =
        (client_of(sandbox.url(), "portal", format), client_of(sandbox.url(), "game", format));
    let (bare_portal, bare_game) =
        (Bare::new(sandbox.url(), "portal", format), Bare::new(sandbox.url(), "game", format));
    let header = acknowledged(&server::fixture(), format);
    let mut numbers = 0;
    let mut next = || {
        numbers += 1;
        server::numbered(numbers)
    };
    let (mut send_floor, mut send_ours) = (Best::default(), Best::default());
    let (mut claim_floor, mut claim_ours) = (Best::default(), Best::default());
    // The queue grows from round to round, so who goes first changes.
    for round in 0..ROUNDS {
        for is_bare in [round % 2 == 0, round % 2 == 1] {
            if is_bare {
                let bodies: Vec<_> =
                    (0..messages).map(|_| next().write(format).expect("it can be written")).collect();
                let started = Instant::now();
                for body in bodies {
                    bare_portal.post(body).await;
                }
                send_floor.take(messages, started);
                // Which numbers the server gave is learnt before the clock runs.
                let waiting = game
                    .message_headers(
                        &koppeltaal_transport::HeaderQuery::default()
                            .status(koppeltaal_messaging::ProcessingStatus::New)
                            .page_size(1000),
                    )
                    .collect()
                    .await
                    .expect("a list");
                let numbers: Vec<_> =
                    waiting.iter().map(|header| header.url().expect("an address").id().to_owned()).collect();
                assert_eq!(numbers.len(), messages);
                let started = Instant::now();
                for number in &numbers {
                    bare_game.claim().await;
                    bare_game.put(number, header.clone()).await;
                }
                claim_floor.take(2 * messages, started);
                continue;
            }
            let bundles: Vec<_> = (0..messages).map(|_| next()).collect();
            let started = Instant::now();
            for bundle in &bundles {
                portal.send(bundle).await.expect("accepted");
            }
            send_ours.take(messages, started);
            let started = Instant::now();
            let mut claimed = 0;
            while let Some(message) = game.claim().await.expect("an answer") {
                game.acknowledge(&message.header, &Acknowledgement::Success).await.expect("accepted");
                claimed += 1;
            }
            claim_ours.take(2 * messages, started);
            assert_eq!(claimed, messages);
        }
    }
    report(&format!("{format}, send, sandbox"), &send_floor, &send_ours);
    report(&format!("{format}, claim and acknowledge, sandbox"), &claim_floor, &claim_ours);
    servers.spawn(sandbox.stop()).await.expect("it stops");
}

/// What is left of the client's share when the server is not on this machine.
async fn with_latency(canned: &Canned, requests: usize) {
    let client = client_of(&canned.url, "game", canned.format);
    let bare = Bare::new(&canned.url, "game", canned.format);
    let header = acknowledged(&canned.message(), canned.format);
    let (mut floor, mut ours) = (Best::default(), Best::default());
    for _ in 0..3 {
        let started = Instant::now();
        for _ in 0..requests {
            bare.claim().await;
            bare.put("306", header.clone()).await;
        }
        floor.take(2 * requests, started);
        let started = Instant::now();
        for _ in 0..requests {
            let message = client.claim().await.expect("an answer").expect("a message");
            client.acknowledge(&message.header, &Acknowledgement::Success).await.expect("accepted");
        }
        ours.take(2 * requests, started);
    }
    report("json, claim and acknowledge, server with 5 ms latency", &floor, &ours);
}

/// Eight tasks against one, when the server takes 5 ms for each answer.
async fn concurrent(canned: &Canned, messages: usize) {
    let mut rates = Vec::new();
    for tasks in [1, 8] {
        canned.fill(messages);
        let client = Arc::new(client_of(&canned.url, "game", canned.format));
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
async fn memory(canned: &Canned) {
    const MESSAGES: usize = 100_000;
    let client = client_of(&canned.url, "game", canned.format);
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

/// The bytes of an acknowledgement, which a bare loop sends without having read the message.
fn acknowledged(bundle: &Bundle, format: Format) -> String {
    let header = Header::all_of(bundle).next().expect("a header");
    let header = header.acknowledged(&Acknowledgement::Success, koppeltaal_fhir::primitives::Instant::now());
    Document::from(header.expect("it is new").into_fhir()).write(format).expect("it can be written")
}

fn read(text: &str) -> Bundle {
    let read = ReadOptions::tolerant().json(text.as_bytes()).expect("a document");
    read.document.into_bundle().expect("a bundle")
}

/// The best rate of several rounds.
#[derive(Default)]
struct Best(f64);

impl Best {
    fn take(&mut self, requests: usize, started: Instant) {
        self.0 = self.0.max(requests as f64 / started.elapsed().as_secs_f64());
    }
}

fn report(what: &str, floor: &Best, ours: &Best) {
    println!("{what}: {:.0}, {:.0}, {:.2}", floor.0, ours.0, ours.0 / floor.0);
}
