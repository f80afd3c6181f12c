//! [`Module`]: a game that patients are launched into. It is a web application: it receives launches and
//! notifications, and asks the domain with its own access token.

mod web;

use std::time::Duration;

use koppeltaal_r4::datatypes::{CodeableConcept, Coding, PublicationStatus};
use koppeltaal_r4::resources::{EndpointStatus, TaskStatus};
use koppeltaal2::profiles::{ActivityDefinition, Endpoint, Patient, Subscription, Task};
use koppeltaal2::{
    Changes, Connector, LaunchContext, LaunchReceiver, NewSubscription, Search, StoredResource, UpdateError,
    WebhookService,
};
use tokio::time::timeout;

use super::error::{DemoError, Result};
pub(super) use web::Web;

/// The name by which the tasks of this module are found.
pub(super) const PUBLISHER: &str = "lighthouse-games";

/// The ways to reach a module; there is one.
const CONNECTION_TYPES: &str = "http://vzvz.nl/fhir/CodeSystem/koppeltaal-endpoint-connection-type";

/// The header with the secret of the notifications, and the secret.
const HEADER: &str = "X-Notification-Secret";
const SECRET: &str = "only the server of the demo knows it";

/// How long to wait for a notification, or for a launch.
const PATIENCE: Duration = Duration::from_secs(10);

/// The game.
pub(super) struct Module {
    connector: Connector,
    changes: Changes<Task>,
    web: Web,
}

impl Module {
    /// A module that is not yet known in the domain. Its web server runs from now on.
    pub(super) fn new(connector: Connector, mut web: Web) -> Result<Self> {
        // The timer is the safety net. Here it is shorter than a minute, so that nobody has to wait.
        let changes = connector
            .changes(Search::new().instantiates_publisher_id(PUBLISHER))
            .every(Duration::from_secs(2));
        let webhook =
            WebhookService::with_secret(HEADER, SECRET, changes.notifier()).map_err(DemoError::Webhook)?;
        web.serve(LaunchReceiver::new(&connector), webhook)?;
        Ok(Self { connector, changes, web })
    }

    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Says where patients are launched to.
    pub(super) async fn publish_endpoint(&self) -> Result<StoredResource<Endpoint>> {
        let any = Coding::new("http://terminology.hl7.org/CodeSystem/endpoint-payload-type", "any");
        let endpoint = Endpoint {
            status: EndpointStatus::Active.into(),
            connection_type: Some(Coding::new(CONNECTION_TYPES, "hti-smart-on-fhir")),
            payload_type: vec![CodeableConcept { coding: vec![any], ..CodeableConcept::default() }],
            address: self.web.address("/launch").as_str().into(),
            ..Endpoint::default()
        };
        Ok(self.connector.create(endpoint).await?)
    }

    /// Offers the game.
    pub(super) async fn publish_game(
        &self,
        endpoint: &StoredResource<Endpoint>,
    ) -> Result<StoredResource<ActivityDefinition>> {
        let game = ActivityDefinition {
            url: "https://game.example/fhir/ActivityDefinition/lighthouse-keeper".into(),
            title: "The Lighthouse Keeper".into(),
            status: PublicationStatus::Active.into(),
            endpoint: vec![endpoint.to_reference()],
            publisher_id: vec![PUBLISHER.parse()?],
            ..ActivityDefinition::default()
        };
        Ok(self.connector.create(game).await?)
    }

    /// Asks to be told of new and changed Tasks for its activities.
    pub(super) async fn subscribe(&self) -> Result<StoredResource<Subscription>> {
        let search = Search::<Task>::new().instantiates_publisher_id(PUBLISHER);
        let wanted = NewSubscription::new(&search, &self.web.address("/notified"), "Tasks for the game")
            .header(HEADER, SECRET);
        Ok(self.connector.subscribe(&wanted).await?.into_subscription())
    }

    /// Waits until the server has told it this many times to look.
    pub(super) async fn told(&self, times: usize) -> Result<()> {
        timeout(PATIENCE, self.web.notified(times)).await.map_err(|_| DemoError::Late("a notification"))
    }

    /// How many times the server told it to look.
    pub(super) fn times_told(&self) -> usize {
        self.web.notifications()
    }

    /// The next Task that is new or that somebody else changed.
    pub(super) async fn next_task(&mut self) -> Result<StoredResource<Task>> {
        Ok(timeout(PATIENCE, self.changes.next()).await.map_err(|_| DemoError::Late("a Task"))??)
    }

    /// The patient who was launched.
    pub(super) async fn launched(&mut self) -> Result<LaunchContext> {
        timeout(PATIENCE, self.web.launched()).await.map_err(|_| DemoError::Late("a launch"))?
    }

    /// The patient, as the record system wrote it.
    pub(super) async fn patient(&self, launch: &LaunchContext) -> Result<StoredResource<Patient>> {
        Ok(self.connector.with_trace(launch.trace.clone()).read(&launch.user).await?)
    }

    /// Says how far the patient is, whatever else was changed in the Task meanwhile.
    pub(super) async fn report(
        &self,
        launch: &LaunchContext,
        status: TaskStatus,
    ) -> Result<StoredResource<Task>, UpdateError<Task>> {
        let connector = self.connector.with_trace(launch.trace.clone());
        connector.update_with(&launch.task, |task: &mut Task| task.status = status.clone().into()).await
    }
}
