//! Sender and receiver are processes that are killed at random moments, while the server goes on. In the end
//! every message has been handled, is acknowledged, and is at the server once.
//!
//! Runs a few kills by default, with a sender that keeps everything in a `SQLite` file. `cargo xtask interop
//! kill` says more: it sets `KOPPELTAAL_KILLS` and `KOPPELTAAL_KILL_MESSAGES`; `cargo xtask interop
//! postgresql` sets `KOPPELTAAL_KILL_SCHEMA` for two senders that share a database. This file has a `main` of
//! its own, since it starts itself in the other roles.

mod database;
#[cfg(feature = "postgresql")]
#[path = "../support/postgresql.rs"]
mod postgresql;

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use database::Database;
use koppeltaal::fhir::datatypes::HumanName;
use koppeltaal::messaging::profiles::{Patient, Practitioner};
use koppeltaal::messaging::{Event, ProcessingStatus, Sender, Source};
use koppeltaal::rusqlite::{Connection, params};
use koppeltaal::transport::{Client, Credentials, HeaderQuery};
use koppeltaal::{Connector, HandlerError, MemoryVersionStore, OutboxState};
use koppeltaal_sandbox::{Fault, FaultKind, Instance, SandboxConfig};

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const DOMAIN: &str = "Zonnedauw";

/// How long after a kill the server may still be at work with a post, and how long it waits for an
/// acknowledgement.
const SETTLE: Duration = Duration::from_secs(5);

/// How many messages a sender may be sending when it is killed.
const CONCURRENCY: u32 = 4;

/// After this many messages, each about a new patient, there is one about one of a few practitioners.
const PRACTITIONER_EVERY: u32 = 10;
const PRACTITIONERS: u32 = 7;

/// How often a fault without effect can happen. The number that is left tells how many posts there were.
const MANY: u32 = 1_000_000;

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(600);

fn main() -> Result {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match words.as_slice() {
        ["sender", directory, server] => runtime.block_on(send(Path::new(directory), server)),
        ["receiver", directory, server] => runtime.block_on(receive(Path::new(directory), server)),
        // What cargo asks of a test, and tests that are not this one.
        words if words.contains(&"--list") => Ok(()),
        words if words.iter().any(|word| !word.starts_with('-') && !"kill".contains(word)) => Ok(()),
        _ => runtime.block_on(kill()),
    }
}

/// A sender: saves patients up to the number that is asked for, hands over a message about each in the same
/// transaction, and sends what was handed over.
async fn send(directory: &Path, server: &str) -> Result {
    let database = Database::of(directory);
    let outbox = database.outbox().await?;
    let epd = database.connector(server).await?;
    let dispatcher = outbox
        .dispatcher(epd.clone())
        .concurrency(CONCURRENCY as usize)
        .settle_time(SETTLE)
        .poll_interval(Duration::from_millis(20));
    let goal = directory.join("goal");
    let save = async {
        loop {
            let goal: u32 = std::fs::read_to_string(&goal)?.trim().parse()?;
            let number = database.saved().await?;
            if number >= goal {
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            }
            let mut messages = vec![epd.outgoing(epd.draft(&number.to_string(), patient(number))?)?];
            if number.is_multiple_of(PRACTITIONER_EVERY) {
                let id = (number / PRACTITIONER_EVERY % PRACTITIONERS).to_string();
                messages.push(epd.outgoing(epd.draft(&id, practitioner(number))?)?);
            }
            database.save(number, &messages).await?;
            outbox.wake();
        }
    };
    tokio::select! {
        _ = dispatcher.run() => Ok(()),
        ended = save => ended,
    }
}

/// The receiver: writes down which messages it has handled, at the end of handling them.
async fn receive(directory: &Path, server: &str) -> Result {
    let path = directory.join("game.db");
    let game = connector(server, "game", MemoryVersionStore::new())?;
    // What comes back after a claim has run out is not pushed.
    let worker =
        game.deliveries().poll_every(Duration::from_millis(200)).worker().on(move |_: Patient, received| {
            let path = path.clone();
            async move {
                // Time enough to be killed in.
                tokio::time::sleep(Duration::from_millis(2)).await;
                let identifier = received.header().identifier().unwrap_or_default().to_owned();
                let write = move || -> koppeltaal::rusqlite::Result<usize> {
                    open(&path)?.execute("INSERT INTO handled (identifier) VALUES (?1)", [identifier])
                };
                tokio::task::spawn_blocking(write).await??;
                Ok::<(), HandlerError>(())
            }
        });
    worker.run().await?;
    Ok(())
}

/// The server, and who kills the others.
async fn kill() -> Result {
    let kills = number("KOPPELTAAL_KILLS", 8)?;
    let messages = number("KOPPELTAAL_KILL_MESSAGES", 80)?;
    let begin = Instant::now();
    let directory = tempfile::tempdir()?;
    let sandbox = SandboxConfig::new()
        .instance(Instance::new("epd", "secret", DOMAIN))
        .instance(Instance::new("game", "secret", DOMAIN).subscribe([Event::CreateOrUpdatePatient]))
        .claim_timeout(SETTLE)
        .admin(true)
        .start()
        .await?;
    let counter =
        Fault::new(FaultKind::Latency { pause: Duration::from_millis(0) }).path("Mailbox").times(MANY);
    sandbox.set_faults([counter]);
    let database = Database::create(directory.path()).await?;
    let game_file = open(&directory.path().join("game.db"))?;
    game_file.execute_batch("CREATE TABLE handled (identifier TEXT NOT NULL)")?;
    let handled = || game_file.query_row("SELECT count(*) FROM handled", [], |row| row.get::<_, u32>(0));

    let role = |name| Role { name, directory: directory.path().to_owned(), server: sandbox.url().to_owned() };
    let goal = directory.path().join("goal");
    std::fs::write(&goal, "0")?;
    let mut senders = Vec::new();
    for _ in 0..database.senders() {
        senders.push(role("sender").start()?);
    }
    let mut receiver = role("receiver").start()?;
    let (mut handled_at_start, mut senders_killed) = (0, 0);
    for kill in 0..kills {
        // So many messages that there is something to do at every kill. It is put in place whole: the sender
        // reads it.
        let next = directory.path().join("next");
        std::fs::write(&next, (messages * (kill + 1) / kills).to_string())?;
        std::fs::rename(&next, &goal)?;
        tokio::time::sleep(Duration::from_millis(random() % 150)).await;
        if random().is_multiple_of(2) {
            let senders_at_work = senders.len();
            senders[kill as usize / 2 % senders_at_work].restart()?;
            senders_killed += 1;
        } else {
            // A message whose claim has run out five times is given up by the server. It comes back as the
            // first one, so a receiver that may handle one message before it is killed keeps it from that.
            while handled()? == handled_at_start && handled()? < messages && begin.elapsed() < PATIENCE {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            receiver.restart()?;
            handled_at_start = handled()?;
        }
    }
    let killed = begin.elapsed();

    // Without further kills everything comes to its end.
    let outbox = database.outbox().await?;
    let game = connector(sandbox.url(), "game", MemoryVersionStore::new())?;
    let all = messages + messages.div_ceil(PRACTITIONER_EVERY);
    let acknowledged = loop {
        let statuses = statuses(&game).await?;
        let done = statuses.iter().filter(|(_, status)| *status == Some(ProcessingStatus::Success)).count();
        if outbox.summary().await?.sent == u64::from(all) && done == messages as usize {
            break statuses;
        }
        if begin.elapsed() > PATIENCE {
            let problems = outbox.problems(5).await?;
            let summary = outbox.summary().await?;
            return Err(format!("{done} acknowledged; {summary:?}; {problems:?}").into());
        }
        for process in senders.iter_mut().chain([&mut receiver]) {
            process.check()?;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };

    // Once at the server, each of them.
    let entries = outbox.entries(&OutboxState::ALL, usize::MAX).await?;
    assert!(entries.iter().all(|entry| entry.state == OutboxState::Sent));
    let expected: HashSet<&str> = entries
        .iter()
        .filter(|entry| entry.event == Event::CreateOrUpdatePatient.code())
        .map(|entry| entry.identifier.as_str())
        .collect();
    let at_server: HashSet<&str> = acknowledged.iter().map(|(identifier, _)| identifier.as_str()).collect();
    assert_eq!((expected.len(), acknowledged.len()), (messages as usize, messages as usize));
    assert_eq!(at_server, expected);

    // A post is repeated only when its sender was killed, and the server did not have it.
    let repeated = posts(&game).await? - all;
    assert!(repeated <= senders_killed * CONCURRENCY, "{repeated} posts were repeated");

    // Each of them was handled.
    let mut statement = game_file.prepare("SELECT identifier, count(*) FROM handled GROUP BY identifier")?;
    let rows = statement.query_map(params![], |row| Ok((row.get::<_, String>(0)?, row.get::<_, u32>(1)?)))?;
    let times = rows.collect::<koppeltaal::rusqlite::Result<Vec<_>>>()?;
    assert_eq!(times.iter().map(|(identifier, _)| identifier.as_str()).collect::<HashSet<_>>(), expected);

    // Those about one resource were sent in the order in which they were handed over.
    let epd = connector(sandbox.url(), "epd", MemoryVersionStore::new())?;
    for practitioner in 0..PRACTITIONERS {
        let suffix = format!("/Practitioner/{practitioner}");
        let mut versions = Vec::new();
        for entry in entries.iter().filter(|entry| entry.focal.ends_with(&suffix)) {
            let message = epd.client().message(&entry.identifier).await?.ok_or("not at the server")?;
            let focal = message.header.focal().ok_or("no focal resource")?;
            versions.push(focal.version().ok_or("no version")?.to_owned());
        }
        assert!(versions.is_sorted_by(|first, second| first < second), "{versions:?}");
    }

    let again = times.iter().map(|(_, times)| times - 1).sum::<u32>();
    println!(
        "{database}: {kills} kills in {killed:.1?}, all done after {:.1?}: {all} messages sent ({repeated} posts repeated), \
         {messages} handled ({again} of them again after a kill)",
        begin.elapsed()
    );
    Ok(())
}

/// The identifier and status of every message in the queue, oldest first.
async fn statuses(game: &Connector) -> Result<Vec<(String, Option<ProcessingStatus>)>> {
    let headers = game.client().message_headers(&HeaderQuery::default().page_size(1000)).collect().await?;
    let status = |header: &koppeltaal::messaging::Header| {
        (
            header.identifier().unwrap_or_default().to_owned(),
            header.processing().and_then(|state| state.status()),
        )
    };
    Ok(headers.iter().map(status).collect())
}

/// How many posts have reached the server.
async fn posts(anybody: &Connector) -> Result<u32> {
    let request = anybody.client().request_outside_fhir(http::Method::GET, "sandbox/faults", "");
    let faults: Vec<Fault> = serde_json::from_str(&request.send().await?.text().await?)?;
    Ok(MANY - faults.first().and_then(|fault| fault.times).ok_or("no count of posts")?)
}

/// A process that is started and killed.
struct Role {
    name: &'static str,
    directory: PathBuf,
    server: String,
}

struct Process {
    role: Role,
    child: Child,
}

impl Role {
    fn start(self) -> Result<Process> {
        let child = self.spawn()?;
        Ok(Process { role: self, child })
    }

    fn spawn(&self) -> Result<Child> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(self.name).arg(&self.directory).arg(&self.server);
        Ok(command.stdin(Stdio::null()).spawn()?)
    }
}

impl Process {
    /// Kills it with a signal that it cannot handle, and starts it again.
    fn restart(&mut self) -> Result {
        self.check()?;
        self.child.kill()?;
        self.child.wait()?;
        self.child = self.role.spawn()?;
        Ok(())
    }

    /// It ends by being killed only.
    fn check(&mut self) -> Result {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(format!("the {} ended: {status}", self.role.name).into()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended needs no killing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn connector(server: &str, user: &str, versions: impl koppeltaal::VersionStore) -> Result<Connector> {
    let client = Client::builder(server).credentials(Credentials::basic(user, "secret")?).build()?;
    let source = Source::new(user, format!("https://{user}.example/fhir"));
    Ok(Connector::new(client, Sender::new(source, DOMAIN), versions))
}

/// A file as an application opens it that shares it with others.
fn open(path: &Path) -> koppeltaal::rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(30))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    Ok(connection)
}

fn name(number: u32) -> HumanName {
    HumanName {
        given: vec!["Mees".into()],
        family: vec![format!("Duinroos {number}").into()],
        ..HumanName::default()
    }
}

fn patient(number: u32) -> Patient {
    Patient { name: vec![name(number)], ..Patient::default() }
}

fn practitioner(number: u32) -> Practitioner {
    Practitioner { name: Some(name(number)), ..Practitioner::default() }
}

fn number(variable: &str, usual: u32) -> Result<u32> {
    match std::env::var(variable) {
        Ok(text) => text.parse().map_err(|_| format!("{variable} is {text:?}, not a number").into()),
        Err(_) => Ok(usual),
    }
}

/// A random number, so that kills come at random moments.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}
