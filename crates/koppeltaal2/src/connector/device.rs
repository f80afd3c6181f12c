//! The application's own Device, which need not have the id of the application.

use crate::connector::application::Connector;
use crate::connector::error::Error;
use crate::connector::search::Search;
use crate::connector::stored::StoredResource;
use crate::profiles::Device;
use crate::vocabulary::naming_system::CLIENT_ID;

impl Connector {
    /// The Device of the application, found by its `client_id`. Since 2023 its id is the `client_id`; in an
    /// older domain connect again with [`Domain::connect_as`](crate::Domain::connect_as) if [its
    /// reference](StoredResource::reference) is not [`device`](Self::device). `None` if there is none, or if
    /// the application may not read it.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn find_device(&self) -> Result<Option<StoredResource<Device>>, Error> {
        self.find_one(Search::<Device>::new().identifier(CLIENT_ID, self.client_id())).await
    }
}
