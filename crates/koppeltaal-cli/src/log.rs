//! What the commands that speak to a server log on standard error: with `--verbose` a line for each request,
//! with `RUST_LOG` what the libraries log. Neither has content, secrets, or ids of patients.

use std::env;
use std::fmt;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::output;

/// The environment variable that says what the libraries log: levels by target, such as `debug` or
/// `koppeltaal_transport=debug,koppeltaal_push=info`.
const FILTER: &str = "RUST_LOG";

/// Begins to log. Without `--verbose` and `RUST_LOG` nothing is logged.
pub(crate) fn start(is_verbose: bool) {
    let filter = env::var(FILTER).ok().filter(|filter| !filter.is_empty());
    let targets = filter.as_deref().map(str::parse::<Targets>).transpose();
    if let Err(error) = &targets {
        output::warn(format_args!("{FILTER} is not understood, so the libraries log nothing: {error}"));
    }
    let targets = targets.ok().flatten();
    if !is_verbose && targets.is_none() {
        return;
    }
    let events = targets.map(|targets| {
        tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(false)
            .with_span_events(FmtSpan::CLOSE)
            .with_filter(targets)
    });
    let requests =
        is_verbose.then(|| Requests.with_filter(tracing_subscriber::filter::filter_fn(is_request)));
    // There is no other subscriber: a command is run once.
    let _ = tracing_subscriber::registry().with(requests).with(events).try_init();
}

/// Whether a span is a request of the transport.
fn is_request(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.name() == "koppeltaal"
}

/// Prints a line for each request when it ends.
struct Requests;

/// What a span says about a request.
#[derive(Debug, Default)]
struct Request {
    method: Option<String>,
    path: Option<String>,
    status: Option<u64>,
    attempts: Option<u64>,
    duration_ms: Option<u64>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Requests {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut request = Request::default();
        attributes.record(&mut request);
        span.extensions_mut().insert(request);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(request) = span.extensions_mut().get_mut::<Request>() {
            values.record(request);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        if let Some(request) = span.extensions().get::<Request>() {
            anstream::eprintln!("{request}");
        }
    }
}

impl Visit for Request {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "status" => self.status = Some(value),
            "attempts" => self.attempts = Some(value),
            "duration_ms" => self.duration_ms = Some(value),
            _ => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "method" => self.method = Some(value.to_owned()),
            "path" => self.path = Some(value.to_owned()),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

impl fmt::Display for Request {
    /// `GET MessageHeader/_search: 200 in 12 ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |part: &'_ Option<String>| part.clone().unwrap_or_else(|| "-".to_owned());
        write!(f, "{} {}: ", part(&self.method), part(&self.path))?;
        match self.status {
            Some(status) => write!(f, "{status}")?,
            None => f.write_str("no answer")?,
        }
        if let Some(duration) = self.duration_ms {
            write!(f, " in {duration} ms")?;
        }
        match self.attempts {
            Some(attempts) if attempts > 1 => write!(f, ", {attempts} attempts"),
            _ => Ok(()),
        }
    }
}
