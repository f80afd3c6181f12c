//! A full queue takes no more memory than its limit says. One test only, because the whole process is
//! measured.

mod common;

use common::{Client, Format, http, plan, world};
use koppeltaal_sandbox::Limits;
use peak_alloc::PeakAlloc;
use reqwest::StatusCode;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const MIB: usize = 1 << 20;

/// Posts messages about one care plan each until the queue of the game is full. Gives how many had room.
async fn fill(portal: Client, sender: &str) -> usize {
    for number in 0.. {
        let name = format!("{sender}{number}");
        let answer = portal.send_message(plan(&name, &name)).await;
        if answer.status == StatusCode::SERVICE_UNAVAILABLE {
            return number;
        }
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }
    unreachable!("a queue without bound")
}

#[tokio::test]
async fn a_full_queue_takes_no_more_memory_than_its_limit_says() {
    let mut limits = Limits::default();
    limits.queue_bytes = 8 * MIB;
    let sandbox = world().limits(limits).start().await.expect("a sandbox");
    // Connections and buffers are made before the measurement.
    http().get(sandbox.url()).send().await.expect("an answer");

    let before = MEMORY.current_usage();
    let (json, xml) = (Client::portal(&sandbox, Format::Json), Client::portal(&sandbox, Format::Xml));
    let (a, b) = tokio::join!(fill(json, "a"), fill(xml, "b"));
    let taken = MEMORY.current_usage().saturating_sub(before);
    println!("{} messages: {} KiB of {} KiB", a + b, taken / 1024, limits.queue_bytes / 1024);
    assert!(a + b > 250, "room for {a} and {b} messages");
    assert!(taken <= limits.queue_bytes, "{taken} bytes");
    assert!(taken > limits.queue_bytes / 4, "{taken} bytes: the limit says next to nothing");
}
