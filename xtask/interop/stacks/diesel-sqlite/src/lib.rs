//! An application that saves with diesel in SQLite, and hands messages over in its own transactions.

use diesel::sql_types::{BigInt, Text};
use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection, sql_query};
use koppeltaal::Outgoing;

pub type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Saves a patient and hands the message about the patient over: both or neither.
pub fn save(connection: &mut SqliteConnection, id: i64, family: &str, message: &Outgoing) -> Result {
    connection.transaction(|transaction| {
        put(message, transaction)?;
        let insert = sql_query("INSERT INTO patient (id, family) VALUES (?1, ?2)");
        insert.bind::<BigInt, _>(id).bind::<Text, _>(family).execute(transaction)?;
        Ok(())
    })
}

fn put(message: &Outgoing, transaction: &mut SqliteConnection) -> Result {
    let mut insert = sql_query(Outgoing::INSERT_SQLITE).into_boxed();
    for parameter in message.parameters() {
        insert = insert.bind::<Text, _>(parameter);
    }
    let rows = insert.execute(transaction)?;
    Ok(message.confirm(rows.try_into()?)?)
}
