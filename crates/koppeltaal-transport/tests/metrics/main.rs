//! What the client reports to the `metrics` facade. The recorder is set for the whole process.

#[allow(dead_code, reason = "the other tests use the rest of it")]
#[path = "../it/server.rs"]
mod server;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use koppeltaal_transport::RetryPolicy;
use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};

use crate::server::{Server, fixture, json, status};

/// Every increment and record, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

struct Entry(Log, String);

impl Recorder for Log {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(Arc::new(Entry(self.clone(), text(key))))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(Arc::new(Entry(self.clone(), text(key))))
    }
}

fn text(key: &Key) -> String {
    let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
    format!("{} {}", key.name(), labels.join(" "))
}

impl CounterFn for Entry {
    fn increment(&self, value: u64) {
        self.0.0.lock().expect("the log").push(format!("{} +{value}", self.1));
    }

    fn absolute(&self, _: u64) {}
}

impl HistogramFn for Entry {
    fn record(&self, value: f64) {
        let plausible = (0.0..60.0).contains(&value);
        self.0.0.lock().expect("the log").push(format!("{} {plausible}", self.1));
    }
}

#[tokio::test]
async fn operations_and_retries_are_counted_and_timed() {
    let log = Log::default();
    metrics::set_global_recorder(log.clone()).expect("the only recorder");
    let busy = status(503, "text/plain", "busy");
    let server = Server::playing([
        busy,
        json(fixture("bundles/search-empty.json")),
        status(403, "text/html", "<html>"),
    ])
    .await;
    let policy = RetryPolicy::default().with_min_delay(Duration::from_millis(1));
    let client = server.builder().retry(policy).build().expect("a client");
    client.message("1").await.expect("an answer");
    client.claim().await.expect_err("forbidden");
    assert_eq!(
        *log.0.lock().expect("the log"),
        [
            "koppeltaal_retries_total operation=message +1",
            "koppeltaal_operations_total operation=message result=ok +1",
            "koppeltaal_operation_duration_seconds operation=message true",
            "koppeltaal_operations_total operation=claim result=forbidden +1",
            "koppeltaal_operation_duration_seconds operation=claim true",
        ]
    );
}
