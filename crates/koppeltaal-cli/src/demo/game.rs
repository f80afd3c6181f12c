//! [`Game`]: what a patient plays, as an activity of a care plan.

use koppeltaal_messaging::profiles::{CarePlan, CarePlanActivityStatus};
use koppeltaal_messaging::valuesets;
use koppeltaal_messaging::{Draft, Event, Profile, ResourceKind, ResourceUrl, Source};

use super::connection::{Account, Connection, Delivery, Sent, Trouble};

/// The id that the status report has in the game's own database.
const REPORT: &str = "718";

/// The game.
#[derive(Debug)]
pub(super) struct Game {
    connection: Connection,
    /// The identifier of the activity definition that is this game.
    definition: String,
    /// What there is to play.
    task: Option<Task>,
}

/// An activity that a patient was given.
#[derive(Debug, Clone)]
struct Task {
    /// The identifier of the activity.
    activity: String,
    patient: ResourceUrl,
}

impl Game {
    pub(super) fn new(account: Account<'_>, definition: &str) -> Result<Self, Trouble> {
        let source = Source {
            name: "Game of the demo".to_owned(),
            software: "Demo game".to_owned(),
            version: "2.3".to_owned(),
            endpoint: "https://game.example/fhir".to_owned(),
        };
        let connection = Connection::new(account, source)?;
        Ok(Self { connection, definition: definition.to_owned(), task: None })
    }

    pub(super) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    pub(super) fn report_url(&self) -> Result<ResourceUrl, Trouble> {
        self.connection.url(ResourceKind::CarePlanActivityStatus, REPORT)
    }

    /// Claims a care plan, and keeps the activity in it that is to be played here.
    pub(super) async fn receive_plan(&mut self) -> Result<Option<(Delivery, Option<CarePlan>)>, Trouble> {
        let Some(delivery) = self.connection.claim().await? else { return Ok(None) };
        let plan = CarePlan::from_resource_ref(delivery.message.focal.resource());
        let patient = delivery.message.header.patient().and_then(|patient| patient.parse().ok());
        let mut activities = plan.iter().flat_map(|plan| &plan.activity);
        let activity = activities.find(|activity| activity.definition.as_ref() == Some(&self.definition));
        if let (Some(activity), Some(patient)) =
            (activity.and_then(|activity| activity.identifier.clone()), patient)
        {
            self.task = Some(Task { activity, patient });
        }
        Ok(Some((delivery, plan)))
    }

    /// Tells how far the patient is. The first report makes a resource; each later one is a new version of it.
    /// Nothing to tell when there is nothing to play.
    pub(super) async fn report(
        &mut self,
        status: valuesets::CarePlanActivityStatus,
        percentage: i32,
    ) -> Result<Option<Sent>, Trouble> {
        let Some(Task { activity, patient }) = self.task.clone() else { return Ok(None) };
        let report = CarePlanActivityStatus {
            activity: Some(activity),
            activity_status: Some(status),
            percentage_completed: Some(percentage),
            ..CarePlanActivityStatus::default()
        };
        let draft =
            Draft::new(Event::UpdateCarePlanActivityStatus, self.report_url()?, report).patient(&patient);
        self.connection.post(draft).await.map(Some)
    }
}
