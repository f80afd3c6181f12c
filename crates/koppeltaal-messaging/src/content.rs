//! How a message becomes [`Content`], the generated enum with one variant per event, and [`Focal`], which
//! leads from a profile to its event.

use koppeltaal_fhir::Bundle;
use koppeltaal_fhir::resources::Other;

use crate::generated::events::Content;
use crate::generated::valuesets::Event;
use crate::message::Message;
use crate::profile::Profile;

/// A profile that is the focal resource of an event. Each is a variant of [`Content`].
///
/// ```
/// use koppeltaal_messaging::{Event, Focal, profiles::CarePlan};
///
/// assert_eq!(CarePlan::EVENT, Event::CreateOrUpdateCarePlan);
/// ```
pub trait Focal: Profile {
    /// The event whose messages are about such a resource.
    const EVENT: Event;
}

impl Content {
    /// The content of a message.
    pub fn from_message(message: &Message) -> Self {
        let content = Self::new(message.event(), message.focal.resource().clone());
        content.unwrap_or_else(|_| Self::Unknown(Box::new(message.clone().into_bundle())))
    }
}

impl From<Message> for Content {
    /// Takes the focal resource and drops the rest of the message. Copies the resource only when a clone
    /// shares it.
    fn from(mut message: Message) -> Self {
        let focal = std::mem::replace(&mut message.focal.resource, Other::default().into());
        Self::new(message.event(), focal).unwrap_or_else(|focal| {
            message.focal.resource = focal;
            Self::Unknown(Box::new(message.into_bundle()))
        })
    }
}

impl From<Bundle> for Content {
    /// The content of a received bundle. A bundle that is not a message becomes [`Content::Unknown`].
    fn from(bundle: Bundle) -> Self {
        match Message::extract(bundle) {
            Ok(message) => message.into(),
            Err(error) => Self::Unknown(error.bundle),
        }
    }
}
