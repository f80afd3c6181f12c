//! [`Game`]: what a patient plays, as an activity of a care plan.

use koppeltaal::{Connector, Delivery, MemoryVersionStore, PreparedMessage};
use koppeltaal_messaging::profiles::{CarePlan, CarePlanActivityStatus};
use koppeltaal_messaging::{ResourceKind, ResourceUrl, Sender, Source, valuesets};
use koppeltaal_transport::Client;

use super::error::Result;

/// The id that the status report has in the game's own database.
const REPORT: &str = "718";

/// The game.
pub(super) struct Game {
    connector: Connector,
    /// The identifier of the activity definition that is this game.
    definition: String,
    /// The activity to play, once a care plan has brought one.
    task: Option<Task>,
}

/// An activity that a patient was given.
#[derive(Clone)]
struct Task {
    /// The identifier of the activity.
    activity: String,
    patient: ResourceUrl,
}

impl Game {
    pub(super) fn new(client: Client, domain: &str, definition: &str) -> Self {
        let source = Source {
            name: "Game of the demo".to_owned(),
            software: "Demo game".to_owned(),
            version: "2.3".to_owned(),
            endpoint: "https://game.example/fhir".to_owned(),
        };
        // An application that may be restarted keeps its versions in a database.
        let connector = Connector::new(client, Sender::new(source, domain), MemoryVersionStore::new());
        Self { connector, definition: definition.to_owned(), task: None }
    }

    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }

    pub(super) fn report_url(&self) -> Result<ResourceUrl> {
        Ok(self.connector.url(ResourceKind::CarePlanActivityStatus, REPORT)?)
    }

    /// Claims the next message. If it brings a care plan, remembers the activity that is this game.
    ///
    /// An application that waits for messages uses [`Connector::deliveries`] or [`Connector::worker`].
    pub(super) async fn receive_plan(&mut self) -> Result<Option<Delivery>> {
        let Some(delivery) = self.connector.receive().await? else { return Ok(None) };
        let plan = delivery.get::<CarePlan>().unwrap_or_default();
        let mut activities = plan.activity.into_iter();
        let activity = activities.find(|activity| activity.definition.as_ref() == Some(&self.definition));
        let activity = activity.and_then(|activity| activity.identifier);
        if let (Some(activity), Some(patient)) = (activity, delivery.patient()) {
            self.task = Some(Task { activity, patient });
        }
        Ok(Some(delivery))
    }

    /// The message that tells how far the patient is; `None` when there is nothing to play.
    ///
    /// The first report creates a resource; each later one is a new version of it. Nobody else changes it,
    /// so the connector may fill in the version.
    pub(super) fn report(
        &self,
        status: valuesets::ActivityStatus,
        percentage: i32,
    ) -> Result<Option<PreparedMessage>> {
        let Some(Task { activity, patient }) = self.task.clone() else { return Ok(None) };
        let report = CarePlanActivityStatus {
            activity: Some(activity),
            activity_status: Some(status),
            percentage_completed: Some(percentage),
            ..CarePlanActivityStatus::default()
        };
        let draft = self.connector.draft(REPORT, report)?.with_patient(&patient);
        Ok(Some(self.connector.prepare(draft)?))
    }
}
