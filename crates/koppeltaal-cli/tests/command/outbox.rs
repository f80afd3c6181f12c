//! `koppeltaal outbox` and `koppeltaal versions`, on a database that an application uses.

use std::process::{Output, Stdio};

use koppeltaal::rusqlite::Connection;
use koppeltaal::{Connector, MemoryVersionStore, Outbox, Outgoing};
use koppeltaal_fhir::datatypes::HumanName;
use koppeltaal_messaging::profiles::Patient;
use koppeltaal_messaging::{Sender, Source};
use koppeltaal_transport::{Client, Credentials};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::remote::{PLAN, World};
#[cfg(unix)]
use crate::support::interrupt;
use crate::support::{Folder, command, json_lines, stderr, stdout};

/// An application in domain Zonnedauw, and the file of its database.
pub(crate) struct Application {
    /// Removed at the end.
    _folder: Folder,
    pub(crate) file: String,
    connector: Connector,
    outbox: Outbox,
}

impl Application {
    pub(crate) fn new(name: &str, server: &str, password: &str) -> Self {
        let folder = Folder::new(&format!("outbox-{name}"));
        let file = folder.join("epd.db");
        let credentials = Credentials::basic("portal", password).expect("credentials");
        let client = Client::builder(server).credentials(credentials).build().expect("a client");
        let sender = Sender::new(Source::new("EPD", "https://epd.example/fhir"), "Zonnedauw");
        let connector = Connector::new(client, sender, MemoryVersionStore::new());
        let outbox = Outbox::sqlite(&file).expect("an outbox");
        Self { _folder: folder, file: file.display().to_string(), connector, outbox }
    }

    /// A message about this patient.
    fn message(&self, patient: &str) -> Outgoing {
        let content = Patient { name: vec![HumanName::new("Mees", "Duinroos")], ..Patient::default() };
        let draft = self.connector.draft(patient, content).expect("a draft");
        self.connector.outgoing(draft).expect("a message")
    }

    /// Hands over a message about this patient, and returns its identifier.
    pub(crate) fn put(&self, patient: &str) -> String {
        let message = self.message(patient);
        let mut connection = Connection::open(&self.file).expect("a connection");
        let transaction = connection.transaction().expect("a transaction");
        message.put_sqlite(&transaction).expect("put");
        transaction.commit().expect("committed");
        message.identifier().to_owned()
    }

    fn dispatch(&self) {
        let runtime = Runtime::new().expect("a runtime");
        runtime.block_on(self.outbox.dispatcher(self.connector.clone()).run_once()).expect("a run");
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = command(&[&["outbox", "--database", &self.file][..], arguments].concat());
        command.stdin(Stdio::null()).output().expect("the binary runs")
    }

    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.run(&[arguments, &["--output", "json"]].concat());
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()), "{arguments:?}");
        json_lines(&stdout(&output))
    }
}

#[test]
fn what_waits_is_listed_and_shown_with_what_to_do() {
    // Nobody listens there.
    let application = Application::new("waits", "http://127.0.0.1:9", "Geheim1");
    let (first, second) = (application.put("2041"), application.put("2041"));
    let listed = application.json(&["list"]);
    assert_eq!(listed.len(), 2);
    assert_eq!((&listed[0]["identifier"], &listed[0]["state"]), (&first.as_str().into(), &"waiting".into()));
    assert_eq!(listed[0]["behind"], 1);
    assert!(application.json(&["list", "--state", "refused"]).is_empty());
    assert!(application.json(&["list", "--domain", "Elsewhere"]).is_empty());
    assert_eq!(application.json(&["list", "--limit", "1"]).len(), 1);

    let output = application.run(&["list"]);
    assert!(!stdout(&output).contains("2041"), "no patient is named: {}", stdout(&output));
    assert!(stderr(&output).starts_with("2 waiting, 0 sending, 0 refused"), "{}", stderr(&output));
    let output = application.run(&["show", &second]);
    assert!(
        stdout(&output).contains("about:        https://epd.example/fhir/Patient/2041"),
        "{}",
        stdout(&output)
    );
    assert!(stderr(&output).contains("Next: nothing, as long as a dispatcher runs"), "{}", stderr(&output));
    let output = application.run(&["show", &first, "--message"]);
    assert!(stdout(&output).contains("\"resourceType\""), "{}", stdout(&output));

    application.dispatch();
    let problems = application.json(&["list", "--problems"]);
    assert_eq!((problems.len(), &problems[0]["error"]), (1, &"unreachable".into()));
}

#[test]
fn a_refused_message_is_retried_or_given_up_by_an_operator() {
    let world = World::start();
    let application = Application::new("refused", world.url(), "Geheim1");
    let first = application.put("2041");
    application.dispatch();
    let output = application.run(&["show", &first, "--message"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("the server has it"), "{}", stderr(&output));

    // Another application that has no versions is in conflict.
    let other = Application::new("refused-too", world.url(), "Geheim1");
    let (conflict, behind) = (other.put("2041"), other.put("2041"));
    other.dispatch();
    let output = other.run(&["show", &conflict]);
    assert!(stdout(&output).contains("error:        conflict"), "{}", stdout(&output));
    let advice = stderr(&output);
    assert!(
        advice.contains("newer version") && advice.contains("A later message about the same resource waits"),
        "{advice}"
    );
    assert!(advice.contains(&format!("koppeltaal outbox give-up {conflict}")), "{advice}");

    let output = other.run(&["retry", &conflict]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(other.json(&["list"])[0]["state"], "waiting");
    let output = other.run(&["give-up", &conflict]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let output = other.run(&["retry", &conflict]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("given-up"), "{}", stderr(&output));
    assert_eq!(other.json(&["list"])[0]["identifier"], Value::from(behind));

    other.dispatch();
    let output = other.run(&["give-up", "--all"]);
    assert!(stdout(&output).starts_with("1 given up"), "{}", stderr(&output));
    assert_eq!(other.json(&["forget", "--older-than", "0"])[0]["count"], 2);
    let output = other.run(&["show", &conflict]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("koppeltaal outbox list"), "{}", stderr(&output));
}

#[cfg(unix)]
#[test]
fn an_outbox_is_watched_until_ctrl_c() {
    use std::io::{BufRead as _, BufReader};
    let application = Application::new("watched", "http://127.0.0.1:9", "Geheim1");
    let mut watch = command(&["outbox", "--database", &application.file, "watch", "--interval", "1"]);
    let mut watch = watch.stdout(Stdio::piped()).spawn().expect("the binary runs");
    let mut lines =
        BufReader::new(watch.stdout.take().expect("piped")).lines().map(|line| line.expect("a line"));
    assert!(lines.next().expect("a line").starts_with("0 waiting"));
    application.put("2041");
    assert!(lines.next().expect("a line").starts_with("1 waiting"));
    application.dispatch();
    assert!(lines.any(|line| line.contains("unreachable, attempt 1")));
    interrupt(&watch);
    assert_eq!(watch.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_database_without_the_tables_or_with_a_password_in_the_argument_is_refused() {
    let run = |database: &[&str]| {
        let mut command = command(&[&["outbox", "list"][..], database].concat());
        command.stdin(Stdio::null()).output().expect("the binary runs")
    };
    for (database, expected) in [
        (&[][..], "KOPPELTAAL_DATABASE"),
        (&["--database", "nowhere.db"], "nowhere.db"),
        (&["--database", "README.md"], "README.md"),
        (&["--database", "postgresql://portal:Geheim1@db.example/portal"], "PGPASSWORD"),
        (&["--database", "postgresql://db.example/portal?nothing=1"], "postgresql://USER@HOST/NAME"),
    ] {
        let output = run(database);
        assert_eq!(output.status.code(), Some(2), "{database:?}");
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
        assert!(!stderr(&output).contains("Geheim1"), "{}", stderr(&output));
    }
    assert!(!crate::support::fixtures().join("nowhere.db").exists(), "no file is made");
}

#[test]
fn versions_are_listed_and_learned_again() {
    let world = World::start();
    world.done("portal", &["send", PLAN]);
    let known = world.json("portal", &["versions", "list"]);
    let plan = known.iter().find(|known| known["resource"] == "https://portal.example/fhir/CarePlan/910");
    assert_eq!(plan.expect("the plan")["domain"], "Zonnedauw");
    assert!(world.json("portal", &["versions", "list", "--domain", "Elsewhere"]).is_empty());

    // The game has the message in its queue, and its file of versions is new.
    let file = world.file("game.db");
    world
        .json("game", &["receive", "--ack", "none", "--versions", &file, "--event", "CreateOrUpdatePatient"]);
    let game = ["--database", file.as_str(), "--domain", "Zonnedauw"];
    assert!(world.json("game", &[&["versions", "list"][..], &game].concat()).is_empty());
    let plan = "https://portal.example/fhir/CarePlan/910";
    let learned = world.json("game", &[&["versions", "relearn", plan][..], &game].concat());
    assert!(learned[0]["url"].as_str().is_some_and(|url| url.starts_with(&format!("{plan}/_history/"))));
    assert_eq!(world.json("game", &[&["versions", "list"][..], &game].concat())[0]["resource"], plan);
    let output = world.run(
        "game",
        &[&["versions", "relearn", "https://portal.example/fhir/CarePlan/1"][..], &game].concat(),
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("CarePlan/1"), "{}", stderr(&output));
}

/// `cargo xtask interop postgresql` starts a server, and runs this test with its address.
#[test]
#[ignore = "needs a PostgreSQL server: cargo xtask interop postgresql"]
fn the_outbox_and_the_versions_in_postgresql_are_shown_and_settled() {
    use koppeltaal::VersionStore as _;
    use koppeltaal::deadpool_postgres::tokio_postgres::{Config, NoTls};
    use koppeltaal::deadpool_postgres::{Manager, Pool};

    let address = std::env::var("KOPPELTAAL_TEST_POSTGRESQL").expect("the address of a server");
    let part = |name: &str| {
        let part = address.split(' ').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        part.expect("a part of the address").to_owned()
    };
    let url = |name: &str| format!("postgresql://{}@{}:{}/{name}", part("user"), part("host"), part("port"));
    let pool = |url: String| {
        let config: Config = url.parse().expect("a URL");
        Pool::builder(Manager::new(config, NoTls)).build().expect("a pool")
    };
    let runtime = Runtime::new().expect("a runtime");
    let name = format!("koppeltaal_cli_{}", std::process::id());
    runtime.block_on(async {
        let client = pool(url("postgres")).get().await.expect("a connection");
        client.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("a database");
    });
    let run = |arguments: &[&str]| {
        let mut command = command(arguments);
        command.env("KOPPELTAAL_DATABASE", url(&name)).stdin(Stdio::null()).output().expect("the binary runs")
    };
    let output = run(&["outbox", "list"]);
    assert_eq!(output.status.code(), Some(2), "there are no tables yet");
    assert!(stderr(&output).contains("database of the application"), "{}", stderr(&output));

    let application = Application::new("postgresql", "http://127.0.0.1:9", "Geheim1");
    let message = application.message("2041");
    runtime.block_on(async {
        let pool = pool(url(&name));
        let _tables = Outbox::postgresql(pool.clone()).await.expect("an outbox");
        let versions = koppeltaal::PostgresqlVersionStore::open(pool.clone()).await.expect("a store");
        let version = "https://epd.example/fhir/Patient/2041/_history/2020-08-15T07:33:55:708.2583";
        versions.record("Zonnedauw", &[version.parse().expect("a URL")]).await.expect("recorded");
        let mut client = pool.get().await.expect("a connection");
        let transaction = client.transaction().await.expect("a transaction");
        message.put_postgresql(&transaction).await.expect("put");
        transaction.commit().await.expect("committed");
    });
    let output = run(&["outbox", "list"]);
    assert!(stdout(&output).contains(message.identifier()), "{}", stderr(&output));
    let output = run(&["outbox", "give-up", message.identifier()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    for (domain, lines) in [("Zonnedauw", 1), ("Elsewhere", 0)] {
        let output = run(&["versions", "list", "--domain", domain]);
        assert_eq!(stdout(&output).lines().count(), lines, "{}", stderr(&output));
    }
}
