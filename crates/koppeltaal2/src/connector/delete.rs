//! Deleting a resource.

use crate::connector::application::Connector;
use crate::connector::error::Error;
use crate::connector::exchange::Request;
use crate::connector::exchange::interaction::Interaction;
use crate::connector::stored::StoredResource;
use crate::connector::version::if_match;
use crate::profile::Profile;

impl Connector {
    /// Deletes a resource, if nobody changed it since it was read.
    ///
    /// Applications mark what has ended and do not delete (topic 13): a Task is cancelled, a Patient is no
    /// longer active. Few have the permission. Deleting what is already gone succeeds.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`]: other resources refer to it, or it was changed. [`Error::Denied`],
    /// [`Error::Unknown`], and others.
    pub async fn delete<P: Profile>(&self, stored: &StoredResource<P>) -> Result<(), Error> {
        let id = self.id_of::<P>(&stored.id)?;
        let mut request = Request::new(Interaction::DELETE, P::NAME, self.address::<P>(id, None));
        request.if_match = Some(if_match(&stored.version).ok_or(Error::Id("the version"))?);
        match self.send(request).await {
            Ok(_) | Err(Error::Gone(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
