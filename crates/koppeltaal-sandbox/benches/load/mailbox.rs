//! Posts and claims per second, beside bare axum handlers that take and give the same bytes.

use std::net::SocketAddr;
use std::time::Instant;

use axum::body::Bytes;
use futures_util::future::join_all;
use koppeltaal_fhir::Format;
use koppeltaal_sandbox::Sandbox;
use tokio::runtime::Runtime;

use crate::floor::{self, Answers};
use crate::messages::Pattern;
use crate::wire::{self, Wire};
use crate::{FORMATS, sandbox};

/// Connections at a time. One shows the time of a request, several show what the server's thread carries.
const CONNECTIONS: [usize; 2] = [1, 8];

pub(crate) fn run(servers: &Runtime, clients: &Runtime, rounds: usize, requests: usize) {
    println!(
        "requests per second: axum that takes and gives the same bytes, sandbox, ratio (at least 0.4 is asked for)"
    );
    for size in ["minimal", "full"] {
        for format in FORMATS {
            let course = Course::prepare(servers, clients, size, format);
            for connections in CONNECTIONS {
                course.run(servers, clients, rounds, requests, connections);
            }
        }
    }
}

/// The floor, and what both servers are asked.
struct Course {
    name: String,
    format: Format,
    pattern: Pattern,
    floor: SocketAddr,
}

impl Course {
    fn prepare(servers: &Runtime, clients: &Runtime, size: &str, format: Format) -> Self {
        let pattern = Pattern::read(size);
        let sandbox = start(servers);
        let first = pattern.message(0, format);
        let name = format!("{format}, {:.1} KB", first.len() as f64 / 1000.0);
        let answers = clients.block_on(async {
            let mut wire = Wire::connect(sandbox.address()).await;
            let reply = Bytes::copy_from_slice(wire.ask(&wire::post(&first, format)).await);
            let message = Bytes::copy_from_slice(wire.ask(&wire::claim(format)).await);
            assert!(message.len() > first.len(), "a claim gives the message");
            Answers { reply, message, media_type: wire::media_type(format) }
        });
        servers.block_on(sandbox.stop());
        let floor = servers.block_on(servers.spawn(floor::start(answers))).expect("no panic");
        Self { name, format, pattern, floor }
    }

    fn run(&self, servers: &Runtime, clients: &Runtime, rounds: usize, requests: usize, connections: usize) {
        let posts: Vec<_> = (0..requests)
            .map(|number| wire::post(&self.pattern.message(number, self.format), self.format))
            .collect();
        let claims = vec![wire::claim(self.format); requests];
        let (mut post, mut claim) = ([0_f64; 2], [0_f64; 2]);
        for _ in 0..rounds {
            let sandbox = start(servers);
            for (place, address) in [self.floor, sandbox.address()].into_iter().enumerate() {
                post[place] = post[place].max(clients.block_on(rate(address, &posts, connections)));
                claim[place] = claim[place].max(clients.block_on(rate(address, &claims, connections)));
            }
            servers.block_on(sandbox.stop());
        }
        for (what, [floor, ours]) in [("post", post), ("claim", claim)] {
            let ratio = ours / floor;
            println!("{}, {what}, {connections} connections: {floor:.0}, {ours:.0}, {ratio:.2}", self.name);
        }
    }
}

/// Spawned, so that the tasks of the sandbox run on the servers' thread.
fn start(servers: &Runtime) -> Sandbox {
    servers.block_on(servers.spawn(sandbox())).expect("no panic")
}

/// Requests per second over this many connections.
async fn rate(address: SocketAddr, requests: &[Vec<u8>], connections: usize) -> f64 {
    let mut wires = Vec::new();
    for _ in 0..connections {
        wires.push(Wire::connect(address).await);
    }
    let share = requests.len().div_ceil(connections);
    let started = Instant::now();
    let each = wires.iter_mut().zip(requests.chunks(share)).map(async |(wire, requests)| {
        for request in requests {
            wire.ask(request).await;
        }
    });
    join_all(each).await;
    requests.len() as f64 / started.elapsed().as_secs_f64()
}
