//! [`Content`]: what a message is about, as one type per event for an application to match on.

use koppeltaal_fhir::Resource;

use crate::event::Event;
use crate::message::Message;
use crate::profile::Profile;
use crate::profiles;

/// Makes the enum and the choice of the variant from one list: event, variant, profile.
macro_rules! contents {
    ($($event:ident $variant:ident $profile:ident,)*) => {
        /// The focal resource of a message as Koppeltaal profiles it: a variant per event, so that the compiler reminds
        /// an application of those it does not handle.
        ///
        /// ```
        /// use koppeltaal_messaging::{Content, Message};
        ///
        /// fn handle(message: &Message) -> Result<String, String> {
        ///     match Content::of(message) {
        ///         Content::CarePlan(plan) => Ok(format!("a care plan of {} activities", plan.activity.len())),
        ///         Content::Unknown(resource) => Err(format!("cannot process a {}", resource.resource_type())),
        ///         _ => Ok(format!("nothing to do for {}", message.event())),
        ///     }
        /// }
        /// # let patient = koppeltaal_fhir::resources::Patient::default();
        /// # let (url, base) = ("https://a.example/Patient/1".parse().unwrap(), "https://a.example".to_owned());
        /// # let application = koppeltaal_messaging::Application { name: String::new(), software: String::new(), version: String::new(), base };
        /// # let draft = koppeltaal_messaging::Draft::new(koppeltaal_messaging::Event::CreateOrUpdatePatient, url, patient);
        /// # let sender = koppeltaal_messaging::Sender::new(application, "Zonnedauw");
        /// # let message = Message::compose(&sender, draft).unwrap();
        /// # assert_eq!(handle(&message), Ok("nothing to do for CreateOrUpdatePatient".to_owned()));
        /// ```
        #[derive(Debug, Clone, PartialEq)]
        pub enum Content {
            $(
                #[doc = concat!("What a `", stringify!($event), "` is about.")]
                $variant(Box<profiles::$profile>),
            )*
            /// A resource in a form that the profile of the event does not cover, such as a result that comes as
            /// `Other` instead of `DiagnosticReport`.
            Unknown(Box<Resource>),
        }

        impl Content {
            fn new(event: Event, resource: Resource) -> Self {
                match event {
                    $(Event::$event => match profiles::$profile::from_resource(resource) {
                        Ok(profile) => Self::$variant(Box::new(profile)),
                        Err(resource) => Self::Unknown(Box::new(resource)),
                    },)*
                }
            }
        }
    };
}

contents! {
    CreateOrUpdatePatient Patient Patient,
    CreateOrUpdatePractitioner Practitioner Practitioner,
    CreateOrUpdateRelatedPerson RelatedPerson RelatedPerson,
    CreateOrUpdateActivityDefinition ActivityDefinition ActivityDefinition,
    CreateOrUpdateCarePlan CarePlan CarePlan,
    UpdateCarePlanActivityStatus ActivityStatus CarePlanActivityStatus,
    CreateOrUpdateCarePlanActivityResult ActivityResult CarePlanActivityResult,
    CreateOrUpdateUserMessage UserMessage UserMessage,
}

impl Content {
    /// What a message is about.
    pub fn of(message: &Message) -> Self {
        Self::new(message.event(), message.focal.resource().clone())
    }
}

impl From<Message> for Content {
    /// What the message is about, without a copy; the rest of the message is gone.
    fn from(message: Message) -> Self {
        Self::new(message.event(), message.focal.into_resource())
    }
}
