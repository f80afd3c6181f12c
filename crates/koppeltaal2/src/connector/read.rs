//! Reading a resource, now or as it was.

use koppeltaal_smart::Url;

use crate::connector::application::Connector;
use crate::connector::error::Error;
use crate::connector::exchange::Request;
use crate::connector::exchange::answer::Answer;
use crate::connector::exchange::interaction::Interaction;
use crate::connector::stored::StoredResource;
use crate::connector::trace::is_id;
use crate::profile::Profile;

impl Connector {
    /// Reads a resource by its id, or by a reference to it (`Task/<id>`, also an absolute one of this
    /// domain).
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Gone`] after it was deleted, [`Error::Denied`], and the others of a
    /// read.
    pub async fn read<P: Profile>(&self, id: &str) -> Result<StoredResource<P>, Error> {
        let id = self.id_of::<P>(id)?;
        let request = Request::new(Interaction::READ, P::NAME, self.address::<P>(id, None));
        stored(&self.send(request).await?)
    }

    /// Reads a resource as it was in a version. Versions of deleted resources can be read too.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub async fn read_version<P: Profile>(
        &self,
        id: &str,
        version: &str,
    ) -> Result<StoredResource<P>, Error> {
        let id = self.id_of::<P>(id)?;
        if !is_id(version) {
            return Err(Error::Id("the version"));
        }
        let request = Request::new(Interaction::VREAD, P::NAME, self.address::<P>(id, Some(version)));
        stored(&self.send(request).await?)
    }

    /// The id in an id or a reference.
    pub(crate) fn id_of<'a, P: Profile>(&self, text: &'a str) -> Result<&'a str, Error> {
        id_in(text, P::NAME, self.domain().base()).ok_or(Error::Reference(P::NAME))
    }

    /// The address of a resource.
    pub(crate) fn address<P: Profile>(&self, id: &str, version: Option<&str>) -> Url {
        match version {
            Some(version) => self.domain().url(&format!("{}/{id}/_history/{version}", P::NAME)),
            None => self.domain().url(&format!("{}/{id}", P::NAME)),
        }
    }
}

/// The id in an id, `Type/<id>`, `Type/<id>/_history/<version>`, or either below the base.
fn id_in<'a>(text: &'a str, resource_type: &str, base: &str) -> Option<&'a str> {
    let text = text.strip_prefix(base).and_then(|rest| rest.strip_prefix('/')).unwrap_or(text);
    let text = text.strip_prefix(resource_type).and_then(|rest| rest.strip_prefix('/')).unwrap_or(text);
    let id = text.split_once("/_history/").map_or(text, |(id, _)| id);
    // `.` and `..` would be another path.
    (is_id(id) && !id.bytes().all(|byte| byte == b'.')).then_some(id)
}

/// The resource that a server answers with.
pub(crate) fn stored<P: Profile>(answer: &Answer) -> Result<StoredResource<P>, Error> {
    let resource = answer.read::<P::Fhir>()?;
    StoredResource::read(resource, answer.version(), &answer.request.request_id)
        .map_err(|problem| answer.problem(problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_named_by_its_id_or_by_a_reference() {
        let base = "https://kt.example/fhir";
        for text in ["7", "Task/7", "Task/7/_history/2", "https://kt.example/fhir/Task/7"] {
            assert_eq!(id_in(text, "Task", base), Some("7"), "{text}");
        }
        for text in ["", "Patient/7", "https://other.example/fhir/Task/7", "..", "7/../8", "7?x", "Task/"] {
            assert_eq!(id_in(text, "Task", base), None, "{text}");
        }
    }
}
