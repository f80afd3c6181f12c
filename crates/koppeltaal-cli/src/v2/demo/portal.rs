//! [`Portal`]: where a practitioner gives a patient something to do, and the patient begins with it.

use koppeltaal_r4::datatypes::Identifier;
use koppeltaal_r4::resources::{TaskIntent, TaskStatus};
use koppeltaal2::profiles::{ActivityDefinition, Patient, Practitioner, Task};
use koppeltaal2::{Connector, LaunchRequest, Launcher, Search, SentLaunch, StoredResource, UpdateError};

use super::error::Result;

/// The portal.
pub(super) struct Portal {
    connector: Connector,
}

impl Portal {
    pub(super) fn new(connector: Connector) -> Self {
        Self { connector }
    }

    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// What the modules of the domain offer.
    pub(super) async fn activities(&self) -> Result<Vec<StoredResource<ActivityDefinition>>> {
        Ok(self.connector.search(Search::<ActivityDefinition>::new().status("active")).collect().await?)
    }

    /// Gives the patient an activity to do.
    pub(super) async fn assign(
        &self,
        activity: &StoredResource<ActivityDefinition>,
        patient: &StoredResource<Patient>,
        practitioner: &StoredResource<Practitioner>,
        number: &str,
    ) -> Result<StoredResource<Task>> {
        let task = Task {
            identifier: vec![Identifier::new("https://portal.example/fhir/NamingSystem/task", number)],
            instantiates: Some(activity.to_reference()),
            status: TaskStatus::Ready.into(),
            intent: TaskIntent::Order.into(),
            r#for: Some(patient.to_reference()),
            requester: Some(practitioner.to_reference()),
            owner: Some(patient.to_reference()),
            ..Task::default()
        };
        Ok(self.connector.create(task).await?)
    }

    /// Launches the patient into the module that the Task is for.
    pub(super) async fn launch(
        &self,
        task: &StoredResource<Task>,
        patient: &StoredResource<Patient>,
    ) -> Result<SentLaunch> {
        let request = LaunchRequest::new(&task.reference(), &patient.reference());
        Ok(Launcher::new(&self.connector).launch(&request).await?)
    }

    /// Writes a note for the patient into a Task, as it was when the portal read it.
    pub(super) async fn describe(
        &self,
        task: StoredResource<Task>,
    ) -> Result<StoredResource<Task>, UpdateError<Task>> {
        self.connector.update(task.edit(note)).await
    }
}

/// The portal's change of a Task.
pub(super) fn note(task: &mut Task) {
    task.description = "Play until the first storm, and tell me how it went.".into();
}
