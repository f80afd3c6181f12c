//! The world of these tests: a sandbox with a portal and a game, and the resources that they exchange.

#[path = "../support/application.rs"]
mod application;

use std::time::Duration;

use koppeltaal::fhir::resources::{CarePlanActivityCategory, CarePlanStatus};
use koppeltaal::messaging::profiles::{
    ActivityDefinition, CarePlan, CarePlanActivity, CarePlanActivityStatus, CarePlanSimple,
};
use koppeltaal::messaging::{
    Draft, Event, ProcessingStatus, Reference, ResourceKind, ResourceUrl, valuesets,
};
use koppeltaal::transport::Format;
use koppeltaal::{Connector, MemoryVersionStore};
use koppeltaal_sandbox::{Application, Instance, Sandbox, SandboxConfig};

#[allow(unused_imports, reason = "each test uses a part of it")]
pub(crate) use application::{DOMAIN, FullStore, LONG, Result, patient};

pub(crate) const ACTIVITY: &str = "plan-31-activity-1";
pub(crate) const DEFINITION: &str = "VUURTOREN";
pub(crate) const REDIRECT_URI: &str = "https://game.example/login";

/// A sandbox and the connectors to it.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) portal: Connector,
    pub(crate) game: Connector,
    format: Format,
}

/// A portal that subscribes to the statuses of activities and to plans, a game that subscribes to plans and
/// patients, and an EPD without subscriptions.
pub(crate) fn config() -> SandboxConfig {
    let portal = [
        Event::UpdateCarePlanActivityStatus,
        Event::CreateOrUpdateActivityDefinition,
        Event::CreateOrUpdateCarePlan,
    ];
    let game = [Event::CreateOrUpdateCarePlan, Event::CreateOrUpdatePatient];
    SandboxConfig::new()
        .instance(Instance::new("portal", "secret", DOMAIN).subscribe(portal))
        .instance(Instance::new("game", "secret", DOMAIN).subscribe(game))
        .instance(Instance::new("epd", "secret", DOMAIN))
        .application(
            Application::new("game")
                .launch_url("https://game.example/")
                .redirect_uri(REDIRECT_URI)
                .secret("game")
                .refresh_tokens(true),
        )
}

impl World {
    pub(crate) async fn start(format: Format) -> Result<Self> {
        Self::with(config(), format).await
    }

    pub(crate) async fn with(config: SandboxConfig, format: Format) -> Result<Self> {
        let sandbox = config.start().await?;
        let portal = connector(&sandbox, "portal", format)?;
        let game = connector(&sandbox, "game", format)?;
        Ok(Self { sandbox, portal, game, format })
    }

    /// A connector that has forgotten all versions, and does not repeat requests.
    pub(crate) fn connector(&self, user: &str) -> Result<Connector> {
        connector(&self.sandbox, user, self.format)
    }

    /// The same, by way of a server at this address.
    pub(crate) fn connector_by(&self, server: &str, user: &str) -> Result<Connector> {
        application::connector(server, user, self.format, MemoryVersionStore::default())
    }

    /// A patient of this id from the portal to the game.
    pub(crate) async fn send_patient(&self, id: &str) -> Result {
        self.portal.send(self.portal.draft(id, patient("Mees"))?).await?;
        Ok(())
    }
}

fn connector(sandbox: &Sandbox, user: &str, format: Format) -> Result<Connector> {
    application::connector(sandbox.url(), user, format, MemoryVersionStore::default())
}

/// A connector that reaches the server at this address.
pub(crate) fn connector_at(server: &str, user: &str) -> Result<Connector> {
    application::connector(server, user, Format::Json, MemoryVersionStore::default())
}

pub(crate) fn patient_url(portal: &Connector) -> Result<ResourceUrl> {
    Ok(portal.url(ResourceKind::Patient, "3007")?)
}

/// The activity definition of the game.
pub(crate) fn definition() -> ActivityDefinition {
    ActivityDefinition {
        activity_definition_identifier: Some(DEFINITION.to_owned()),
        name: Some("De vuurtoren".to_owned()),
        kind: Some(valuesets::ActivityKind::Game),
        application: Some(Reference::default().with_display("game")),
        is_active: Some(true),
        ..ActivityDefinition::default()
    }
}

/// A plan of the portal's with one activity.
pub(crate) fn plan(portal: &Connector) -> Result<CarePlan> {
    let activity = CarePlanActivity {
        identifier: Some(ACTIVITY.to_owned()),
        definition: Some(DEFINITION.to_owned()),
        kind: Some(valuesets::ActivityKind::Game),
        start_date: Some("2026-11-24T09:00:00+01:00".parse()?),
        status: Some(valuesets::ActivityStatus::Available),
        simple: Some(CarePlanSimple {
            category: Some(CarePlanActivityCategory::Other),
            ..CarePlanSimple::default()
        }),
        ..CarePlanActivity::default()
    };
    Ok(CarePlan {
        patient: Some(Reference::from(&patient_url(portal)?)),
        status: Some(CarePlanStatus::Active),
        activity: vec![activity],
        ..CarePlan::default()
    })
}

/// The message about a plan, with the patient.
pub(crate) fn plan_draft(portal: &Connector, plan: CarePlan) -> Result<Draft> {
    Ok(portal.draft("31", plan)?.with_resource(patient_url(portal)?, patient("Mees")))
}

pub(crate) fn status(code: valuesets::ActivityStatus, percentage: i32) -> CarePlanActivityStatus {
    CarePlanActivityStatus {
        activity: Some(ACTIVITY.to_owned()),
        activity_status: Some(code),
        percentage_completed: Some(percentage),
        ..CarePlanActivityStatus::default()
    }
}

/// The processing statuses in a queue with the descriptions of failures, by the order of arrival.
pub(crate) async fn queue(receiver: &Connector) -> Result<Vec<(ProcessingStatus, Option<String>)>> {
    let mut headers = receiver.client().message_headers(&Default::default()).collect().await?;
    headers.sort_by_key(|header| header.url().and_then(|url| url.id().parse::<u64>().ok()));
    let states = headers.iter().filter_map(koppeltaal::messaging::Header::processing);
    Ok(states.filter_map(|state| Some((state.status()?, state.exception().map(str::to_owned)))).collect())
}

/// Waits until the queue is like this.
pub(crate) async fn await_queue(receiver: &Connector, expected: &[ProcessingStatus]) -> Result {
    let mut found = Vec::new();
    let look = async {
        loop {
            found = queue(receiver).await?.into_iter().map(|(status, _)| status).collect();
            if found == expected {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    match tokio::time::timeout(LONG, look).await {
        Ok(result) => result,
        Err(_) => Err(format!("the queue is {found:?}, not {expected:?}").into()),
    }
}
