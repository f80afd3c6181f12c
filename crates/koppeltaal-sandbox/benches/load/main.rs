//! The load that the sandbox carries: `cargo bench -p koppeltaal-sandbox`, or one half of it with `--
//! mailbox` or `-- hub`.
//!
//! The servers have one thread, the clients another. Rounds of the sandbox and of its floor take turns and
//! the best of each counts, because the machine does other things as well.

mod floor;
mod hub;
mod mailbox;
mod messages;
mod wire;

use std::time::Duration;

use koppeltaal_fhir::Format;
use koppeltaal_messaging::Event;
use koppeltaal_sandbox::{Instance, Sandbox, SandboxConfig};

/// Credentials `portal:secret` and `game:secret`.
const PORTAL: &str = "Basic cG9ydGFsOnNlY3JldA==";
const GAME: &str = "Basic Z2FtZTpzZWNyZXQ=";

const FORMATS: [Format; 2] = [Format::Json, Format::Xml];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    // Only `cargo bench` says so; `cargo test --benches` wants to know whether it runs.
    let is_test = !has("--bench");
    let servers = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let servers = servers.expect("a runtime");
    let clients = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    if !has("hub") {
        mailbox::run(&servers, &clients, if is_test { 1 } else { 12 }, if is_test { 8 } else { 800 });
    }
    if !has("mailbox") {
        let (connections, rounds) = if is_test { (20, 3) } else { (1000, 2000) };
        hub::run(&servers, &clients, connections, rounds);
    }
}

/// A portal that posts, and a game that is told of it.
async fn sandbox() -> Sandbox {
    SandboxConfig::new()
        .instance(Instance::new("portal", "secret", "Zonnedauw"))
        .instance(Instance::new("game", "secret", "Zonnedauw").subscribe([Event::CreateOrUpdateCarePlan]))
        // One that is listened to and never told anything.
        .instance(Instance::new("idle", "secret", "Zonnedauw"))
        .start()
        .await
        .expect("a sandbox")
}

/// The value below which this part of the sorted times lies.
fn quantile(times: &[Duration], part: f64) -> Duration {
    times[((times.len() - 1) as f64 * part) as usize]
}
