//! Updating a resource, without overwriting what somebody else changed.

use std::fmt;

use bytes::Bytes;
use koppeltaal_r4::Resource;

use crate::connector::application::Connector;
use crate::connector::create::{note, unknown};
use crate::connector::error::Error;
use crate::connector::exchange::Request;
use crate::connector::exchange::interaction::Interaction;
use crate::connector::read::stored;
use crate::connector::stored::StoredResource;
use crate::connector::version::if_match;
use crate::profile::Profile;

/// Why an update was not done.
#[non_exhaustive]
pub enum UpdateError<P> {
    /// Somebody changed the resource since it was read. Decide again with what it is now.
    Conflict {
        /// The resource as it is now.
        current: Box<StoredResource<P>>,
    },
    /// Anything else: [`Error::Gone`], [`Error::Denied`], [`Error::Invalid`], [`Error::Unknown`], and others.
    Failed(Error),
}

/// How often [`Connector::update_with`] reads and writes before it gives up.
const ATTEMPTS: u32 = 5;

impl Connector {
    /// Writes a resource that was read and changed, if nobody else changed it meanwhile (`If-Match`).
    ///
    /// ```no_run
    /// # use koppeltaal2::{Connector, UpdateError, profiles::Task};
    /// # async fn example(connector: &Connector) -> Result<(), Box<dyn std::error::Error>> {
    /// let task = connector.read::<Task>("Task/7").await?;
    /// match connector.update(task.edit(|task| task.status = "in-progress".into())).await {
    ///     Ok(task) => println!("version {}", task.version),
    ///     Err(UpdateError::Conflict { current }) => println!("somebody made it {:?}", current.status),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`UpdateError`]. After [`Error::Unknown`] read the resource: its version says whether it was done.
    pub async fn update<P: Profile>(
        &self,
        changed: StoredResource<P>,
    ) -> Result<StoredResource<P>, UpdateError<P>> {
        let id = self.id_of::<P>(&changed.id)?;
        let version = if_match(&changed.version).ok_or(Error::Id("the version"))?;
        let body: Resource = changed.resource.clone().into_fhir().into();
        let mut request = Request::new(Interaction::UPDATE, P::NAME, self.address::<P>(id, None));
        request.body = Some(Bytes::from(body.to_json().map_err(Error::from)?));
        request.if_match = Some(version);
        let write = self.own_writes().begin();
        let written = match self.send(request).await {
            Ok(answer) => match stored::<P>(&answer) {
                Ok(written) => written,
                // It was done, whatever the body says.
                Err(error) => self.read(id).await.map_err(|_| unknown(error))?,
            },
            Err(Error::Conflict(refusal)) => {
                let current = match self.read::<P>(id).await {
                    Ok(current) => current,
                    Err(gone @ Error::Gone(_)) => return Err(gone.into()),
                    Err(_) => return Err(Error::Conflict(refusal).into()),
                };
                // Nobody changed it, so the status means another rule: some servers say 412 to a profile that
                // is not named.
                return Err(match current.version == changed.version {
                    true => Error::Invalid(refusal).into(),
                    false => UpdateError::Conflict { current: Box::new(current) },
                });
            }
            Err(error) => return Err(error.into()),
        };
        note(write, &written);
        Ok(written)
    }

    /// Reads a resource, changes it and writes it; after a conflict all of it again, up to five times.
    /// `change` sees the current version each time. A change that changes nothing is not written.
    ///
    /// # Errors
    ///
    /// As [`update`](Self::update); [`UpdateError::Conflict`] if others were faster five times.
    pub async fn update_with<P: Profile>(
        &self,
        id: &str,
        mut change: impl FnMut(&mut P),
    ) -> Result<StoredResource<P>, UpdateError<P>> {
        let mut current = self.read::<P>(id).await?;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let changed = current.clone().edit(&mut change);
            if changed.resource == current.resource {
                return Ok(current);
            }
            match self.update(changed).await {
                Err(UpdateError::Conflict { current: newer }) if attempts < ATTEMPTS => current = *newer,
                result => return result,
            }
        }
    }
}

impl<P> From<Error> for UpdateError<P> {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl<P> fmt::Display for UpdateError<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict { .. } => f.write_str(
                "somebody changed the resource since it was read; decide again with what it is now",
            ),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl<P> fmt::Debug for UpdateError<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict { .. } => write!(f, "Conflict({self})"),
            Self::Failed(error) => write!(f, "Failed({error:?})"),
        }
    }
}

impl<P> std::error::Error for UpdateError<P> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Conflict { .. } => None,
            Self::Failed(error) => error.source(),
        }
    }
}
