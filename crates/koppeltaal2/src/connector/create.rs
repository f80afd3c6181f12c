//! Creating a resource.

use bytes::Bytes;

use crate::connector::application::Connector;
use crate::connector::error::Error;
use crate::connector::exchange::Request;
use crate::connector::exchange::interaction::Interaction;
use crate::connector::outgoing::without_server_elements;
use crate::connector::own_writes::UnderWay;
use crate::connector::read::stored;
use crate::connector::stored::StoredResource;
use crate::profile::Profile;

impl Connector {
    /// Creates a resource and returns what the server stored: with id, version and resource-origin. An id
    /// that it has is not sent, since the server chooses.
    ///
    /// A create is not repeated after [`Error::Unknown`], since the resource could then exist twice: search
    /// for its identifier first.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] with what is wrong and where, [`Error::Denied`], [`Error::Unknown`], and others.
    pub async fn create<P: Profile>(&self, resource: P) -> Result<StoredResource<P>, Error> {
        let resource = without_server_elements(resource.into_fhir().into());
        let mut request = Request::new(Interaction::CREATE, P::NAME, self.domain().url(P::NAME));
        request.body = Some(Bytes::from(resource.to_json()?));
        let write = self.own_writes().begin();
        let answer = self.send(request).await?;
        let created = match stored::<P>(&answer) {
            Ok(created) => created,
            // It was created, whatever the body says. The address tells which one it is.
            Err(error) => match answer.location_id(P::NAME) {
                Some(id) => self.read(id).await.map_err(|_| unknown(error))?,
                None => return Err(unknown(error)),
            },
        };
        note(write, &created);
        Ok(created)
    }
}

/// The error of a write that was done, whose result cannot be read.
pub(crate) fn unknown(error: Error) -> Error {
    match error.request().cloned() {
        Some(request) => Error::Unknown { request, reason: Box::new(error) },
        None => error,
    }
}

/// Remembers a version as the application's own.
pub(crate) fn note<P: Profile>(write: UnderWay<'_>, written: &StoredResource<P>) {
    write.done(written.reference(), written.version.clone());
}
