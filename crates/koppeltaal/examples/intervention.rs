//! A tiny intervention: a game for users whom a portal launches. It reports their progress, and the result
//! when they have done.
//!
//! See the example `portal` for how to run both. The sandbox expects the game at <http://127.0.0.1:8481/>;
//! `INTERVENTION_LISTEN` and `INTERVENTION_URL` move it, `KOPPELTAAL_SERVER` names another server,
//! `INTERVENTION_DATABASE` another file for the versions than `koppeltaal-intervention.db` in the temporary
//! folder.

#[path = "common/shared.rs"]
mod common;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use koppeltaal::fhir::datatypes::{CodeableConcept, Identifier};
use koppeltaal::fhir::primitives::{DateTime, Instant};
use koppeltaal::fhir::resources::{DiagnosticReportDiagnostic, DiagnosticReportStatus};
use koppeltaal::messaging::profiles::{CarePlanActivityResult, CarePlanActivityStatus, Organization};
use koppeltaal::messaging::valuesets::ActivityStatus;
use koppeltaal::messaging::{Draft, Reference, ResourceKind, ResourceUrl};
use koppeltaal::transport::ClientAuthentication;
use koppeltaal::{Connector, LaunchSession, Launches, PendingLaunch, SqliteVersionStore};
use maud::{DOCTYPE, html};
use serde::Deserialize;

use common::{Failure, Result, connector, setting, shutdown, temporary_file};

/// The cookie that says which browser it is.
const COOKIE: &str = "intervention";

#[derive(Clone)]
struct Intervention {
    launches: Launches,
    browsers: Arc<Mutex<HashMap<String, Browser>>>,
}

/// The state of a browser's session.
enum Browser {
    Launching(PendingLaunch),
    Playing(LaunchSession),
}

#[tokio::main]
async fn main() -> Result<()> {
    let versions = SqliteVersionStore::open(setting(
        "INTERVENTION_DATABASE",
        &temporary_file("koppeltaal-intervention.db"),
    ))?;
    let connector = connector(("Tiny game", "https://game.example/fhir"), "game", versions)?;
    let authentication = ClientAuthentication::basic("game", &setting("INTERVENTION_SECRET", "game"))?;
    let login = format!("{}/login", setting("INTERVENTION_URL", "http://127.0.0.1:8481"));
    let intervention =
        Intervention { launches: connector.launches(authentication, login), browsers: Arc::default() };
    let pages = Router::new()
        .route("/", get(launched))
        .route("/login", get(login_ended))
        .route("/game", get(game))
        .route("/reports", post(report))
        .with_state(intervention);
    let listener = tokio::net::TcpListener::bind(setting("INTERVENTION_LISTEN", "127.0.0.1:8481")).await?;
    println!("the intervention is at http://{}/", listener.local_addr()?);
    Ok(axum::serve(listener, pages).with_graceful_shutdown(shutdown()).await?)
}

/// The launch page: the browser comes from the portal, and is sent to the server to be authorized.
async fn launched(State(game): State<Intervention>, uri: Uri) -> Result<Response, Failure> {
    let (authorize, pending) = game.launches.begin(&uri.to_string()).await?;
    let browser = uuid::Uuid::new_v4().to_string();
    let cookie = format!("{COOKIE}={browser}; HttpOnly; SameSite=Lax; Path=/");
    game.browsers.lock().expect("no handler panics").insert(browser, Browser::Launching(pending));
    Ok((AppendHeaders([(header::SET_COOKIE, cookie)]), Redirect::to(authorize.as_str())).into_response())
}

/// The redirect URI: the browser is back with a code.
async fn login_ended(
    State(game): State<Intervention>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Redirect, Failure> {
    let browser = browser(&headers)?;
    // A launch can be finished once, whether it succeeds or not.
    let before = game.browsers.lock().expect("no handler panics").remove(&browser);
    let Some(Browser::Launching(pending)) = before else {
        return Err("no launch is under way in this browser".into());
    };
    let session = game.launches.finish(&pending, &uri.to_string()).await?;
    game.browsers.lock().expect("no handler panics").insert(browser, Browser::Playing(session));
    Ok(Redirect::to("/game"))
}

async fn game(State(game): State<Intervention>, headers: HeaderMap) -> Result<Html<String>, Failure> {
    let session = session(&game, &headers)?;
    // A caregiver looks on, the patient plays.
    let plays =
        session.user().zip(session.patient()).is_some_and(|(user, patient)| user.same_resource(&patient));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { "The Lighthouse Keeper" }
            }
            body style="font-family: system-ui; max-width: 45rem; margin: 2rem auto" {
                h1 { "The Lighthouse Keeper" }
                @if plays {
                    p { "Keep the light burning." }
                    form method="post" action="/reports" {
                        button name="percentage" value="50" { "Light it" } " "
                        button name="percentage" value="100" { "The ship is home" }
                    }
                } @else {
                    p { "You look on as a caregiver." }
                }
            }
        }
    };
    Ok(Html(page.into_string()))
}

#[derive(Deserialize)]
struct Report {
    percentage: i32,
}

/// Reports the patient's progress to the portal.
async fn report(
    State(game): State<Intervention>,
    headers: HeaderMap,
    Form(report): Form<Report>,
) -> Result<Redirect, Failure> {
    let session = session(&game, &headers)?;
    let activity = session.activity().ok_or("the launch is of no activity")?;
    let patient = session.patient().ok_or("the launch is about no patient")?;
    let status = CarePlanActivityStatus {
        activity: Some(activity.to_owned()),
        activity_status: Some(if report.percentage < 100 {
            ActivityStatus::InProgress
        } else {
            ActivityStatus::Completed
        }),
        percentage_completed: Some(report.percentage),
        ..CarePlanActivityStatus::default()
    };
    // One status per activity: the next report is a new version of it.
    let connector = session.connector();
    connector.send(connector.draft(activity, status)?.with_patient(&patient)).await?;
    if report.percentage >= 100 {
        let draft = result(connector, activity, &patient)?;
        connector.send(draft).await?;
    }
    Ok(Redirect::to("/game"))
}

/// The message about what came out of an activity, with the organization that vouches for it.
fn result(connector: &Connector, activity: &str, patient: &ResourceUrl) -> Result<Draft, Failure> {
    // One for each result: a sandbox that was started again knows none, and the file of versions all.
    let maker = connector.url(ResourceKind::Organization, activity)?;
    let now = DateTime::from(Instant::now());
    let result = CarePlanActivityResult {
        activity: Some(activity.to_owned()),
        status: Some(DiagnosticReportStatus::Final),
        name: Some(CodeableConcept { text: "The ship is home".into(), ..CodeableConcept::default() }),
        issued: Some(now.clone()),
        subject: Some(Reference::from(patient)),
        performer: Some(Reference::from(&maker)),
        diagnostic: Some(DiagnosticReportDiagnostic::DateTime(now.into())),
        ..CarePlanActivityResult::default()
    };
    let organization = Organization {
        identifier: vec![Identifier::new("http://fhir.nl/fhir/NamingSystem/agb-z", "99001234")],
        name: Some("Lighthouse Games".to_owned()),
        active: Some(true),
        ..Organization::default()
    };
    let draft = connector.draft(activity, result)?.with_patient(patient);
    Ok(draft.with_resource(maker, organization))
}

/// Which browser it is, by its cookie.
fn browser(headers: &HeaderMap) -> Result<String, Failure> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|cookies| cookies.to_str().ok());
    let mut cookies = cookies.flat_map(|cookies| cookies.split("; "));
    let value = cookies.find_map(|cookie| cookie.strip_prefix(COOKIE)?.strip_prefix('='));
    Ok(value.ok_or("this browser was not launched, or takes no cookies")?.to_owned())
}

fn session(game: &Intervention, headers: &HeaderMap) -> Result<LaunchSession, Failure> {
    match game.browsers.lock().expect("no handler panics").get(&browser(headers)?) {
        Some(Browser::Playing(session)) => Ok(session.clone()),
        _ => Err("nobody plays in this browser: launch the game from the portal".into()),
    }
}
