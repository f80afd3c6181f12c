//! What a running sandbox prints on standard error: requests and warnings. They are events of `tracing`,
//! which the sandbox writes without content.

use std::fmt::{self, Write as _};

use clap::ValueEnum;
use koppeltaal_fhir::primitives::Instant;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// The targets of the events about requests.
const REQUESTS: [&str; 2] = ["koppeltaal_sandbox::requests", "koppeltaal2_sandbox::requests"];
/// The targets of all events of the sandboxes begin with one of these.
const SANDBOXES: [&str; 2] = ["koppeltaal_sandbox", "koppeltaal2_sandbox"];

/// How requests are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// A line for people
    Text,
    /// A JSON object a line
    Json,
    /// Not at all
    Off,
}

/// Begins to print. Without a format, refused requests are printed for people.
pub(crate) fn start(format: Option<LogFormat>) {
    let level = match format {
        None => Level::INFO,
        Some(LogFormat::Text | LogFormat::Json) => Level::DEBUG,
        Some(LogFormat::Off) => Level::WARN,
    };
    let is_shown = move |metadata: &Metadata<'_>| match metadata.target() {
        target if REQUESTS.contains(&target) => *metadata.level() <= level,
        target => {
            SANDBOXES.iter().any(|sandbox| target.starts_with(sandbox)) && *metadata.level() <= Level::WARN
        }
    };
    let lines = Lines { is_json: format == Some(LogFormat::Json) };
    let subscriber = tracing_subscriber::registry().with(lines.with_filter(filter_fn(is_shown)));
    // There is no other subscriber: a command is run once.
    let _ = subscriber.try_init();
}

/// Prints a line for each event.
struct Lines {
    is_json: bool,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let now = Instant::now();
        let line = if self.is_json {
            fields.json(event.metadata(), &now)
        } else if REQUESTS.contains(&event.metadata().target()) {
            fields.request(&now)
        } else {
            fields.warning()
        };
        anstream::eprintln!("{line}");
    }
}

/// The fields of an event. Its text is the field `message`.
#[derive(Debug, Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn json(self, metadata: &Metadata<'_>, now: &Instant) -> String {
        let mut line = Map::new();
        line.insert("when".to_owned(), now.as_str().into());
        line.insert("level".to_owned(), metadata.level().as_str().to_ascii_lowercase().into());
        line.extend(self.0);
        Value::from(line).to_string()
    }

    /// `12:00:00Z POST /FHIR/Koppeltaal/Mailbox portal: 400 in 1.2 ms: The MessageHeader has no event. At
    /// entry[0].content.event (required).`
    fn request(&self, now: &Instant) -> String {
        let field = |name: &str| self.0.get(name).and_then(Value::as_str);
        let time = now.as_str().get(11..19).unwrap_or_default();
        let route = field("route").unwrap_or("(unknown path)");
        let mut line = format!("{time}Z {} {route}", field("method").unwrap_or("-"));
        for name in ["instance", "application", "event"] {
            line.extend(field(name).map(|text| format!(" {text}")));
        }
        match self.0.get("status") {
            Some(status) => line += &format!(": {status}"),
            None => line += &format!(": {}", field("message").unwrap_or_default()),
        }
        if let Some(duration) = self.0.get("duration_ms").and_then(Value::as_f64) {
            let _ = write!(line, " in {duration:.1} ms");
        }
        if let Some(rule) = field("rule") {
            line += &format!(": {}.", rule.trim_end_matches('.'));
            line.extend(field("place").map(|place| format!(" At {place}.")));
            line.extend(field("expected").map(|expected| format!(" Expected: {expected}.")));
            line.extend(field("code").map(|code| format!(" ({code})")));
        }
        line
    }

    /// `warning: TEXT (field VALUE)`.
    fn warning(&self) -> String {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut line = "warning: ".to_owned() + &self.0.get("message").map(text).unwrap_or_default();
        let others = self.0.iter().filter(|(name, _)| *name != "message");
        let others: Vec<_> = others.map(|(name, value)| format!("{name} {}", text(value))).collect();
        if !others.is_empty() {
            line += &format!(" ({})", others.join(", "));
        }
        line
    }

    fn set(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}"));
    }
}
