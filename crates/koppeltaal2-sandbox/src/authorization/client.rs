//! How an application proves who it is: a client assertion (`private_key_jwt`), used once.

use std::time::SystemTime;

use koppeltaal_smart::{AssertionVerifier, CLIENT_ASSERTION_TYPE, UnverifiedJwt};

use crate::application::RegisteredApplication;
use crate::authorization::service::AuthorizationService;
use crate::form::Form;
use crate::refusal::Refusal;

impl AuthorizationService {
    /// The application that sent a form, whose assertion has to be for one of these audiences.
    pub(crate) async fn authenticate(
        &self,
        form: &Form,
        audiences: &[&str],
        now: SystemTime,
    ) -> Result<&RegisteredApplication, Refusal> {
        let required = |name| form.get(name).ok_or_else(|| Refusal::missing(name));
        if required("client_assertion_type")? != CLIENT_ASSERTION_TYPE {
            return Err(Refusal::request(format!("client_assertion_type is not {CLIENT_ASSERTION_TYPE}")));
        }
        let assertion = required("client_assertion")?;
        let assertion = UnverifiedJwt::parse(assertion).map_err(|error| Refusal::assertion(&error))?;
        let claimed = assertion.unverified_claims().text("iss").unwrap_or_default();
        let application = self.shared.applications.by_client_id(claimed);
        let application = application.ok_or_else(|| Refusal::client("iss is no client of this domain"))?;
        if form.get("client_id").is_some_and(|client_id| client_id != claimed) {
            return Err(Refusal::client("client_id is not iss of the client assertion"));
        }
        if !application.is_approved() {
            return Err(Refusal::client("the administration has not approved the client"));
        }
        AssertionVerifier::new(audiences.iter().copied())
            .verify(&assertion, application.keys(), &self.shared.assertions, now)
            .await
            .map_err(|error| Refusal::assertion(&error))?;
        Ok(application)
    }
}
