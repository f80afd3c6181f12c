//! [`Content`]: what a message is about, as one type per event for an application to match on. The list of events and
//! their profiles is generated; the enum that it becomes is here, and [`Focal`], which leads from a profile to its event.

use koppeltaal_fhir::Bundle;
use koppeltaal_fhir::resources::Other;

use crate::generated::events::Content;
use crate::generated::valuesets::Event;
use crate::message::Message;
use crate::profile::Profile;

/// A profile that messages are about: the one that its event has as focal resource. The eight of them are the variants
/// of [`Content`].
///
/// ```
/// use koppeltaal_messaging::{Event, Focal, profiles::CarePlan};
///
/// assert_eq!(CarePlan::EVENT, Event::CreateOrUpdateCarePlan);
/// ```
pub trait Focal: Profile {
    /// The event that is about such a resource.
    const EVENT: Event;
}

/// Makes the enum, the choice of the variant and [`Focal`] from one list of events and profiles. A variant has its profile's
/// name.
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
        ///         Content::Unknown(bundle) => Err(format!("cannot process {} resources", bundle.entry.len())),
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
            /// Anything else: no message of the eight events, or one whose focal resource is in a form that the profile
            /// of the event does not cover, such as a result that comes as `Other` instead of `DiagnosticReport`. The
            /// bundle is as it was received.
            Unknown(Box<koppeltaal_fhir::Bundle>),
        }

        $(
            impl crate::Focal for crate::profiles::$profile {
                const EVENT: crate::Event = crate::Event::$event;
            }
        )*

        impl Content {
            /// The focal resource by the profile of the event; comes back when it is not of the profile's form.
            pub(crate) fn new(
                event: crate::Event,
                resource: koppeltaal_fhir::Resource,
            ) -> Result<Self, koppeltaal_fhir::Resource> {
                match event {
                    $(crate::Event::$event => {
                        crate::Profile::from_resource(resource).map(|profile| Self::$profile(Box::new(profile)))
                    })*
                }
            }
        }
    };
}

pub(crate) use contents;

impl Content {
    /// What a message is about.
    pub fn of(message: &Message) -> Self {
        let content = Self::new(message.event(), message.focal.resource().clone());
        content.unwrap_or_else(|_| Self::Unknown(Box::new(message.clone().into_bundle())))
    }
}

impl From<Message> for Content {
    /// What the message is about, without a copy unless a clone shares it; the rest of the message is gone.
    fn from(mut message: Message) -> Self {
        let focal = std::mem::replace(&mut message.focal.resource, Other::default().into());
        Self::new(message.event(), focal).unwrap_or_else(|focal| {
            message.focal.resource = focal;
            Self::Unknown(Box::new(message.into_bundle()))
        })
    }
}

impl From<Bundle> for Content {
    /// What a received bundle is about: also for one that is no message, which stays what it is.
    fn from(bundle: Bundle) -> Self {
        match Message::extract(bundle) {
            Ok(message) => message.into(),
            Err(error) => Self::Unknown(error.bundle),
        }
    }
}
