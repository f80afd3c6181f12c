//! A portal gives a patient a game to play, and the game reports when it is done: `cargo run -p koppeltaal
//! --example care_plan`. The server is a sandbox in the process.

use koppeltaal::fhir::datatypes::HumanName;
use koppeltaal::fhir::primitives::Instant;
use koppeltaal::fhir::resources::{CarePlanActivityCategory, CarePlanStatus};
use koppeltaal::messaging::profiles::{
    CarePlan, CarePlanActivity, CarePlanActivityStatus, CarePlanSimple, Patient,
};
use koppeltaal::messaging::{Reference, ResourceKind, Sender, Source, valuesets};
use koppeltaal::transport::{Client, Credentials};
use koppeltaal::{Connector, HandlerError, MemoryVersionStore};
use koppeltaal_sandbox::SandboxConfig;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The passwords of the sandbox's own portal and game are their names.
fn connect(server: &str, name: &str) -> Result<Connector> {
    let client = Client::builder(server).credentials(Credentials::basic(name, name)?).build()?;
    let source = Source::new(name, format!("https://{name}.example/fhir"));
    // An application that restarts keeps its versions in a database.
    Ok(Connector::new(client, Sender::new(source, "Sandbox"), MemoryVersionStore::default()))
}

/// The portal's part: a plan with one activity, for a patient.
async fn publish(portal: &Connector) -> Result<()> {
    let patient_url = portal.url(ResourceKind::Patient, "3007")?;
    let patient = Patient { name: vec![HumanName::new("Mees", "Duinroos")], ..Default::default() };
    let activity = CarePlanActivity {
        identifier: Some("plan-31-activity-1".to_owned()),
        definition: Some("SANDBOX-GAME".to_owned()),
        kind: Some(valuesets::ActivityKind::Game),
        start_date: Some(Instant::now().into()),
        status: Some(valuesets::ActivityStatus::Available),
        simple: Some(CarePlanSimple {
            category: Some(CarePlanActivityCategory::Other),
            ..Default::default()
        }),
        ..Default::default()
    };
    let plan = CarePlan {
        patient: Some(Reference::from(&patient_url)),
        status: Some(CarePlanStatus::Active),
        activity: vec![activity],
        ..Default::default()
    };
    let sent = portal.send(portal.draft("31", plan)?.with_resource(patient_url, patient)).await?;
    println!("portal: published {}", sent.url);
    Ok(())
}

/// The game's part: a patient who gets an activity completes it at once.
async fn play(game: Connector) -> Result<()> {
    let reporter = game.clone();
    let worker = game.worker().on(move |plan: CarePlan, received| {
        let game = reporter.clone();
        async move {
            let patient = received.patient().ok_or_else(|| HandlerError::failure("A plan of nobody"))?;
            for (number, activity) in plan.activity.into_iter().enumerate() {
                let report = CarePlanActivityStatus {
                    activity: activity.identifier,
                    activity_status: Some(valuesets::ActivityStatus::Completed),
                    percentage_completed: Some(100),
                    ..Default::default()
                };
                // An error leaves the plan for later: then the report is sent once more, as a new version.
                let sent =
                    game.send(game.draft(&format!("718-{number}"), report)?.with_patient(&patient)).await?;
                println!("game: reported {}", sent.url);
            }
            Ok(())
        }
    });
    worker.on_problem(|problem| eprintln!("game: {problem}")).run().await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let sandbox = SandboxConfig::new().portal_and_game().start().await?;
    let (portal, game) = (connect(sandbox.url(), "portal")?, connect(sandbox.url(), "game")?);
    publish(&portal).await?;
    let mut deliveries = portal.deliveries();
    let delivery = tokio::select! {
        delivery = deliveries.next() => delivery?,
        ended = play(game) => return ended,
    };
    let status = delivery.get::<CarePlanActivityStatus>().and_then(|status| status.activity_status);
    println!("portal: the activity is {status:?}");
    Ok(delivery.success().await?)
}
