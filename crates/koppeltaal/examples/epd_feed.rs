//! An EPD that feeds Koppeltaal: patients are saved in its own `SQLite` database, and the message about each
//! goes into the outbox in the same transaction. A dispatcher delivers them, whatever happens to the process
//! or the server meanwhile.
//!
//! `echo '3007;Mees;Duinroos' | cargo run -p koppeltaal --features sqlite --example epd_feed` with
//! `koppeltaal sandbox` running, or another server in `KOPPELTAAL_SERVER`. It reads patients from standard
//! input, one `id;given names;family name` on a line, and ends when all are delivered. Its database is the
//! file that is its argument, or `koppeltaal-epd.db` in the temporary folder.
//!
//! It is a job that ends. A service keeps `dispatcher.run_until(shutdown())` running beside its own work, as
//! the example `postgresql` does; with this database, only the two lines differ that open it.

#[path = "common/shared.rs"]
mod common;

use koppeltaal::fhir::datatypes::HumanName;
use koppeltaal::messaging::profiles::Patient;
use koppeltaal::rusqlite::{Connection, params};
use koppeltaal::{Connector, Outbox, SqliteVersionStore};

use common::{Result, connector, temporary_file};

#[tokio::main]
async fn main() -> Result {
    let file = std::env::args().nth(1).unwrap_or_else(|| temporary_file("koppeltaal-epd.db"));
    let outbox = Outbox::sqlite(&file)?;
    let epd =
        connector(("Tiny EPD", "https://epd.example/fhir"), "portal", SqliteVersionStore::open(&file)?)?;
    let mut database = Connection::open(&file)?;
    database.execute_batch(
        "CREATE TABLE IF NOT EXISTS patient (id TEXT PRIMARY KEY, given TEXT NOT NULL, family TEXT NOT NULL)",
    )?;

    for (index, line) in std::io::stdin().lines().enumerate() {
        let line = line?;
        let [id, given, family] = line.split(';').map(str::trim).collect::<Vec<_>>()[..] else {
            return Err(format!("line {}: expected `id;given names;family name`", index + 1).into());
        };
        save(&epd, &mut database, id, given, family)?;
    }

    let report = outbox.dispatcher(epd).on_problem(|problem| eprintln!("{problem}")).run_once().await?;
    println!("{report:?}");
    for entry in outbox.problems(100).await? {
        eprintln!("{} is {}: {:?}", entry.identifier, entry.state, entry.last_error);
    }
    let left = outbox.summary().await?.open();
    if left == 0 {
        Ok(())
    } else {
        Err(format!("{left} messages are not delivered; run it again later").into())
    }
}

/// Saves a patient and hands over the message about it, in one transaction.
fn save(epd: &Connector, database: &mut Connection, id: &str, given: &str, family: &str) -> Result {
    let name = HumanName {
        given: given.split_whitespace().map(Into::into).collect(),
        family: vec![family.into()],
        ..HumanName::default()
    };
    let message = epd.outgoing(epd.draft(id, Patient { name: vec![name], ..Patient::default() })?)?;
    let transaction = database.transaction()?;
    transaction.execute(
        "INSERT INTO patient VALUES (?1, ?2, ?3)
         ON CONFLICT (id) DO UPDATE SET given = excluded.given, family = excluded.family",
        params![id, given, family],
    )?;
    message.put_sqlite(&transaction)?;
    transaction.commit()?;
    Ok(())
}
