//! Creating, reading, updating and deleting, and what becomes of each outcome.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use koppeltaal2::profiles::{Patient, Task};
use koppeltaal2::{Error, Profile as _, Trace, UpdateError};
use serde_json::json;

use crate::server::{Reply, Server, task};

#[tokio::test]
async fn what_is_created_comes_back_with_id_and_version() {
    let server = Server::start(|asked| {
        asked.is("POST", "/fhir/Task").then(|| {
            Reply::json(201, &task("7", 1, "ready"))
                .header("etag", "W/\"1\"")
                .header("location", "/fhir/Task/7/_history/1")
        })
    })
    .await;
    let connector = server.connector().await;
    let mut new = Task { status: "ready".into(), ..Task::default() };
    new.edit_fhir(|task| task.id = "chosen-by-the-application".into());
    let created = connector.create(new).await.expect("a task");
    assert_eq!((&*created.id, &*created.version), ("7", "1"));
    assert_eq!(created.versioned_reference(), "Task/7/_history/1");
    assert_eq!(
        created.last_updated.as_ref().map(ToString::to_string).as_deref(),
        Some("2026-01-01T00:00:01.000Z")
    );

    let asked = server.asked().remove(0);
    assert_eq!(asked.header("authorization"), Some("Bearer geheim"));
    assert_eq!(asked.header("content-type"), Some("application/fhir+json; charset=utf-8"));
    assert_eq!(asked.header("x-request-id"), Some(&*created.request_id));
    assert_eq!(
        asked.json(),
        json!({"resourceType": "Task", "status": "ready",
               "meta": {"profile": ["http://koppeltaal.nl/fhir/StructureDefinition/KT2Task"]}})
    );
}

#[tokio::test]
async fn a_server_that_does_not_return_what_it_stored_is_asked_for_it() {
    let server = Server::start(|asked| match &*asked.target {
        "/fhir/Task" => Some(
            Reply::text(201, "text/plain", "")
                .header("location", "https://kt.example/fhir/Task/7/_history/1"),
        ),
        "/fhir/Task/7" => Some(Reply::json(200, &task("7", 1, "ready"))),
        _ => None,
    })
    .await;
    let created = server.connector().await.create(Task::default()).await.expect("a task");
    assert_eq!(created.reference(), "Task/7");
}

#[tokio::test]
async fn an_update_names_the_version_that_was_read() {
    let server = Server::start(|asked| match asked.on("Task") {
        "GET" => Some(Reply::json(200, &task("7", 3, "ready"))),
        "PUT" => Some(Reply::json(200, &task("7", 4, "in-progress")).header("etag", "W/\"4\"")),
        _ => None,
    })
    .await;
    let connector = server.connector().await.with_trace(Trace::with_id("chain").caused_by("cause"));
    let read = connector.read::<Task>("Task/7").await.expect("a task");
    let updated =
        connector.update(read.edit(|task| task.status = "in-progress".into())).await.expect("an update");
    assert_eq!(updated.version, "4");

    let asked = server.asked();
    assert_eq!(asked[1].header("if-match"), Some("W/\"3\""));
    assert_eq!(asked[1].json()["id"], "7");
    for asked in &asked {
        assert_eq!(
            (asked.header("x-trace-id"), asked.header("x-correlation-id")),
            (Some("chain"), Some("cause"))
        );
    }
    assert_ne!(asked[0].header("x-request-id"), asked[1].header("x-request-id"));
}

#[tokio::test]
async fn a_stale_version_is_a_conflict_with_what_it_is_now() {
    for status in [409, 412] {
        let server = Server::start(move |asked| match asked.on("Task") {
            "GET" => Some(Reply::json(200, &task("7", 5, "completed"))),
            "PUT" => Some(Reply::issue(status, "conflict", "")),
            _ => None,
        })
        .await;
        let connector = server.connector().await;
        let mut read = connector.read::<Task>("7").await.expect("a task");
        read.version = "3".to_owned();
        match connector.update(read).await {
            Err(UpdateError::Conflict { current }) => {
                assert_eq!((&*current.version, current.status.as_str()), ("5", Some("completed")));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_412_that_nobody_caused_by_a_change_is_about_the_content() {
    let server = Server::start(|asked| match asked.on("Task") {
        "GET" => Some(Reply::json(200, &task("7", 5, "ready"))),
        "PUT" => Some(Reply::issue(412, "processing", "")),
        _ => None,
    })
    .await;
    let connector = server.connector().await;
    let read = connector.read::<Task>("7").await.expect("a task");
    assert!(matches!(connector.update(read).await, Err(UpdateError::Failed(Error::Invalid(_)))));
    let result = connector.update_with::<Task>("7", |task| task.status = "failed".into()).await;
    assert!(matches!(result, Err(UpdateError::Failed(Error::Invalid(_)))), "{result:?}");
}

#[tokio::test]
async fn update_with_changes_what_somebody_else_just_wrote() {
    let server = Server::start({
        let mut version = 1;
        move |asked| match asked.on("Task") {
            "GET" => Some(Reply::json(200, &task("7", version, "ready"))),
            "PUT" if version < 3 => {
                version += 1;
                Some(Reply::issue(409, "conflict", ""))
            }
            "PUT" => {
                assert_eq!(asked.header("if-match"), Some("W/\"3\""));
                Some(Reply::json(200, &task("7", 4, "in-progress")))
            }
            _ => None,
        }
    })
    .await;
    let connector = server.connector().await;
    let mut seen = 0;
    let updated = connector.update_with::<Task>("7", |task| {
        seen += 1;
        task.status = "in-progress".into();
    });
    assert_eq!(updated.await.expect("an update").version, "4");
    assert_eq!(seen, 3);
}

#[tokio::test]
async fn update_with_gives_up_after_five_conflicts_and_writes_nothing_that_is_the_same() {
    static VERSION: AtomicU32 = AtomicU32::new(1);
    let server = Server::start(|asked| match asked.on("Task") {
        "GET" => Some(Reply::json(200, &task("7", VERSION.fetch_add(1, Ordering::Relaxed), "ready"))),
        "PUT" => Some(Reply::issue(409, "conflict", "")),
        _ => None,
    })
    .await;
    let connector = server.connector().await;
    let result = connector.update_with::<Task>("7", |task| task.status = "failed".into()).await;
    assert!(matches!(result, Err(UpdateError::Conflict { .. })), "{result:?}");
    assert_eq!(server.asked().iter().filter(|asked| asked.method == "PUT").count(), 5);
    connector.update_with::<Task>("7", |task| task.status = "ready".into()).await.expect("nothing to do");
    assert_eq!(server.asked().iter().filter(|asked| asked.method == "PUT").count(), 5);
}

#[tokio::test]
async fn each_refusal_has_its_meaning_and_keeps_the_words_of_the_server_to_itself() {
    let server = Server::start(|asked| {
        let status = asked.target.strip_prefix("/fhir/Patient/")?.parse().ok()?;
        Some(Reply::issue(status, "required", "Patient.birthDate"))
    })
    .await;
    let connector = server.connector().await;
    type Means = fn(&Error) -> bool;
    let meanings: [(u16, Means); 8] = [
        (400, |error| matches!(error, Error::Invalid(_))),
        (403, |error| matches!(error, Error::Denied(_))),
        (404, |error| matches!(error, Error::NotFound(_))),
        (405, |error| matches!(error, Error::NotFound(_))),
        (410, |error| matches!(error, Error::Gone(_))),
        (415, |error| matches!(error, Error::Refused(_))),
        (422, |error| matches!(error, Error::Invalid(_))),
        (500, |error| matches!(error, Error::Refused(_))),
    ];
    for (status, means) in meanings {
        let error = connector.read::<Patient>(&status.to_string()).await.expect_err("a refusal");
        assert!(means(&error), "{status}: {error}");
        let refusal = error.refusal().expect("a refusal");
        assert_eq!(refusal.issues[0].expression, ["Patient.birthDate"]);
        assert_eq!(refusal.issues[0].diagnostics.as_deref(), Some("Roos Jansen"));
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(&status.to_string()) && shown.contains("Patient.birthDate"), "{shown}");
        assert!(shown.contains(&refusal.request.request_id) && !shown.contains("Roos"), "{shown}");
    }
}

#[tokio::test]
async fn a_version_can_be_read_and_a_resource_deleted() {
    let server = Server::start(|asked| match (asked.method.as_str(), &*asked.target) {
        ("GET", "/fhir/Task/7/_history/2") => Some(Reply::json(200, &task("7", 2, "ready"))),
        ("DELETE", "/fhir/Task/7") if asked.header("if-match") == Some("W/\"2\"") => {
            Some(Reply::text(204, "text/plain", ""))
        }
        _ => None,
    })
    .await;
    let connector = server.connector().await;
    let old = connector.read_version::<Task>("7", "2").await.expect("a version");
    connector.delete(&old).await.expect("a delete");
    assert!(matches!(connector.read_version::<Task>("7", "../1").await, Err(Error::Id(_))));
    assert!(matches!(connector.read::<Task>("7/../8").await, Err(Error::Reference("Task"))));
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_unknown_and_not_repeated() {
    let server = Server::start(|asked| {
        let slow = Reply::json(201, &task("7", 1, "ready")).after(Duration::from_secs(60));
        (asked.method != "GET" && asked.target != "/token").then_some(slow)
    })
    .await;
    let domain =
        server.domain().request_timeout(Duration::from_millis(300)).discover().await.expect("a domain");
    let connector = domain.connect("module", crate::server::key());
    let error = connector.create(Task::default()).await.expect_err("no answer");
    assert!(
        matches!(&error, Error::Unknown { reason, .. } if matches!(**reason, Error::Interrupted { .. })),
        "{error}"
    );
    assert!(!error.is_transient());
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_write_after_which_a_server_fails_is_unknown() {
    for status in [500, 502, 504] {
        let server = Server::start(move |asked| {
            (asked.method == "POST" && asked.target != "/token")
                .then(|| Reply::text(status, "text/html", "<html>"))
        })
        .await;
        let error = server.connector().await.create(Task::default()).await.expect_err("a failure");
        assert!(matches!(error, Error::Unknown { .. }), "{error}");
        assert_eq!(server.asked().len(), 1, "{status}");
    }
}
