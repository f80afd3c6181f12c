//! What a bearer token bounds: whatever is posted with it is about its patient, and names no other one.
//!
//! A header that names the patient proves nothing: the resources behind it are what receivers act on. So all
//! of them are looked at, with what they refer to and whom they were about before.

use super::Mailbox;
use super::patient::{is_patient, names_another};
use super::posting::Posting;
use crate::instance::InstanceId;
use crate::refusal::Refusal;

impl Mailbox {
    /// Whether an instance may post a message with a token of the patient `only`, a URL without version.
    ///
    /// # Errors
    ///
    /// A refusal when anything in the message is about another patient: the header, a resource, a reference,
    /// what is known of a resource under its URL, or the message that this instance posted before under the
    /// same identifier.
    pub(crate) fn check_bound(
        &self,
        sender: &InstanceId,
        posting: &Posting,
        only: &str,
    ) -> Result<(), Refusal> {
        let resources = self.domains.get(&*sender.domain).map(|domain| &domain.resources);
        let is_of_another = |url: &str| {
            resources.and_then(|resources| resources.patient(url)).is_some_and(|patient| patient != only)
        };
        let header = posting.header.clone().into_fhir().into();
        let is_bound = posting.patient.as_deref() == Some(only)
            && !names_another(&header, "", only, is_of_another)
            && posting.resources.iter().all(|resource| {
                let content = resource.entry.content.as_ref();
                resource.patient.as_deref().is_none_or(|patient| patient == only)
                    && !is_of_another(&resource.url)
                    // Nobody takes the URL of a patient for something else.
                    && (resource.url == only || !is_patient(&resource.url))
                    && content
                        .is_none_or(|content| !names_another(content, &resource.url, only, is_of_another))
            });
        if !is_bound {
            return Err(Refusal::forbidden("The message is not about the patient of the token."));
        }
        let posted =
            self.accounts.get(sender).and_then(|account| account.history.identified(&posting.identifier));
        if posted.is_some_and(|sent| sent.message.patient.as_deref() != Some(only)) {
            return Err(Refusal::forbidden(
                "A message with this identifier is not about the patient of the token.",
            ));
        }
        Ok(())
    }
}
