//! The outbox with faulty servers and databases, in every database.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::{get, post};
use koppeltaal::OutboxState::{Refused, Sending, Sent, Waiting};
use koppeltaal::messaging::Event;
use koppeltaal::{DispatchProblem, MemoryVersionStore};
use koppeltaal_sandbox::{FaultKind, Instance, SandboxConfig};
use tokio::time::timeout;

use crate::promises::{SETTLE, all_sent, patient_dispatcher};
use crate::world::{DOMAIN, LONG, Result, World, connector, patient, with_short_pauses};

/// A server that refuses every message with a text that `PostgreSQL` cannot store, and counts the messages.
async fn refusing_server() -> Result<(String, Arc<AtomicU32>)> {
    let posts = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&posts);
    let json = || [(header::CONTENT_TYPE, "application/json+fhir")];
    let outcome = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","type":{"code":"processing"},"details":"not \u0000 good"}]}"#;
    let refuse = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        async move { (StatusCode::UNPROCESSABLE_ENTITY, json(), outcome) }
    };
    let nothing = move || async move { (json(), r#"{"resourceType":"Bundle","entry":[]}"#) };
    let routes = Router::new()
        .route("/FHIR/Koppeltaal/Mailbox", post(refuse))
        .route("/FHIR/Koppeltaal/MessageHeader/_search", get(nothing));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok((url, posts))
}

pub(crate) async fn a_refusal_with_a_character_that_the_database_cannot_store_is_recorded(
    world: World,
) -> Result {
    let (url, posts) = refusing_server().await?;
    let epd = connector(&url, "epd", MemoryVersionStore::new())?;
    let messages = [world.put("1", "Mees").await?, world.put("2", "Fenna").await?];
    let dispatcher =
        || with_short_pauses(world.outbox.dispatcher(epd.clone())).settle_time(Duration::from_millis(100));
    let report = timeout(LONG, dispatcher().run_once()).await??;
    assert_eq!((report.refused, posts.load(Ordering::Relaxed)), (2, 2));
    assert_eq!(world.states(&messages.each_ref()).await?, [Refused, Refused]);
    let error = world.entry(&messages[0]).await?.last_error.ok_or("no error")?;
    assert_eq!(error.detail.as_deref(), Some("not \u{FFFD} good"));

    tokio::time::sleep(Duration::from_millis(200)).await;
    timeout(LONG, dispatcher().run_once()).await??;
    assert_eq!(posts.load(Ordering::Relaxed), 2);
    Ok(())
}

pub(crate) async fn a_result_that_the_database_never_accepts_delays_no_other_resource(
    world: World,
) -> Result {
    world.database.reject_errors().await?;
    world.fail_posts(FaultKind::Status { status: 422, html: false }, 1);
    let never = world.put("1", "Mees").await?;
    let behind = world.put("1", "Fenna").await?;
    let others = [world.put("2", "Teun").await?, world.put("3", "Saar").await?];
    let reported = Arc::new(Mutex::new(Vec::new()));
    let report_to = Arc::clone(&reported);
    let dispatcher = world.dispatcher().concurrency(1).settle_time(SETTLE).on_problem(move |problem| {
        if let DispatchProblem::NotSettled { identifier, error, .. } = problem {
            report_to.lock().expect("lock").push(((*identifier).to_owned(), error.to_string()));
        }
    });
    let script = async {
        all_sent(&world, &others).await;
        // Its lease is over, and it is left alone all the same.
        tokio::time::sleep(SETTLE * 2).await;
    };
    let report = timeout(LONG, dispatcher.run_until(script)).await?;
    assert_eq!((report.sent, report.refused), (2, 1));
    assert_eq!(world.states(&[&never, &behind]).await?, [Sending, Waiting]);
    let reported = reported.lock().expect("lock").clone();
    let [(identifier, error)] = reported.as_slice() else { panic!("{reported:?}") };
    assert_eq!(identifier, &never);
    assert!(error.starts_with("the outbox's database: "), "{error}");
    Ok(())
}

pub(crate) async fn a_message_that_is_never_settled_is_refused_in_the_end(world: World) -> Result {
    let message = world.put("1", "Mees").await?;
    world.database.pretend_all_were_claimed(11).await?;
    let report = patient_dispatcher(&world).settle_time(SETTLE).run_once().await?;
    assert_eq!((report.sent, report.refused), (0, 1));
    let entry = world.entry(&message).await?;
    assert_eq!(entry.last_error.map(|error| error.kind).as_deref(), Some("unsettled"));
    assert!(world.epd.client().message(&message).await?.is_none());

    world.outbox.retry(&message).await?;
    assert_eq!(patient_dispatcher(&world).run_once().await?.sent, 1, "somebody has decided");
    Ok(())
}

pub(crate) async fn a_server_that_fails_at_work_refuses_nothing(world: World) -> Result {
    world.fail_posts(FaultKind::Status { status: 500, html: false }, 1);
    let message = world.put("1", "Mees").await?;
    let report = patient_dispatcher(&world).run_once().await?;
    assert_eq!((report.sent, report.refused, report.delayed), (0, 0, 1));
    assert!(world.entry(&message).await?.is_outcome_unknown, "it may have done it");
    world.outbox.retry(&message).await?;
    let dispatcher = world.dispatcher().settle_time(SETTLE);
    timeout(LONG, dispatcher.run_until(all_sent(&world, std::slice::from_ref(&message)))).await?;
    Ok(())
}

pub(crate) async fn an_observer_that_panics_does_not_end_the_dispatcher(world: World) -> Result {
    world.fail_posts(FaultKind::Status { status: 422, html: false }, 1);
    let refused = world.put("1", "Mees").await?;
    let sent = world.put("2", "Fenna").await?;
    let dispatcher = world.dispatcher().concurrency(1).on_problem(|_| panic!("an observer"));
    assert_eq!(dispatcher.run_once().await?.sent, 1);
    assert_eq!(world.states(&[&refused, &sent]).await?, [Refused, Sent]);
    Ok(())
}

pub(crate) async fn another_applications_message_with_the_same_identifier_is_not_taken_for_ours(
    world: World,
) -> Result {
    let events = [Event::CreateOrUpdatePatient];
    let sandbox = SandboxConfig::new()
        .instance(Instance::new("epd", "secret", DOMAIN).subscribe(events))
        .instance(Instance::new("game", "secret", DOMAIN))
        .start()
        .await?;
    let epd = connector(sandbox.url(), "epd", MemoryVersionStore::new())?;
    let game = connector(sandbox.url(), "game", MemoryVersionStore::new())?;
    let message = world.put("1", "Mees").await?;
    game.send(game.draft("9", patient("Teun"))?.with_identifier(&message)).await?;
    // As after a dispatcher that was killed before it posted the message.
    world.database.pretend_all_were_claimed(1).await?;
    let dispatcher = world.outbox.dispatcher(epd.clone()).settle_time(SETTLE);
    assert_eq!(dispatcher.run_once().await?.sent, 1);
    let known = epd.versions().versions(DOMAIN, &[world.url("1")?]).await?;
    assert!(known[0].is_some(), "it was posted, and its version learned");
    Ok(())
}
