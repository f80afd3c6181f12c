//! The outbox, the version store and diesel use one SQLite file.

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use koppeltaal::{Outbox, SqliteVersionStore};
use stack::{Result, save};

#[path = "../../epd.rs"]
mod epd;

#[tokio::test]
async fn a_message_is_sent_when_its_transaction_is_committed_and_not_when_it_is_rolled_back() -> Result {
    let sandbox = epd::sandbox().await?;
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("epd.db");
    let connector = epd::connector(&sandbox, SqliteVersionStore::open(&file)?)?;
    let outbox = Outbox::sqlite(&file)?;
    let mut connection = SqliteConnection::establish(file.to_str().ok_or("a path in UTF-8")?)?;
    connection.batch_execute(
        "PRAGMA busy_timeout = 30000; CREATE TABLE patient (id INTEGER PRIMARY KEY, family TEXT NOT NULL)",
    )?;

    let (first, second) = (epd::message(&connector, 3007)?, epd::message(&connector, 3008)?);
    save(&mut connection, 3007, "Duinroos", &first)?;
    save(&mut connection, 3007, "Duinroos", &second).expect_err("the patient is there already");
    epd::send_only(&connector, &outbox, &first, &second).await
}
