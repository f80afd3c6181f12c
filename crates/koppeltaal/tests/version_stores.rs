//! The promises of every version store, checked for each store by the same functions. After them come the
//! tests of what only one store has.

#[cfg(feature = "postgresql")]
#[path = "support/schema.rs"]
mod support;

use std::sync::Arc;

use koppeltaal::messaging::ResourceUrl;
use koppeltaal::{MemoryVersionStore, VersionStore};

const BASE: &str = "https://portal.example/fhir";

fn patient(id: &str) -> ResourceUrl {
    ResourceUrl::new(BASE, "Patient", id).expect("URL")
}

fn versioned(id: &str, version: &str) -> ResourceUrl {
    patient(id).with_version(version).expect("version")
}

/// The versions of these patients.
async fn known(store: &dyn VersionStore, domain: &str, ids: &[&str]) -> Vec<Option<String>> {
    let urls: Vec<_> = ids.iter().map(|id| patient(id)).collect();
    let versions = store.versions(domain, &urls).await.expect("versions");
    versions.into_iter().map(|url| Some(url?.version()?.to_owned())).collect()
}

/// The promises of every store. The caller names the domain, so that tests can share a database.
async fn keeps_its_promises(store: Arc<dyn VersionStore>, domain: &str) {
    let other_domain = format!("{domain}-other");
    assert_eq!(known(&*store, domain, &["1", "2"]).await, [None, None]);
    assert_eq!(known(&*store, domain, &[]).await, [] as [Option<String>; 0]);
    store.record(domain, &[]).await.expect("nothing to record");

    // Answers are per domain and in the order of the addresses, even if an address is asked for twice. An
    // address without a version is not recorded.
    let first = [versioned("1", "2020-08-15T07:33:55:708.2583"), versioned("2", "a"), patient("3")];
    store.record(domain, &first).await.expect("record");
    let one = || Some("2020-08-15T07:33:55:708.2583".to_owned());
    assert_eq!(
        known(&*store, domain, &["2", "3", "1", "9", "1"]).await,
        [Some("a".to_owned()), None, one(), None, one()]
    );
    assert_eq!(known(&*store, &other_domain, &["1"]).await, [None]);
    store.record(&other_domain, &[versioned("1", "z")]).await.expect("record");
    assert_eq!(known(&*store, domain, &["1"]).await, [one()]);

    // An address with a version is answered with the known version.
    let answer = store.versions(domain, &[versioned("2", "old")]).await.expect("versions");
    assert_eq!(answer, [Some(versioned("2", "a"))]);

    // An older version never replaces a newer one, in one call or in several. Versions are compared byte by
    // byte, as the server does, not by the collation of a language.
    let disorder = [versioned("4", "2"), versioned("4", "3"), versioned("4", "1")];
    store.record(domain, &disorder).await.expect("record");
    store.record(domain, &[versioned("4", "2")]).await.expect("record");
    store
        .record(domain, &[versioned("2", "B"), versioned("5", "B"), versioned("6", "a-b")])
        .await
        .expect("record");
    store.record(domain, &[versioned("5", "a"), versioned("6", "aa")]).await.expect("record");
    assert_eq!(
        known(&*store, domain, &["4", "2", "5", "6"]).await,
        ["3", "a", "a", "aa"].map(|version| Some(version.to_owned()))
    );

    // Addresses are case-sensitive.
    store.record(domain, &[versioned("x", "1"), versioned("X", "2")]).await.expect("record");
    assert_eq!(known(&*store, domain, &["x", "X"]).await, [Some("1".to_owned()), Some("2".to_owned())]);

    many_at_once_end_with_the_newest(store, domain).await;
}

/// A list of versions by pages: each page as `id version`, of this domain.
#[cfg(any(feature = "sqlite", feature = "postgresql"))]
macro_rules! pages_of {
    ($store:expr, $domain:expr, $limit:expr) => {{
        let mut filter = koppeltaal::VersionFilter::new().domain($domain);
        let mut pages = Vec::new();
        loop {
            let page = $store.list(&filter, $limit).await.expect("a page");
            let Some(last) = page.last() else { break };
            filter = filter.after(last);
            let line = |known: &koppeltaal::KnownVersion| {
                format!("{} {}", known.url.id(), known.url.version().expect("a version"))
            };
            pages.push(page.iter().map(line).collect::<Vec<_>>());
        }
        pages
    }};
}

/// What a list of versions promises, for each store in a database.
#[cfg(any(feature = "sqlite", feature = "postgresql"))]
macro_rules! lists_versions_by_pages {
    ($store:expr) => {{
        let store = $store;
        let versions = ["3", "1", "2"].map(|id| versioned(id, "a"));
        store.record("Zonnedauw", &versions).await.expect("record");
        store.record("Elsewhere", &[versioned("9", "b")]).await.expect("record");
        assert_eq!(pages_of!(store, "Zonnedauw", 2), [vec!["1 a", "2 a"], vec!["3 a"]]);
        assert_eq!(pages_of!(store, "Nowhere", 2), [] as [Vec<String>; 0]);
        let all = store.list(&koppeltaal::VersionFilter::new(), 3).await.expect("a page");
        let domains: Vec<_> = all.iter().map(|known| known.domain.as_str()).collect();
        assert_eq!(domains, ["Elsewhere", "Zonnedauw", "Zonnedauw"]);
        // The next page begins after the last version, also in another domain.
        let first = koppeltaal::VersionFilter::new().after(&all[0]);
        assert_eq!(store.list(&first, 10).await.expect("a page").len(), 3);
    }};
}

/// Tasks that record the same resources at the same time, in opposite orders, neither block each other nor
/// lose anything.
async fn many_at_once_end_with_the_newest(store: Arc<dyn VersionStore>, domain: &str) {
    let tasks = (0..8).map(|task| {
        let (store, domain) = (Arc::clone(&store), domain.to_owned());
        tokio::spawn(async move {
            for step in 0..10 {
                let version = format!("v{:03}", step * 8 + task);
                let mut urls: Vec<_> = (0..20).map(|id| versioned(&format!("many{id}"), &version)).collect();
                if task % 2 == 0 {
                    urls.reverse();
                }
                store.record(&domain, &urls).await.expect("record");
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("task");
    }
    let newest = Some("v079".to_owned());
    assert_eq!(known(&*store, domain, &["many0", "many7", "many19"]).await, [&newest; 3].map(Clone::clone));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_in_memory_keeps_its_promises() {
    keeps_its_promises(Arc::new(MemoryVersionStore::new()), "Zonnedauw").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shared_or_boxed_store_is_a_store_itself() {
    let shared = Arc::new(MemoryVersionStore::new());
    let chosen: Box<dyn VersionStore> = Box::new(Arc::clone(&shared));
    keeps_its_promises(Arc::new(chosen), "Zonnedauw").await;
    assert_eq!(known(&*shared, "Zonnedauw", &["4"]).await, [Some("3".to_owned())]);
}

#[tokio::test]
async fn debug_output_of_a_store_names_nobody() {
    let store = MemoryVersionStore::new();
    store.record("Zonnedauw", &[versioned("3007", "1")]).await.expect("record");
    assert_eq!(format!("{store:?}"), "MemoryVersionStore { resources: 1 }");
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use koppeltaal::rusqlite::Connection;
    use koppeltaal::{SqliteVersionStore, VersionStoreError};

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_store_in_a_file_keeps_its_promises() {
        let directory = tempfile::tempdir().expect("directory");
        let store = SqliteVersionStore::open(directory.path().join("versions.db")).expect("store");
        keeps_its_promises(Arc::new(store), "Zonnedauw").await;
    }

    #[tokio::test]
    async fn a_file_keeps_versions_and_can_be_shared_by_several_stores_and_the_application() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("application.db");
        let application = Connection::open(&path).expect("database");
        application.execute_batch("CREATE TABLE plan (id TEXT)").expect("table");

        let store = SqliteVersionStore::open(&path).expect("store");
        store.record("Zonnedauw", &[versioned("1", "a")]).await.expect("record");
        let other = SqliteVersionStore::open(&path).expect("second store");
        assert_eq!(known(&other, "Zonnedauw", &["1"]).await, [Some("a".to_owned())]);
        other.record("Zonnedauw", &[versioned("1", "b")]).await.expect("record");
        assert_eq!(known(&store, "Zonnedauw", &["1"]).await, [Some("b".to_owned())]);
        application.execute_batch("INSERT INTO plan VALUES ('1')").expect("the application's own table");
        drop((store, other));

        let again = SqliteVersionStore::open(&path).expect("store");
        assert_eq!(known(&again, "Zonnedauw", &["1"]).await, [Some("b".to_owned())]);
    }

    #[tokio::test]
    async fn versions_are_listed_by_pages() {
        let directory = tempfile::tempdir().expect("directory");
        lists_versions_by_pages!(SqliteVersionStore::open(directory.path().join("v.db")).expect("store"));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_new_file_and_those_beside_it_are_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;

        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("versions.db");
        let store = SqliteVersionStore::open(&path).expect("store");
        store.record("Zonnedauw", &[versioned("1", "a")]).await.expect("record");
        let mode = |name: &str| {
            let file = std::fs::metadata(directory.path().join(name)).expect("file");
            file.permissions().mode() & 0o777
        };
        assert_eq!(["versions.db", "versions.db-wal", "versions.db-shm"].map(mode), [0o600; 3]);

        // A file that existed before belongs to the application and keeps its rights.
        let own = directory.path().join("own.db");
        std::fs::write(&own, "").expect("file");
        std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o640)).expect("mode");
        SqliteVersionStore::open(&own).expect("store");
        assert_eq!(mode("own.db"), 0o640);
    }

    #[test]
    fn a_new_file_can_be_opened_by_many_at_once() {
        for _ in 0..20 {
            let directory = tempfile::tempdir().expect("directory");
            let path = directory.path().join("versions.db");
            let start = std::sync::Barrier::new(8);
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        start.wait();
                        SqliteVersionStore::open(&path).expect("store");
                    });
                }
            });
        }
    }

    #[tokio::test]
    async fn tables_of_a_later_format_are_left_alone() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("versions.db");
        drop(SqliteVersionStore::open(&path).expect("store"));
        let file = Connection::open(&path).expect("database");
        file.execute("UPDATE koppeltaal_format SET format = 99", []).expect("update");
        let error = SqliteVersionStore::open(&path).err();
        assert!(matches!(error, Some(VersionStoreError::Format { found: 99, known: 1 })), "{error:?}");
    }

    #[tokio::test]
    async fn what_is_no_version_or_no_database_is_an_error() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("versions.db");
        let store = SqliteVersionStore::open(&path).expect("store");
        store.record("Zonnedauw", &[versioned("1", "a")]).await.expect("record");
        let file = Connection::open(&path).expect("database");
        file.execute("UPDATE koppeltaal_version SET version = ''", []).expect("update");
        let error = store.versions("Zonnedauw", &[patient("1")]).await;
        assert!(
            matches!(&error, Err(VersionStoreError::Damaged { resource_type }) if resource_type == "Patient")
        );
        let error = store.list(&koppeltaal::VersionFilter::new(), 10).await;
        assert!(
            matches!(&error, Err(VersionStoreError::Damaged { resource_type }) if resource_type == "Patient")
        );

        file.execute_batch("DROP TABLE koppeltaal_version").expect("drop");
        let error = store.record("Zonnedauw", &[versioned("1", "b")]).await;
        assert!(matches!(error, Err(VersionStoreError::Database { .. })));

        let text = directory.path().join("notes.txt");
        std::fs::write(&text, "This is no database, but quite a long text. ".repeat(50)).expect("file");
        assert!(matches!(SqliteVersionStore::open(&text), Err(VersionStoreError::Database { .. })));
        let missing = directory.path().join("missing").join("versions.db");
        for open in [SqliteVersionStore::open, SqliteVersionStore::open_without_migration] {
            let error = open(missing.clone()).expect_err("there is no such folder").to_string();
            assert!(error.contains(&missing.display().to_string()), "{error}");
            assert!(error.ends_with("; make its folder first, since only the file is made"), "{error}");
        }
        let missing = directory.path().join("versions-2.db");
        let error = SqliteVersionStore::open_without_migration(&missing).expect_err("no file").to_string();
        assert!(error.contains(&missing.display().to_string()), "{error}");
        assert!(error.contains("see whether the file and its folder are there"), "{error}");
    }
}

#[cfg(feature = "postgresql")]
mod postgresql {
    use koppeltaal::{PostgresqlVersionStore, VersionStoreError};

    use super::*;
    use crate::support::{fresh_schema, fresh_schema_with};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs a PostgreSQL server: cargo xtask interop postgresql"]
    async fn the_store_in_a_server_keeps_its_promises() {
        let pool = fresh_schema().await;
        let store = PostgresqlVersionStore::open(pool.clone()).await.expect("store");
        keeps_its_promises(Arc::new(store), "Zonnedauw").await;
        let again = PostgresqlVersionStore::open(pool).await.expect("store");
        assert_eq!(known(&again, "Zonnedauw", &["4"]).await, [Some("3".to_owned())]);
    }

    #[tokio::test]
    #[ignore = "needs a PostgreSQL server: cargo xtask interop postgresql"]
    async fn versions_are_listed_by_pages() {
        lists_versions_by_pages!(PostgresqlVersionStore::open(fresh_schema().await).await.expect("store"));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs a PostgreSQL server: cargo xtask interop postgresql"]
    async fn the_store_does_not_depend_on_the_isolation_that_the_database_has_by_default() {
        for level in ["read committed", "repeatable read", "serializable"] {
            let pool = fresh_schema_with(level).await;
            let row =
                pool.get().await.expect("connection").query_one("SHOW transaction_isolation", &[]).await;
            assert_eq!(row.expect("level").get::<_, String>(0), level);
            let store = PostgresqlVersionStore::open(pool).await.expect("store");
            keeps_its_promises(Arc::new(store), "Zonnedauw").await;
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs a PostgreSQL server: cargo xtask interop postgresql"]
    async fn many_processes_may_make_the_tables_at_once() {
        let pool = fresh_schema().await;
        let opening: Vec<_> =
            (0..8).map(|_| tokio::spawn(PostgresqlVersionStore::open(pool.clone()))).collect();
        for store in opening {
            store.await.expect("task").expect("store");
        }
    }

    #[tokio::test]
    #[ignore = "needs a PostgreSQL server: cargo xtask interop postgresql"]
    async fn tables_of_a_later_format_are_left_alone() {
        let pool = fresh_schema().await;
        PostgresqlVersionStore::open(pool.clone()).await.expect("store");
        let client = pool.get().await.expect("connection");
        client.execute("UPDATE koppeltaal_format SET format = 99", &[]).await.expect("update");
        let error = PostgresqlVersionStore::open(pool).await.err();
        assert!(matches!(error, Some(VersionStoreError::Format { found: 99, known: 1 })), "{error:?}");
    }
}
