//! The bound of a bearer token: everything that is posted with it is about its patient, and names no other
//! patient.
//!
//! A header that names the patient proves nothing, because receivers act on the resources. So every resource
//! is checked, with its references, and with the patient that it was about before.

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
    /// A refusal when anything is about another patient: the header, a resource, a reference, a resource that
    /// is known under the same URL, or a message that this instance posted under the same identifier.
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
                    // No other resource may have the URL of a patient.
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
