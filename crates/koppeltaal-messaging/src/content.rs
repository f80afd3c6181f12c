//! How a message becomes [`Content`], the generated enum with one variant per event.

use koppeltaal_fhir::Bundle;
use koppeltaal_fhir::resources::Other;

use crate::generated::events::Content;
use crate::message::Message;

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
