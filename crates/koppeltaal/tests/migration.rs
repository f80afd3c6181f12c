//! The tables are made apart from the start of the application, by the crate or by an administrator.

#[path = "support/application.rs"]
mod application;
#[cfg(feature = "postgresql")]
#[allow(dead_code, reason = "the other tests use the rest of it")]
#[path = "support/schema.rs"]
mod support;

use std::path::Path;

use koppeltaal::rusqlite::Connection;
use koppeltaal::{
    DeadLetters, Outbox, OutboxError, SqliteVersionStore, TableError, VersionStoreError, migrate_sqlite,
};

use application::Result;

const SCRIPT: &str = include_str!("../sql/sqlite.sql");

/// The statements of all tables and indexes in a file.
fn schema(path: &Path) -> Result<Vec<String>> {
    let connection = Connection::open(path)?;
    let mut select = connection.prepare(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' ORDER BY name",
    )?;
    let rows = select.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<koppeltaal::rusqlite::Result<_>>()?)
}

#[tokio::test]
async fn an_application_opens_tables_that_were_made_before_and_makes_none_itself() -> Result {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("epd.db");
    let error = Outbox::sqlite_without_migration(&path).err();
    assert!(matches!(error, Some(OutboxError::Database { .. })) && !path.exists(), "{error:?}");

    Connection::open(&path)?.execute_batch("CREATE TABLE patient (id INTEGER)")?;
    let error = Outbox::sqlite_without_migration(&path).err();
    assert!(matches!(error, Some(OutboxError::Format { found: 0, known: 1.. })), "{error:?}");
    let error = SqliteVersionStore::open_without_migration(&path).err();
    assert!(matches!(error, Some(VersionStoreError::Format { found: 0, known: 1.. })), "{error:?}");
    assert_eq!(schema(&path)?.len(), 1);

    migrate_sqlite(&path)?;
    let migrated = schema(&path)?;
    Outbox::sqlite_without_migration(&path)?;
    SqliteVersionStore::open_without_migration(&path)?;
    migrate_sqlite(&path)?;
    assert_eq!(schema(&path)?, migrated, "a second migration changes nothing");
    Ok(())
}

#[tokio::test]
async fn the_script_makes_the_tables_that_the_crate_makes() -> Result {
    let directory = tempfile::tempdir()?;
    let [by_script, by_crate, by_opening] =
        ["script.db", "crate.db", "opening.db"].map(|name| directory.path().join(name));
    Connection::open(&by_script)?.execute_batch(SCRIPT)?;
    migrate_sqlite(&by_crate)?;
    Outbox::sqlite(&by_opening)?;
    SqliteVersionStore::open(&by_opening)?;
    DeadLetters::sqlite(&by_opening)?;
    assert_eq!(schema(&by_script)?, schema(&by_crate)?);
    assert_eq!(schema(&by_opening)?, schema(&by_crate)?);
    Outbox::sqlite_without_migration(&by_script)?;
    SqliteVersionStore::open_without_migration(&by_script)?;
    DeadLetters::sqlite_without_migration(&by_script)?;
    Ok(())
}

#[tokio::test]
async fn tables_of_every_earlier_format_are_brought_up_to_date() -> Result {
    let directory = tempfile::tempdir()?;
    let new = directory.path().join("new.db");
    Outbox::sqlite(&new)?;
    let ends: Vec<_> = SCRIPT.match_indices("\n-- step: outbox ").map(|(end, _)| end).skip(1).collect();
    assert!(!ends.is_empty());
    for end in ends {
        let path = directory.path().join(format!("old{end}.db"));
        Connection::open(&path)?.execute_batch(&SCRIPT[..end])?;
        let error = Outbox::sqlite_without_migration(&path).err();
        assert!(matches!(error, Some(OutboxError::Format { found: 1.., .. })), "{error:?}");
        Outbox::sqlite(&path)?;
        assert_eq!(schema(&path)?, schema(&new)?);
    }
    Ok(())
}

#[tokio::test]
async fn tables_of_a_later_version_are_left_alone() -> Result {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("epd.db");
    migrate_sqlite(&path)?;
    Connection::open(&path)?.execute("UPDATE koppeltaal_format SET format = 99", [])?;
    let error = migrate_sqlite(&path).err();
    assert!(matches!(error, Some(TableError::Format { found: 99, .. })), "{error:?}");
    let error = Outbox::sqlite_without_migration(&path).err();
    assert!(matches!(error, Some(OutboxError::Format { found: 99, .. })), "{error:?}");
    Ok(())
}

#[cfg(feature = "postgresql")]
mod postgresql {
    use koppeltaal::transport::Format;
    use koppeltaal::{PostgresqlVersionStore, VersionStore as _, migrate_postgresql};
    use koppeltaal_sandbox::{Instance, SandboxConfig};

    use super::*;
    use crate::application::{DOMAIN, connector, patient};

    #[tokio::test]
    #[ignore = "needs a PostgreSQL server: cargo xtask interop postgresql"]
    async fn a_role_that_may_make_no_tables_runs_the_outbox_and_the_version_store() -> Result {
        let (schema, of_owner) = support::named_schema().await;
        let role = format!("{schema}_application");
        of_owner
            .get()
            .await?
            .batch_execute(&format!("CREATE ROLE {role}; GRANT USAGE ON SCHEMA {schema} TO {role}"))
            .await?;
        let pool = support::postgresql::schema_with(&schema, &format!("-c role={role}"));
        let error = Outbox::postgresql(pool.clone()).await.err().ok_or("the role may not make tables")?;
        assert!(error.to_string().contains("SQLSTATE 42501"), "{error}");
        let error = Outbox::postgresql_without_migration(of_owner.clone()).await.err();
        assert!(matches!(error, Some(OutboxError::Format { found: 0, known: 1.. })), "{error:?}");

        migrate_postgresql(&of_owner).await?;
        let grants = "GRANT SELECT ON koppeltaal_format TO application;
             GRANT SELECT, INSERT, UPDATE, DELETE
                 ON koppeltaal_outbox, koppeltaal_version, koppeltaal_dead_letter TO application";
        for grant in grants.lines().map(str::trim) {
            assert!(include_str!("../sql/postgresql.sql").contains(grant), "{grant}");
        }
        of_owner.get().await?.batch_execute(&grants.replace("TO application", &format!("TO {role}"))).await?;

        let sandbox = SandboxConfig::new().instance(Instance::new("epd", "secret", DOMAIN)).start().await?;
        let versions = PostgresqlVersionStore::open(pool.clone()).await?;
        let epd = connector(sandbox.url(), "epd", Format::Json, versions)?;
        let outbox = Outbox::postgresql(pool.clone()).await?;
        let message = epd.outgoing(epd.draft("3007", patient("Mees"))?)?;
        let mut client = pool.get().await?;
        let transaction = client.transaction().await?;
        message.put_postgresql(&transaction).await?;
        transaction.commit().await?;
        assert_eq!(outbox.dispatcher(epd).run_once().await?.sent, 1);
        outbox.forget(std::time::Duration::ZERO).await?;

        let versions = PostgresqlVersionStore::open_without_migration(pool.clone()).await?;
        assert!(versions.versions(DOMAIN, &[]).await?.is_empty());
        migrate_postgresql(&pool).await?;
        Ok(())
    }

    #[tokio::test]
    #[ignore = "needs a PostgreSQL server: cargo xtask interop postgresql"]
    async fn the_script_of_postgresql_makes_all_tables() -> Result {
        let pool = support::fresh_schema().await;
        pool.get().await?.batch_execute(include_str!("../sql/postgresql.sql")).await?;
        Outbox::postgresql_without_migration(pool.clone()).await?;
        PostgresqlVersionStore::open_without_migration(pool.clone()).await?;
        DeadLetters::postgresql_without_migration(pool).await?;
        Ok(())
    }
}
