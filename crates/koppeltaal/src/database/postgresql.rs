//! A `PostgreSQL` database, reached through the application's pool of connections: so the application decides about TLS, and
//! connections that broke are replaced.

use deadpool_postgres::Pool;

use super::{DatabaseError, Part};

/// The key of the advisory lock that whoever makes tables holds: "koppelta" as a number.
const MIGRATION_LOCK: i64 = i64::from_be_bytes(*b"koppelta");

/// Brings the tables of a part up to date. Any number of processes may do so at once.
pub(crate) async fn migrate(pool: &Pool, part: &Part) -> Result<(), DatabaseError> {
    let mut client = pool.get().await?;
    let transaction = client.transaction().await?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK]).await?;
    transaction
        .batch_execute(
            "CREATE TABLE IF NOT EXISTS koppeltaal_format (part text PRIMARY KEY, format bigint NOT NULL)",
        )
        .await?;
    let row =
        transaction.query_opt("SELECT format FROM koppeltaal_format WHERE part = $1", &[&part.name]).await?;
    for step in part.steps_after(row.map_or(0, |row| row.get(0)))? {
        transaction.batch_execute(step).await?;
    }
    transaction
        .execute(
            "INSERT INTO koppeltaal_format (part, format) VALUES ($1, $2)
             ON CONFLICT (part) DO UPDATE SET format = excluded.format",
            &[&part.name, &part.format()],
        )
        .await?;
    Ok(transaction.commit().await?)
}
