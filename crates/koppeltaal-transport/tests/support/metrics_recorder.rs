//! A recorder for the `metrics` facade. The tests of transport, push and koppeltaal share it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

/// The value of every counter and gauge, and how many values each histogram got, by name and labels. Clones
/// are the same recorder.
#[derive(Clone, Default)]
pub(crate) struct MetricsRecorder(Arc<Mutex<BTreeMap<String, f64>>>);

struct Metric(MetricsRecorder, String);

impl MetricsRecorder {
    /// Records what this process reports from now on.
    pub(crate) fn install() -> Self {
        let recorder = Self::default();
        metrics::set_global_recorder(recorder.clone()).expect("the only recorder");
        recorder
    }

    /// All metrics, in the form `name label=value: 1`.
    pub(crate) fn metrics(&self) -> Vec<String> {
        let values = self.0.lock().expect("the values");
        values.iter().map(|(metric, value)| format!("{metric}: {value}")).collect()
    }

    fn metric(&self, key: &Key) -> Arc<Metric> {
        let labels = key.labels().map(|label| format!(" {}={}", label.key(), label.value()));
        Arc::new(Metric(self.clone(), format!("{}{}", key.name(), labels.collect::<String>())))
    }
}

impl Recorder for MetricsRecorder {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.metric(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.metric(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.metric(key))
    }
}

impl Metric {
    fn change(&self, change: impl FnOnce(&mut f64)) {
        change(self.0.0.lock().expect("the values").entry(self.1.clone()).or_default());
    }
}

impl CounterFn for Metric {
    fn increment(&self, value: u64) {
        self.change(|counter| *counter += value as f64);
    }

    fn absolute(&self, value: u64) {
        self.change(|counter| *counter = value as f64);
    }
}

impl GaugeFn for Metric {
    fn increment(&self, value: f64) {
        self.change(|gauge| *gauge += value);
    }

    fn decrement(&self, value: f64) {
        self.change(|gauge| *gauge -= value);
    }

    fn set(&self, value: f64) {
        self.change(|gauge| *gauge = value);
    }
}

impl HistogramFn for Metric {
    fn record(&self, value: f64) {
        // All histograms are of seconds. Another unit would be out of this range.
        assert!((0.0..60.0).contains(&value), "{} got {value} s", self.1);
        self.change(|count| *count += 1.0);
    }
}
