//! [`Content`]: what a message is about, as one type per event for an application to match on. The list of events and
//! their profiles is generated; the enum that it becomes is here.

use crate::generated::events::Content;
use crate::message::Message;

/// Makes the enum and the choice of the variant from one list of events and profiles. A variant has its profile's name.
macro_rules! contents {
    ($($event:ident $profile:ident,)*) => {
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
        /// # let url = "https://a.example/Patient/1".parse().unwrap();
        /// # let source = koppeltaal_messaging::Source { endpoint: "https://a.example".to_owned(), ..Default::default() };
        /// # let draft = koppeltaal_messaging::Draft::new(koppeltaal_messaging::Event::CreateOrUpdatePatient, url, patient);
        /// # let sender = koppeltaal_messaging::Sender::new(source, "Zonnedauw");
        /// # let message = Message::compose(&sender, draft).unwrap();
        /// # assert_eq!(handle(&message), Ok("nothing to do for CreateOrUpdatePatient".to_owned()));
        /// ```
        #[derive(Debug, Clone, PartialEq)]
        pub enum Content {
            $(
                #[doc = concat!("What a `", stringify!($event), "` is about.")]
                $profile(Box<crate::profiles::$profile>),
            )*
            /// A resource in a form that the profile of the event does not cover, such as a result that comes as
            /// `Other` instead of `DiagnosticReport`.
            Unknown(Box<koppeltaal_fhir::Resource>),
        }

        impl Content {
            pub(crate) fn new(event: crate::Event, resource: koppeltaal_fhir::Resource) -> Self {
                match event {
                    $(crate::Event::$event => match crate::Profile::from_resource(resource) {
                        Ok(profile) => Self::$profile(Box::new(profile)),
                        Err(resource) => Self::Unknown(Box::new(resource)),
                    },)*
                }
            }
        }
    };
}

pub(crate) use contents;

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
