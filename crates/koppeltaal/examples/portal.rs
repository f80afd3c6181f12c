//! A tiny portal: a caregiver gives a game to a client, launches the client into it, and sees the progress
//! and the result.
//!
//! In three terminals, then at <http://127.0.0.1:8482/>:
//!
//! ```text
//! cargo run -p koppeltaal-cli -- sandbox
//! cargo run -p koppeltaal --features sqlite --example intervention
//! cargo run -p koppeltaal --features sqlite --example portal
//! ```
//!
//! `KOPPELTAAL_SERVER` names another server than the sandbox, `PORTAL_LISTEN` another address for the page,
//! `PORTAL_DATABASE` another file for the versions than `koppeltaal-portal.db` in the temporary folder.
//! Ctrl-C and SIGTERM stop it.

#[path = "common/shared.rs"]
mod common;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Form, Query, State};
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use koppeltaal::fhir::datatypes::HumanName;
use koppeltaal::fhir::resources::{CarePlanActivityCategory, CarePlanStatus};
use koppeltaal::messaging::profiles::{
    CarePlan, CarePlanActivity, CarePlanActivityResult, CarePlanActivityStatus, CarePlanSimple, Patient,
};
use koppeltaal::messaging::valuesets::{ActivityKind, ActivityStatus};
use koppeltaal::messaging::{Reference, ResourceKind, ResourceUrl};
use koppeltaal::{Connector, Launch, SqliteVersionStore};
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;

use common::{Failure, Result, connector, setting, shutdown, temporary_file};

/// The built-in game of the sandbox.
const DEFINITION: &str = "SANDBOX-GAME";

#[derive(Clone)]
struct Portal {
    connector: Connector,
    assignments: Arc<Mutex<Vec<Assignment>>>,
}

/// A game given to a client.
struct Assignment {
    client: String,
    patient: ResourceUrl,
    plan: CarePlan,
    activity: String,
    status: String,
    percentage: Option<i32>,
    result: Option<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let versions =
        SqliteVersionStore::open(setting("PORTAL_DATABASE", &temporary_file("koppeltaal-portal.db")))?;
    let connector = connector(("Tiny portal", "https://portal.example/fhir"), "portal", versions)?;
    let portal = Portal { connector, assignments: Arc::default() };

    let (assignments, of_results) = (Arc::clone(&portal.assignments), Arc::clone(&portal.assignments));
    let worker = portal
        .connector
        .worker()
        .on(move |told: CarePlanActivityStatus, _| {
            note(&mut assignments.lock().expect("no handler panics"), told);
            async { Ok(()) }
        })
        .on(move |told: CarePlanActivityResult, _| {
            note_result(&mut of_results.lock().expect("no handler panics"), &told);
            async { Ok(()) }
        })
        // Other messages that the portal subscribes to are not needed here.
        .on_others(async |_| Ok(()))
        .on_problem(|problem| eprintln!("{problem}"));

    let pages = Router::new()
        .route("/", get(page))
        .route("/assignments", post(assign))
        .route("/launch", get(launch))
        .with_state(portal);
    let listener = tokio::net::TcpListener::bind(setting("PORTAL_LISTEN", "127.0.0.1:8482")).await?;
    println!("the portal is at http://{}/", listener.local_addr()?);
    // The page answers the requests that it has, the worker ends the messages that it has.
    let serve = async { Ok(axum::serve(listener, pages).with_graceful_shutdown(shutdown()).await?) };
    let work = async { Ok(worker.run_until(shutdown()).await?) };
    let ((), report) = tokio::try_join!(serve, work).map_err(|error: Box<dyn std::error::Error>| error)?;
    println!("stopped: {report:?}");
    Ok(())
}

/// Records the status of an activity.
fn note(assignments: &mut [Assignment], told: CarePlanActivityStatus) {
    let about = assignments.iter_mut().find(|one| Some(one.activity.as_str()) == told.activity.as_deref());
    if let Some(assignment) = about {
        assignment.status = told.activity_status.map_or_else(String::new, |status| status.to_string());
        assignment.percentage = told.percentage_completed;
    }
}

/// Records the result of an activity.
fn note_result(assignments: &mut [Assignment], told: &CarePlanActivityResult) {
    let about = assignments.iter_mut().find(|one| Some(one.activity.as_str()) == told.activity.as_deref());
    if let Some(assignment) = about {
        let name = told.name.as_ref().and_then(|name| name.text.as_str());
        assignment.result = name.map(str::to_owned);
    }
}

async fn page(State(portal): State<Portal>) -> Html<String> {
    let assignments = portal.assignments.lock().expect("no handler panics");
    let page: Markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                meta http-equiv="refresh" content="5";
                title { "Tiny portal" }
            }
            body style="font-family: system-ui; max-width: 45rem; margin: 2rem auto" {
                h1 { "Tiny portal" }
                form method="post" action="/assignments" {
                    label { "Client " input name="client" value="Mees Duinroos" required; }
                    " " button { "Give the game" }
                }
                @for (index, assignment) in assignments.iter().enumerate() {
                    h2 { (assignment.client) }
                    p { "The Lighthouse Keeper: " output { (assignment.status) }
                        @if let Some(percentage) = assignment.percentage { ", " (percentage) " %" }
                        @if let Some(result) = &assignment.result { ". Result: " (result) } }
                    p {
                        a href=(format!("/launch?index={index}&by=client")) { "Play" }
                        " · "
                        a href=(format!("/launch?index={index}&by=caregiver")) { "Look on as the caregiver" }
                    }
                }
            }
        }
    };
    Html(page.into_string())
}

#[derive(Deserialize)]
struct NewAssignment {
    client: String,
}

/// A new client with a care plan that holds the game.
async fn assign(State(portal): State<Portal>, Form(form): Form<NewAssignment>) -> Result<Redirect, Failure> {
    let connector = &portal.connector;
    let id = uuid::Uuid::new_v4().to_string();
    let patient = connector.url(ResourceKind::Patient, &id)?;
    let (given, family) = form.client.split_once(' ').unwrap_or((form.client.as_str(), ""));
    let names = |name: &str| Some(name).filter(|name| !name.is_empty()).map(Into::into).into_iter().collect();
    let name = HumanName { given: names(given), family: names(family), ..HumanName::default() };
    let activity = CarePlanActivity {
        identifier: Some(format!("activity-{id}")),
        definition: Some(DEFINITION.to_owned()),
        kind: Some(ActivityKind::Game),
        start_date: Some("2026-11-24T09:00:00+01:00".parse()?),
        status: Some(ActivityStatus::Available),
        simple: Some(CarePlanSimple {
            category: Some(CarePlanActivityCategory::Other),
            ..CarePlanSimple::default()
        }),
        ..CarePlanActivity::default()
    };
    let plan = CarePlan {
        patient: Some(Reference::from(&patient)),
        status: Some(CarePlanStatus::Active),
        activity: vec![activity],
        ..CarePlan::default()
    };
    let draft = connector.draft(&id, plan.clone())?;
    connector
        .send(draft.with_resource(patient.clone(), Patient { name: vec![name], ..Patient::default() }))
        .await?;

    let assignment = Assignment {
        client: form.client,
        patient,
        plan,
        activity: format!("activity-{id}"),
        status: ActivityStatus::Available.to_string(),
        percentage: None,
        result: None,
    };
    portal.assignments.lock().expect("no handler panics").push(assignment);
    Ok(Redirect::to("/"))
}

#[derive(Deserialize)]
struct LaunchQuery {
    index: usize,
    by: String,
}

/// Sends the browser into the game, as the client or as a caregiver.
async fn launch(State(portal): State<Portal>, Query(query): Query<LaunchQuery>) -> Result<Redirect, Failure> {
    let (patient, launch) = {
        let assignments = portal.assignments.lock().expect("no handler panics");
        let assignment = assignments.get(query.index).ok_or("no such assignment")?;
        (assignment.patient.clone(), Launch::of_activity(&assignment.plan, &assignment.activity)?)
    };
    let user = match query.by.as_str() {
        "caregiver" => portal.connector.url(ResourceKind::Practitioner, "77")?,
        _ => patient,
    };
    Ok(Redirect::to(portal.connector.launch_url(&launch, &user).await?.as_str()))
}
