//! The change feed: nothing is lost, nothing comes twice, and own writes stay out.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use koppeltaal_r4::Primitive;
use koppeltaal_r4::primitives::Instant;
use koppeltaal2::profiles::Task;
use koppeltaal2::{Changes, Error, Position, Search};
use serde_json::Value;

use crate::server::{Reply, Server, page, task};

/// The Tasks of a server: id, version, status; the version is the second at which it was written, too.
type Tasks = Arc<Mutex<Vec<(u32, u32, &'static str)>>>;

/// A server that searches in the order of time, two on a page.
async fn server(tasks: &Tasks) -> Server {
    let tasks = tasks.clone();
    Server::start(move |asked| {
        let mut tasks = tasks.lock().expect("the tasks");
        match asked.on("Task") {
            "GET" if asked.target.contains('?') => {
                let query: Vec<(String, String)> =
                    form_urlencoded::parse(asked.target.split_once('?')?.1.as_bytes()).into_owned().collect();
                let value =
                    |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
                assert_eq!(value("_sort").as_deref(), Some("_lastUpdated"));
                let from = value("_lastUpdated")
                    .map(|text| text[text.len() - 7..text.len() - 5].parse().expect("seconds"));
                let offset: usize = value("offset").map_or(0, |offset| offset.parse().expect("a number"));
                let mut found: Vec<_> = tasks
                    .iter()
                    .filter(|(_, version, _)| from.is_none_or(|from: u32| *version >= from))
                    .collect();
                found.sort_by_key(|(_, version, _)| *version);
                let next = (offset + 2 < found.len()).then(|| {
                    let target = asked.target.split("&offset").next().unwrap_or_default();
                    format!("{target}&offset={}", offset + 2)
                });
                let found: Vec<Value> = found
                    .iter()
                    .skip(offset)
                    .take(2)
                    .map(|(id, version, status)| task(&id.to_string(), *version, status))
                    .collect();
                Some(Reply::json(200, &page(&found, next.as_deref())))
            }
            "GET" => {
                let id: u32 = asked.target.rsplit('/').next()?.parse().ok()?;
                let (id, version, status) = *tasks.iter().find(|(number, ..)| *number == id)?;
                Some(Reply::json(200, &task(&id.to_string(), version, status)))
            }
            "PUT" => {
                let id: u32 = asked.target.rsplit('/').next()?.parse().ok()?;
                let version = tasks.iter().map(|(_, version, _)| version + 1).max()?;
                tasks
                    .iter_mut()
                    .filter(|(number, ..)| *number == id)
                    .for_each(|task| *task = (id, version, "in-progress"));
                Some(Reply::json(200, &task(&id.to_string(), version, "in-progress")))
            }
            _ => None,
        }
    })
    .await
}

fn tasks(tasks: impl IntoIterator<Item = (u32, u32, &'static str)>) -> Tasks {
    Arc::new(Mutex::new(tasks.into_iter().collect()))
}

/// What is there now: id and version.
async fn now(changes: &mut Changes<Task>) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(task) = changes.next_now().await.expect("a search") {
        all.push(format!("{}v{}", task.id, task.version));
    }
    all
}

#[tokio::test]
async fn every_version_comes_once_in_the_order_of_time() {
    let tasks = tasks([(1, 3, "ready"), (2, 1, "ready"), (3, 2, "ready")]);
    let server = server(&tasks).await;
    let mut changes = server.connector().await.changes(Search::<Task>::new());
    assert_eq!(now(&mut changes).await, ["2v1", "3v2", "1v3"]);
    assert_eq!(now(&mut changes).await, Vec::<String>::new());
    tasks.lock().expect("the tasks")[1] = (2, 4, "completed");
    assert_eq!(now(&mut changes).await, ["2v4"]);
}

#[tokio::test]
async fn a_feed_continues_after_its_position_without_repeating() {
    let tasks = tasks((1..=5).map(|number| (number, number, "ready")));
    let server = server(&tasks).await;
    let connector = server.connector().await;
    let mut changes = connector.changes(Search::<Task>::new()).overlap(Duration::from_secs(2));
    for number in 1..=3 {
        assert_eq!(changes.next().await.expect("a task").id, number.to_string());
    }
    let position = changes.position().to_string();
    drop(changes);
    let mut changes = connector.changes(Search::<Task>::new()).overlap(Duration::from_secs(2));
    changes = changes.resume(&position.parse().expect("a position"));
    tasks.lock().expect("the tasks").push((6, 2, "ready"));
    assert_eq!(now(&mut changes).await, ["6v2", "4v4", "5v5"], "one became visible late");
    let asked = server.asked();
    assert!(asked.last().expect("a search").target.contains("_lastUpdated=ge2026-01-01T00%3A00%3A01.000Z"));
}

#[tokio::test]
async fn a_feed_can_begin_at_a_time() {
    let tasks = tasks((1..=9).map(|number| (number, number, "ready")));
    let server = server(&tasks).await;
    let changes = server.connector().await.changes(Search::<Task>::new()).overlap(Duration::from_secs(1));
    let start = Position::since(
        &"2026-01-01T00:00:08Z".parse::<Primitive<Instant>>().expect("a time").value.expect("a time"),
    );
    assert_eq!(now(&mut changes.resume(&start)).await, ["7v7", "8v8", "9v9"]);
}

#[tokio::test]
async fn own_writes_are_left_out_but_not_those_of_others() {
    let tasks = tasks([(1, 1, "ready"), (2, 2, "ready")]);
    let server = server(&tasks).await;
    let connector = server.connector().await;
    let mut changes = connector.changes(Search::<Task>::new());
    assert_eq!(now(&mut changes).await, ["1v1", "2v2"]);
    connector.update_with::<Task>("1", |task| task.status = "in-progress".into()).await.expect("an update");
    assert_eq!(now(&mut changes).await, Vec::<String>::new());
    server
        .connector()
        .await
        .update_with::<Task>("2", |task| task.status = "in-progress".into())
        .await
        .expect("an update");
    assert_eq!(now(&mut changes).await, ["2v4"]);

    let mut all = connector.changes(Search::<Task>::new()).with_own_writes();
    assert_eq!(now(&mut all).await, ["1v3", "2v4"]);
}

#[tokio::test]
async fn a_notification_makes_it_look_and_the_timer_finds_what_was_not_notified() {
    let tasks = tasks([(1, 1, "ready")]);
    let server = server(&tasks).await;
    let connector = server.connector().await;
    let mut changes = connector.changes(Search::<Task>::new()).every(Duration::from_secs(3600));
    let notifier = changes.notifier();
    assert_eq!(changes.next().await.expect("at the start").id, "1");
    tasks.lock().expect("the tasks").push((2, 2, "ready"));
    let waited = tokio::time::timeout(Duration::from_millis(200), changes.next()).await;
    assert!(waited.is_err(), "nobody said anything");
    notifier.notify().expect("a feed");
    assert_eq!(changes.next().await.expect("after the notification").id, "2");

    let mut changes = connector.changes(Search::<Task>::new()).every(Duration::from_millis(100));
    assert_eq!(
        (changes.next().await.expect("1").id.clone(), changes.next().await.expect("2").id.clone()),
        ("1".into(), "2".into())
    );
    tasks.lock().expect("the tasks").push((3, 3, "ready"));
    assert_eq!(changes.next().await.expect("by the timer").id, "3");
}

#[tokio::test]
async fn nothing_is_lost_when_the_future_is_dropped() {
    let tasks = tasks((1..=9).map(|number| (number, number, "ready")));
    let server = server(&tasks).await;
    let mut changes = server.connector().await.changes(Search::<Task>::new());
    let mut ids = Vec::new();
    let mut polls = 0;
    while ids.len() < 9 {
        // Polls once and drops it, most of the time.
        polls += 1;
        let change = match polls % 4 {
            0 => changes.next().await,
            _ => match changes.next().now_or_never() {
                Some(change) => change,
                None => {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    continue;
                }
            },
        };
        ids.push(change.expect("a task").id.clone());
    }
    assert_eq!(ids, (1..=9).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_search_that_fails_is_an_error_and_begins_again_where_it_was() {
    let mut asked_pages = 0;
    let server = Server::start(move |asked| {
        if asked.on("Task") != "GET" {
            return None;
        }
        asked_pages += 1;
        Some(match asked_pages {
            1 => Reply::json(200, &page(&[task("1", 1, "ready")], Some("?_getpages=1"))),
            2 => Reply::issue(410, "expired", ""),
            _ => Reply::json(200, &page(&[task("1", 1, "ready"), task("2", 2, "ready")], None)),
        })
    })
    .await;
    let mut changes = server.connector().await.changes(Search::<Task>::new());
    assert_eq!(changes.next().await.expect("a task").id, "1");
    assert!(matches!(changes.next().await, Err(Error::Gone(_))));
    let started = std::time::Instant::now();
    assert_eq!(changes.next().await.expect("a task").id, "2");
    assert!(started.elapsed() >= Duration::from_secs(1), "it waits after a failure");
}

#[tokio::test]
async fn a_write_under_way_is_waited_for() {
    let server = Server::start(|asked| match asked.on("Task") {
        // The change is found before the answer to its write is sent.
        "PUT" => Some(Reply::json(200, &task("1", 2, "in-progress")).after(Duration::from_millis(300))),
        "GET" if asked.target.contains('?') => {
            Some(Reply::json(200, &page(&[task("1", 2, "in-progress")], None)))
        }
        "GET" => Some(Reply::json(200, &task("1", 1, "ready"))),
        _ => None,
    })
    .await;
    let connector = server.connector().await;
    let mut changes = connector.changes(Search::<Task>::new());
    let read = connector.read::<Task>("1").await.expect("a task");
    let write = tokio::spawn({
        let connector = connector.clone();
        async move { connector.update(read).await.expect("an update") }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(changes.next_now().await.expect("a search").is_none(), "it is the application's own");
    write.await.expect("the write");
}
