//! An EPD that runs until it is stopped, with its patients in `PostgreSQL`: a patient is saved, and the
//! message about it is handed over, in one transaction of tokio-postgres. The outbox and the versions are in
//! the same database.
//!
//! `cargo run -p koppeltaal --features postgresql --example postgresql` with a connection string such as
//! `host=127.0.0.1 user=postgres` in `EPD_DATABASE`, and with `koppeltaal sandbox` running, or another server
//! in `KOPPELTAAL_SERVER`. It reads patients from standard input, one `id;given names;family name` on a line.
//! Ctrl-C and SIGTERM stop it after the attempts to send that are under way. Other messages wait in the
//! outbox until it runs again.
//!
//! Without a database it says how to get one, and exits with 2.

#[path = "common/shared.rs"]
mod common;

use std::process::ExitCode;

use koppeltaal::deadpool_postgres::tokio_postgres::NoTls;
use koppeltaal::deadpool_postgres::{Manager, Pool, Runtime};
use koppeltaal::fhir::datatypes::HumanName;
use koppeltaal::messaging::profiles::Patient;
use koppeltaal::{Connector, Outbox, PostgresqlVersionStore};
use tokio::sync::mpsc;

use common::{Result, connector, shutdown};

const NO_DATABASE: &str = "\
Set EPD_DATABASE to the connection string of a PostgreSQL database. To get one for a while:

    docker run --rm -p 5432:5432 -e POSTGRES_HOST_AUTH_METHOD=trust postgres
    export EPD_DATABASE='host=127.0.0.1 user=postgres'";

/// A database that is not there is the user's affair, and no failure of the program.
const EXIT_NO_DATABASE: u8 = 2;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let pool = match database().await {
        Ok(pool) => pool,
        Err(error) => {
            eprintln!("{error}\n\n{NO_DATABASE}");
            return Ok(EXIT_NO_DATABASE.into());
        }
    };
    pool.get()
        .await?
        .batch_execute(
            "CREATE TABLE IF NOT EXISTS patient (id text PRIMARY KEY, given text NOT NULL, family text NOT NULL)",
        )
        .await?;
    let versions = PostgresqlVersionStore::open(pool.clone()).await?;
    let outbox = Outbox::postgresql(pool.clone()).await?;
    let epd = connector(("Tiny EPD", "https://epd.example/fhir"), "portal", versions)?;

    let dispatcher = outbox.dispatcher(epd.clone()).on_problem(|problem| eprintln!("{problem}"));
    let mut lines = standard_input();
    let save_all = async {
        while let Some(line) = lines.recv().await {
            match save(&epd, &pool, &line).await {
                Ok(()) => outbox.wake(),
                Err(error) => eprintln!("a patient is not saved: {error}"),
            }
        }
        // There may be messages to send although no patient comes any more.
        std::future::pending::<()>().await;
    };
    // Dropping `save_all` rolls a transaction back that is not committed yet.
    let stop = async {
        tokio::select! {
            () = shutdown() => {}
            () = save_all => {}
        }
    };
    println!("the EPD waits for patients");
    let report = dispatcher.run_until(stop).await;
    println!("stopped: {report:?}, {} messages wait", outbox.summary().await?.open());
    Ok(ExitCode::SUCCESS)
}

/// A pool for the application, the outbox and the version store.
async fn database() -> Result<Pool> {
    let address = std::env::var("EPD_DATABASE").map_err(|_| "there is no EPD_DATABASE")?;
    let pool = Pool::builder(Manager::new(address.parse()?, NoTls)).runtime(Runtime::Tokio1).max_size(8);
    let pool = pool.build()?;
    // Fails here, and not at the first patient.
    drop(pool.get().await?);
    Ok(pool)
}

/// The lines of standard input. Reading blocks, so it has a thread, which ends with the process.
fn standard_input() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(1);
    std::thread::spawn(move || {
        std::io::stdin().lines().map_while(|line| sender.blocking_send(line.ok()?).ok()).count()
    });
    lines
}

/// Saves a patient and hands over the message about it, in one transaction.
async fn save(epd: &Connector, pool: &Pool, line: &str) -> Result {
    let [id, given, family] = line.split(';').map(str::trim).collect::<Vec<_>>()[..] else {
        return Err("expected `id;given names;family name`".into());
    };
    let name = HumanName {
        given: given.split_whitespace().map(Into::into).collect(),
        family: vec![family.into()],
        ..HumanName::default()
    };
    let message = epd.outgoing(epd.draft(id, Patient { name: vec![name], ..Patient::default() })?)?;
    let mut client = pool.get().await?;
    let transaction = client.transaction().await?;
    transaction
        .execute(
            "INSERT INTO patient VALUES ($1, $2, $3)
             ON CONFLICT (id) DO UPDATE SET given = excluded.given, family = excluded.family",
            &[&id, &given, &family],
        )
        .await?;
    message.put_postgresql(&transaction).await?;
    Ok(transaction.commit().await?)
}
