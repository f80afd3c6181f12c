//! [`Launch`]: a portal sends a user to the application of an activity. The side of that application is in
//! [`session`].

mod session;

use std::fmt;

use koppeltaal_messaging::profiles::{ActivityDefinition, CarePlan};
use koppeltaal_messaging::{Profile, Reference, ResourceUrl};
use koppeltaal_transport::{Error, IncludeArchived, LaunchRequest, MobileLaunch, Url};

use crate::causes::causes_and_advice;
use crate::connector::Connector;

pub use session::{LaunchSession, Launches, PendingLaunch, SessionError};

/// An activity that a user can be launched into: its patient, its identifier, and its application.
///
/// `Debug` shows the application only.
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct Launch {
    patient: ResourceUrl,
    /// The identifier of the activity in the care plan.
    activity: String,
    application: Application,
    intent: Option<String>,
}

#[derive(Clone, PartialEq, Eq)]
enum Application {
    /// The application of the activity definition with this identifier.
    OfDefinition(String),
    /// The application with this client id.
    ClientId(String),
}

/// Why a user cannot be launched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// No activity in the care plan has this identifier.
    #[error(
        "the care plan has no activity with this identifier; see the identifiers in `CarePlan::activity`"
    )]
    NoActivity,
    /// The care plan has no URL of its patient.
    #[error("the care plan names no patient; set `CarePlan::patient` to the address of the patient")]
    NoPatient,
    /// The activity names no activity definition.
    #[error("the activity names no activity definition; set its `definition` to the identifier of one")]
    NoDefinition,
    /// The domain has no activity definition with the identifier that the activity names.
    #[error(
        "there is no activity definition {identifier:?} in the domain; its application has to publish it \
         (`Connector::put_activity_definition`)"
    )]
    UnknownDefinition {
        /// The identifier.
        identifier: String,
    },
    /// The activity definition does not name its application in the display of the reference to it.
    #[error(
        "the activity definition {identifier:?} names no application; its publisher has to set the display \
         of `application`"
    )]
    NoApplication {
        /// The identifier of the definition.
        identifier: String,
    },
    /// The server cannot be reached, or refuses. The text of this error includes the one inside and says what
    /// to do about it, so it has no source.
    #[error("the user cannot be launched: {}", causes_and_advice(.0))]
    Transport(Error),
}

impl From<Error> for LaunchError {
    fn from(error: Error) -> Self {
        Self::Transport(error)
    }
}

impl Launch {
    /// The activity with this identifier in a care plan. The application is that of its activity definition.
    ///
    /// # Errors
    ///
    /// The care plan has no such activity, names no patient, or the activity names no definition.
    pub fn of_activity(plan: &CarePlan, identifier: &str) -> Result<Self, LaunchError> {
        let mut activities = plan.activity.iter();
        let activity = activities
            .find(|activity| activity.identifier.as_deref() == Some(identifier))
            .ok_or(LaunchError::NoActivity)?;
        let definition = activity.definition.clone().ok_or(LaunchError::NoDefinition)?;
        let patient = plan.patient.as_ref().and_then(Reference::url).ok_or(LaunchError::NoPatient)?;
        let application = Application::OfDefinition(definition);
        Ok(Self { patient, activity: identifier.to_owned(), application, intent: None })
    }

    /// An activity that an application knows by this identifier, for a patient.
    pub fn of_application(
        client_id: impl Into<String>,
        patient: ResourceUrl,
        identifier: impl Into<String>,
    ) -> Self {
        let application = Application::ClientId(client_id.into());
        Self { patient, activity: identifier.into(), application, intent: None }
    }

    /// The user's task there, in terms that both applications know.
    pub fn intent(mut self, intent: impl Into<String>) -> Self {
        self.intent = Some(intent.into());
        self
    }
}

impl Connector {
    /// Launches a user into the web application of an activity. Returns the URL that the user's browser must
    /// open soon.
    ///
    /// `user` is the patient, a practitioner or a related person.
    ///
    /// ```no_run
    /// # async fn example(portal: koppeltaal::Connector, plan: koppeltaal::messaging::profiles::CarePlan, user: koppeltaal::messaging::ResourceUrl) -> Result<(), Box<dyn std::error::Error>> {
    /// use koppeltaal::Launch;
    ///
    /// let url = portal.launch_url(&Launch::of_activity(&plan, "plan-31-activity-1")?, &user).await?;
    /// println!("redirect the browser to {url}");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`LaunchError`].
    pub async fn launch_url(&self, launch: &Launch, user: &ResourceUrl) -> Result<Url, LaunchError> {
        let request = self.launch_request(launch, user).await?;
        Ok(self.client().launch(&request).await?)
    }

    /// Launches a user into the mobile application of an activity. Returns the code that the user types
    /// there.
    ///
    /// # Errors
    ///
    /// [`LaunchError`].
    pub async fn mobile_launch(
        &self,
        launch: &Launch,
        user: &ResourceUrl,
    ) -> Result<MobileLaunch, LaunchError> {
        let request = self.launch_request(launch, user).await?;
        Ok(self.client().mobile_launch(&request).await?)
    }

    async fn launch_request(
        &self,
        launch: &Launch,
        user: &ResourceUrl,
    ) -> Result<LaunchRequest, LaunchError> {
        let client_id = match &launch.application {
            Application::ClientId(client_id) => client_id.clone(),
            Application::OfDefinition(identifier) => self.client_id_of(identifier).await?,
        };
        let request =
            LaunchRequest::new(client_id, launch.patient.clone(), user.clone(), launch.activity.as_str());
        Ok(match &launch.intent {
            Some(intent) => request.intent(intent.as_str()),
            None => request,
        })
    }

    /// The client id of the application that an activity definition names. It may be archived: its activities
    /// may still be under way.
    async fn client_id_of(&self, identifier: &str) -> Result<String, LaunchError> {
        let mut definitions = self.client().activity_definitions(IncludeArchived::Yes);
        while let Some(stored) = definitions.next().await? {
            let definition = ActivityDefinition::from_fhir(stored.resource);
            if definition.activity_definition_identifier.as_deref() == Some(identifier) {
                let application = definition.application.and_then(|application| application.display);
                return application
                    .ok_or_else(|| LaunchError::NoApplication { identifier: identifier.to_owned() });
            }
        }
        Err(LaunchError::UnknownDefinition { identifier: identifier.to_owned() })
    }
}

impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Application::OfDefinition(application) | Application::ClientId(application)) = &self.application;
        f.debug_struct("Launch").field("application", application).finish_non_exhaustive()
    }
}
