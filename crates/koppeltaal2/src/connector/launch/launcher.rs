//! [`Launcher`]: a portal launches a user into the module that a Task is for.

use std::fmt;
use std::time::SystemTime;

use koppeltaal_smart::{HtiLaunch, LaunchForm, LaunchFormError, LaunchPage, SignError};

use crate::connector::application::Connector;
use crate::connector::audit::event::{ApplicationEvent, EventKind, EventOutcome};
use crate::connector::error::Error;
use crate::connector::launch::checks::{self, Objection};
use crate::connector::stored::StoredResource;
use crate::connector::trace::Trace;
use crate::profile::Profile;
use crate::profiles::{ActivityDefinition, Endpoint, Patient, Practitioner, RelatedPerson, Task};
use crate::valuesets::Expansion;

/// Launches users of a portal. Cheap to clone.
///
/// ```no_run
/// # use koppeltaal2::{Connector, LaunchRequest, Launcher};
/// # async fn example(connector: &Connector) -> Result<(), Box<dyn std::error::Error>> {
/// let launcher = Launcher::new(connector);
/// let launch = launcher.launch(&LaunchRequest::new("Task/7", "Patient/1")).await?;
/// // Answer the user's browser with this page; it sends itself to the module.
/// let _ = (launch.page.headers(), launch.page.html());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Launcher {
    connector: Connector,
    expansions: Vec<Expansion>,
}

/// Who is launched, to work on which Task. `Debug` does not show the user.
#[derive(Clone)]
#[must_use]
pub struct LaunchRequest {
    task: String,
    user: String,
    intent: Option<String>,
    idp_hint: Option<String>,
    allow_completed: bool,
}

/// A launch that is ready to be sent.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SentLaunch {
    /// The page to answer the user's browser with, now: its token is valid for five minutes and works once.
    pub page: LaunchPage,
    /// Where the page sends the browser.
    pub address: String,
    /// The module, `Device/<id>`.
    pub module: String,
    /// The trace id of the launch, which is the `jti` of its token: all its AuditEvents have it.
    pub trace_id: String,
}

/// Why a user is not launched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// The launch is not allowed, or not possible.
    #[error("the user is not launched: {0}")]
    Objection(#[from] Objection),
    /// A resource that is needed cannot be read.
    #[error("the user is not launched: {0}")]
    Failed(#[from] Error),
    /// The module's address cannot be launched.
    #[error("the user is not launched: {0}")]
    Address(#[from] LaunchFormError),
    /// The application's signer fails.
    #[error("the user is not launched: {0}")]
    Sign(#[from] SignError),
}

impl LaunchRequest {
    /// Launches a user (`Patient/<id>`, `Practitioner/<id>` or `RelatedPerson/<id>`) to work on a Task
    /// (`Task/<id>`).
    pub fn new(task: &str, user: &str) -> Self {
        let (task, user) = (task.to_owned(), user.to_owned());
        Self { task, user, intent: None, idp_hint: None, allow_completed: false }
    }

    /// What the user is to do, as a word that both applications know.
    pub fn intent(self, intent: &str) -> Self {
        Self { intent: Some(intent.to_owned()), ..self }
    }

    /// The name of the identity provider that knows the user, where the module has several.
    pub fn idp_hint(self, idp_hint: &str) -> Self {
        Self { idp_hint: Some(idp_hint.to_owned()), ..self }
    }

    /// Launches to look at a Task that is completed, too.
    pub fn allow_completed(self) -> Self {
        Self { allow_completed: true, ..self }
    }
}

impl Launcher {
    /// A launcher of this portal.
    pub fn new(connector: &Connector) -> Self {
        Self { connector: connector.clone(), expansions: Vec::new() }
    }

    /// An optional part of Koppeltaal that the portal supports. Modules that need another one are not
    /// launched.
    pub fn supports(mut self, expansion: Expansion) -> Self {
        self.expansions.push(expansion);
        self
    }

    /// Reads the Task, the user, the definition and the Endpoint, checks what a portal has to check, and
    /// signs the launch. Its AuditEvent is written in the background; that of a launch that fails too.
    ///
    /// Whether the user is in a CareTeam of the patient is the portal's to check.
    ///
    /// # Errors
    ///
    /// [`LaunchError`].
    pub async fn launch(&self, request: &LaunchRequest) -> Result<SentLaunch, LaunchError> {
        let trace = Trace::new();
        let connector = self.connector.with_trace(trace.clone());
        let mut task = None;
        let result = self.prepare(&connector, request, &mut task).await;
        let event = ApplicationEvent::new(EventKind::LaunchSent).trace(trace);
        let event = match &task {
            Some(task) => event.about(task.versioned_reference()),
            None => event,
        };
        self.connector.record_in_background(match &result {
            Ok(_) => event,
            Err(error) => event.failed(error.outcome(), &error.to_string()),
        });
        result
    }

    async fn prepare(
        &self,
        connector: &Connector,
        request: &LaunchRequest,
        read: &mut Option<StoredResource<Task>>,
    ) -> Result<SentLaunch, LaunchError> {
        let task = &*read.insert(connector.read::<Task>(&request.task).await?);
        checks::task(task, request.allow_completed)?;
        if let Some(main) = checks::viewed(task)? {
            let main = connector.read::<Task>(main).await?;
            checks::main_task(task, &main)?;
        }
        let patient = checks::patient(task)?;
        check_user(connector, &request.user, patient).await?;

        let definition = checks::definition(task)?;
        let activity = connector.read::<ActivityDefinition>(definition).await?;
        checks::expansions(&activity, &self.expansions)?;
        let (endpoint, device) = checks::module(&activity)?;
        let endpoint = connector.read::<Endpoint>(endpoint).await?;
        let address = checks::address(&endpoint)?;

        let trace_id = connector.trace().trace_id().unwrap_or_default().to_owned();
        let mut launch = HtiLaunch::new(connector.client_id(), device, &*request.user, task.reference())
            .with_jti(&*trace_id)
            .definition(definition);
        if patient != request.user {
            launch = launch.patient(patient);
        }
        if let Some(intent) = &request.intent {
            launch = launch.intent(intent);
        }
        if let Some(idp_hint) = &request.idp_hint {
            launch = launch.idp_hint(idp_hint);
        }
        let token = launch.sign(connector.signer(), SystemTime::now()).await?;
        let page = LaunchForm::new(address, &token, connector.domain().base())?.page()?;
        Ok(SentLaunch { page, address: address.to_owned(), module: device.to_owned(), trace_id })
    }
}

/// The user is somebody who can work on a Task of the patient, and both are known.
async fn check_user(connector: &Connector, user: &str, patient: &str) -> Result<(), LaunchError> {
    let subject = connector.read::<Patient>(patient).await?;
    if subject.active.value == Some(false) {
        return Err(Objection::PatientInactive.into());
    }
    let active = match user.split('/').next() {
        Some(Patient::NAME) if user == patient => return Ok(()),
        Some(Patient::NAME) => return Err(Objection::User("is another patient than the Task is for").into()),
        Some(Practitioner::NAME) => connector.read::<Practitioner>(user).await?.active.value,
        Some(RelatedPerson::NAME) => {
            let person = connector.read::<RelatedPerson>(user).await?;
            checks::relative(&person, patient)?;
            person.active.value
        }
        _ => return Err(Objection::User("is no Patient, Practitioner or RelatedPerson").into()),
    };
    if active == Some(false) { Err(Objection::User("is not active").into()) } else { Ok(()) }
}

impl LaunchError {
    fn outcome(&self) -> EventOutcome {
        match self {
            Self::Objection(_) | Self::Address(_) => EventOutcome::ExpectedFailure,
            Self::Failed(error) if error.is_transient() => EventOutcome::Down,
            Self::Failed(_) => EventOutcome::ExpectedFailure,
            Self::Sign(_) => EventOutcome::UnexpectedFailure,
        }
    }
}

impl fmt::Debug for LaunchRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaunchRequest")
            .field("task", &self.task)
            .field("intent", &self.intent)
            .finish_non_exhaustive()
    }
}
