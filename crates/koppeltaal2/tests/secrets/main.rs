//! What a log shows: no token, nothing of people, no values of searches. In a process of its own, for its
//! log.

#[allow(dead_code, reason = "the other tests need more of it")]
#[path = "../support/server.rs"]
mod server;

use std::io::Write;
use std::sync::{Arc, Mutex};

use koppeltaal_r4::datatypes::HumanName;
use koppeltaal2::Search;
use koppeltaal2::profiles::Patient;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::server::{Reply, Server, page};

/// The log of this process.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("the log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn the_log_shows_what_was_done_and_nothing_of_people() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_writer(log.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).expect("no other log");

    let server = Server::start(|asked| match asked.on("Patient") {
        "GET" if asked.target.contains('?') => {
            Some(Reply::json(200, &page(&[serde_json::json!({"resourceType": "Task"})], None)))
        }
        "GET" => Some(Reply::issue(404, "not-found", "Patient.name")),
        "POST" => Some(Reply::text(504, "text/html", "<html>Roos Jansen")),
        _ => None,
    })
    .await;
    let connector = server.connector().await;
    let mut found = connector
        .search(Search::<Patient>::new().identifier("http://fhir.nl/fhir/NamingSystem/bsn", "999911120"));
    assert!(found.next().await.expect("an entry").is_err());
    connector.read::<Patient>("11111111-aaaa").await.expect_err("not found");
    let patient = Patient { name: vec![HumanName::new("Roos", "Jansen")], ..Patient::default() };
    connector.create(patient).await.expect_err("unknown");

    let log = String::from_utf8(log.0.lock().expect("the log").clone()).expect("text");
    let own: Vec<_> = log.lines().filter(|line| line.contains("koppeltaal2")).collect();
    assert!(own.len() > 10 && log.contains("interaction=\"search\"") && log.contains("request_id="), "{log}");
    let shown = own.join("\n");
    for secret in ["geheim", "999911120", "Jansen", "Roos", "11111111", "bsn"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}
