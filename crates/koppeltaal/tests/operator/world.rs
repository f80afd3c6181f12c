//! [`World`]: a sandbox behind a [`Gate`], an EPD, and the application that meets failures: a connector, an
//! outbox with a dispatcher, and a worker with dead letters, all in one database.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use koppeltaal::messaging::Event;
use koppeltaal::messaging::profiles::Patient;
use koppeltaal::transport::Format;
use koppeltaal::{
    Connector, DeadLetters, HandlerError, MemoryVersionStore, Outbox, Outgoing, ReceivedMessage,
    SqliteVersionStore,
};
use koppeltaal_sandbox::{Fault, FaultKind, Instance, Sandbox, SandboxConfig};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::Level;

use crate::Signs;
use crate::application::{self, DOMAIN, LONG, Result, patient};
use crate::gate::Gate;
use crate::log::Log;
use crate::metrics_recorder::MetricsRecorder;

/// The account of the application.
pub(crate) const USER: &str = "portal";

/// How often the test and the application look again.
const INTERVAL: Duration = Duration::from_millis(10);

/// What must never be in the log: the password, and the names and identifiers of patients.
const PRIVATE: [&str; 5] = ["secret", "Mees", "Fenna", "Duinroos", "zwaluw"];

/// The patient whom the handler refuses, so that the message becomes a dead letter.
const REFUSED: &str = "zwaluw-refused";

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    /// The application's way to the sandbox.
    pub(crate) server: Gate,
    pub(crate) connector: Connector,
    epd: Connector,
    database: Database,
    outbox: Outbox,
    letters: DeadLetters,
}

enum Database {
    Sqlite(PathBuf),
    /// Not through the gate, which is the application's way.
    #[cfg(feature = "postgresql")]
    Postgresql(koppeltaal::deadpool_postgres::Pool, Gate),
}

async fn servers() -> Result<(Sandbox, Gate)> {
    let sandbox = SandboxConfig::new()
        .instance(Instance::new("epd", "secret", DOMAIN))
        .instance(Instance::new(USER, "secret", DOMAIN).subscribe([Event::CreateOrUpdatePatient]))
        .start()
        .await?;
    let gate = Gate::to(sandbox.address()).await?;
    Ok((sandbox, gate))
}

fn at(address: SocketAddr) -> String {
    format!("http://{address}")
}

impl World {
    /// The application's database is a file in this folder.
    pub(crate) async fn in_file(folder: &Path) -> Result<Self> {
        let (sandbox, server) = servers().await?;
        let file = folder.join("portal.db");
        let versions = SqliteVersionStore::open(&file)?;
        Ok(Self {
            connector: application::connector(&at(server.address()), USER, Format::Json, versions)?,
            epd: application::connector(sandbox.url(), "epd", Format::Json, MemoryVersionStore::new())?,
            outbox: Outbox::sqlite(&file)?,
            letters: DeadLetters::sqlite(&file)?,
            database: Database::Sqlite(file),
            sandbox,
            server,
        })
    }

    /// The application's database is a schema on the test server, behind a gate.
    #[cfg(feature = "postgresql")]
    pub(crate) async fn in_postgresql() -> Result<Self> {
        use koppeltaal::PostgresqlVersionStore;

        let (sandbox, server) = servers().await?;
        let (name, direct) = crate::schema::named_schema().await;
        let gate = Gate::to(crate::schema::postgresql::address()).await?;
        let pool = crate::schema::postgresql::schema_through(&name, gate.address());
        let versions = PostgresqlVersionStore::open(pool.clone()).await?;
        Ok(Self {
            connector: application::connector(&at(server.address()), USER, Format::Json, versions)?,
            epd: application::connector(sandbox.url(), "epd", Format::Json, MemoryVersionStore::new())?,
            outbox: Outbox::postgresql(pool.clone()).await?,
            letters: DeadLetters::postgresql(pool).await?,
            database: Database::Postgresql(direct, gate),
            sandbox,
            server,
        })
    }

    #[cfg(feature = "postgresql")]
    pub(crate) fn database_gate(&mut self) -> Result<&mut Gate> {
        match &mut self.database {
            Database::Postgresql(_, gate) => Ok(gate),
            Database::Sqlite(_) => Err("a file has no gate".into()),
        }
    }

    /// Gives each of these tables another end of its name.
    pub(crate) fn rename_tables(&self, tables: &[&str], old: &str, new: &str) -> Result {
        #[allow(irrefutable_let_patterns, reason = "without PostgreSQL there is only SQLite")]
        let Database::Sqlite(file) = &self.database else { return Err("only in SQLite".into()) };
        let connection = koppeltaal::rusqlite::Connection::open(file)?;
        connection.busy_timeout(LONG)?;
        for table in tables {
            connection.execute_batch(&format!("ALTER TABLE {table}{old} RENAME TO {table}{new}"))?;
        }
        Ok(())
    }

    /// Hands a message about a patient over to the outbox.
    async fn put(&self, id: &str) -> Result {
        let message: Outgoing = self.connector.outgoing(self.connector.draft(id, patient("Mees"))?)?;
        match &self.database {
            Database::Sqlite(file) => {
                let connection = koppeltaal::rusqlite::Connection::open(file)?;
                connection.busy_timeout(LONG)?;
                message.put_sqlite(&connection)?;
            }
            #[cfg(feature = "postgresql")]
            Database::Postgresql(pool, _) => {
                let mut client = pool.get().await?;
                let transaction = client.transaction().await?;
                message.put_postgresql(&transaction).await?;
                transaction.commit().await?;
            }
        }
        self.outbox.wake();
        Ok(())
    }

    /// The EPD sends messages about a patient and about one whom the handler refuses.
    async fn send_from_epd(&self, id: &str, refused: &str) -> Result {
        for id in [id, refused] {
            self.epd.send(self.epd.draft(id, patient("Fenna"))?).await?;
        }
        Ok(())
    }

    /// Runs the application: a failure begins, shows its signs, and ends; then the work goes on.
    pub(crate) async fn meets(
        mut self,
        signs: &Signs,
        begin: impl AsyncFnOnce(&mut Self) -> Result,
        end: impl AsyncFnOnce(&mut Self) -> Result,
    ) -> Result {
        are_documented(signs);
        let recorder = MetricsRecorder::default();
        let _recorder = metrics::set_default_local_recorder(&recorder);
        let (log, _log) = Log::start(Level::INFO);
        let handled: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&handled);
        let soon = Duration::from_millis(1)..=Duration::from_millis(5);
        let dispatcher = self.outbox.dispatcher(self.connector.clone());
        let dispatcher = dispatcher.poll_interval(INTERVAL).retry_pauses(soon.clone());
        let deliveries = self.connector.deliveries().without_hub().poll_every(INTERVAL);
        let worker = deliveries.worker().retry_pauses(soon).dead_letters(self.letters.clone());
        let worker = worker.on(move |_: Patient, received: ReceivedMessage| {
            let id = received.url().map_or_else(String::new, |url| url.id().to_owned());
            let is_refused = id.starts_with(REFUSED);
            seen.lock().expect("no panic").push(id);
            async move { if is_refused { Err(HandlerError::failure("not wanted")) } else { Ok(()) } }
        });
        let (stop, stopped) = watch::channel(());
        let until_stopped = |mut stopped: watch::Receiver<()>| async move {
            // An error means that the test has dropped the sender.
            let _ = stopped.changed().await;
        };
        let application = async {
            tokio::join!(
                dispatcher.run_until(until_stopped(stopped.clone())),
                worker.run_until(until_stopped(stopped)),
            )
        };
        let walk = async {
            let result = self.walk(signs, &log, &recorder, &handled, begin, end).await;
            drop(stop);
            result
        };
        let ((_, report), result) = tokio::join!(application, walk);
        let log = log.text();
        let records: Vec<&str> = log.lines().filter(|line| !line.starts_with(" INFO")).collect();
        result.map_err(|error| format!("{error}\n{records:#?}\n{:#?}", recorder.metrics()))?;
        report?;
        for private in PRIVATE {
            assert!(!log.contains(private), "{private}: {log}");
        }
        Ok(())
    }

    async fn walk(
        &mut self,
        signs: &Signs,
        log: &Log,
        recorder: &MetricsRecorder,
        handled: &Mutex<Vec<String>>,
        begin: impl AsyncFnOnce(&mut Self) -> Result,
        end: impl AsyncFnOnce(&mut Self) -> Result,
    ) -> Result {
        self.put("zwaluw-1").await?;
        self.send_from_epd("zwaluw-2", &format!("{REFUSED}-1")).await?;
        self.has_done(1, handled, &["zwaluw-2"]).await?;

        // The message cannot be sent before the failure begins.
        let hold = Fault::new(FaultKind::Status { status: 503, html: false }).path("Mailbox").instance(USER);
        self.sandbox.set_faults([hold]);
        self.put("zwaluw-3").await?;
        let (start, before) = (log.text().len(), recorder.metrics());
        self.sandbox.set_faults([]);
        begin(self).await?;
        self.send_from_epd("zwaluw-4", &format!("{REFUSED}-2")).await?;
        eventually("a sign", async || {
            let records = signs.records.iter().all(|record| has_record(&log.text()[start..], record));
            let moved = |[name, label]: &[&str; 2]| {
                let is_it = |metric: &String| metric.starts_with(name) && metric.contains(label);
                recorder.metrics().iter().any(|metric| is_it(metric) && !before.contains(metric))
            };
            Ok(records && signs.metrics.iter().all(moved))
        })
        .await?;

        end(self).await?;
        self.has_done(2, handled, &["zwaluw-2", "zwaluw-4"]).await?;
        eventually("the end", async || Ok(log.text()[start..].contains(signs.end))).await
    }

    /// Waits until so many messages are sent and kept as dead letters, and those about these patients are
    /// handled.
    async fn has_done(&self, sent: u64, handled: &Mutex<Vec<String>>, patients: &[&str]) -> Result {
        eventually("all the work", async || {
            let summary = self.outbox.summary().await?;
            let letters = self.letters.list(DOMAIN, 10).await?.len();
            let handled = handled.lock().expect("no panic");
            Ok(summary.sent == sent
                && letters as u64 == sent
                && patients.iter().all(|id| handled.iter().any(|handled| handled == id)))
        })
        .await
    }
}

/// Whether a record at WARN or ERROR of the crate has all these texts.
pub(crate) fn has_record(log: &str, texts: &[&str]) -> bool {
    log.lines().any(|line| {
        let level = line.trim_start();
        (level.starts_with("WARN") || level.starts_with("ERROR"))
            && line.contains("koppeltaal::")
            && texts.iter().all(|text| line.contains(text))
    })
}

/// The README has the signs that an operator looks for.
fn are_documented(signs: &Signs) {
    let readme = include_str!("../../README.md");
    let messages = signs.records.iter().map(|[message, ..]| *message);
    let metrics = signs.metrics.iter().map(|[name, _]| *name);
    let labels = signs.metrics.iter().filter_map(|[_, label]| Some(label.split_once('=')?.1));
    for text in messages.chain(metrics).chain(labels) {
        assert!(readme.contains(text), "the README lacks {text:?}");
    }
}

/// Waits for something.
async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> Result<bool>) -> Result {
    let waiting = async {
        while !is_so().await? {
            sleep(INTERVAL).await;
        }
        Ok(())
    };
    timeout(LONG, waiting).await.map_err(|_| format!("{what} never came"))?
}
