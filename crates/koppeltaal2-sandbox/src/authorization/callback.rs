//! The browser comes back from the identity provider: is it the launched person?

use std::time::Instant;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::HeaderMap;

use crate::authorization::grant::Login;
use crate::authorization::login_events::{Step, Subject};
use crate::authorization::reply::redirect;
use crate::authorization::service::{AuthorizationService, secret};
use crate::config::UserType;
use crate::form::{Form, with_parameters};
use crate::page;
use crate::person::Person;
use crate::refusal::Refusal;
use crate::trace::Trace;

/// `GET /oauth2/callback`.
pub(crate) async fn callback(
    State(service): State<AuthorizationService>,
    Extension(trace): Extension<Trace>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    match service.finish_login(query.unwrap_or_default().as_bytes(), &trace).await {
        Ok(location) => redirect(&location),
        Err(refusal) => {
            page::refuse(&service.shared.refusals, "/oauth2/callback", &refusal, &trace, &headers)
        }
    }
}

impl AuthorizationService {
    async fn finish_login(&self, query: &[u8], trace: &Trace) -> Result<String, Refusal> {
        let form = Form::parse(query)
            .map_err(|_| Refusal::request("the request is too long or repeats a parameter"))?;
        let state = form.get("state").ok_or_else(|| Refusal::missing("state"))?;
        let login = self.shared.logins.take(state, Instant::now());
        let login = login.ok_or_else(|| Refusal::request("the login is unknown, over or expired"))?;
        let decided = self.decide(&form, &login).await;
        let launched = &login.launched;
        let subject = Subject {
            application: &launched.application,
            launch: Some(&launched.launch),
            provider: Some(&login.provider),
        };
        self.record(Step::Decision, subject, trace, decided.as_ref().err());
        decided?;
        let code = secret();
        self.shared.codes.put(code.clone(), launched.clone(), Instant::now());
        let parameters = [("code", code.as_str()), ("state", launched.state.as_str())];
        Ok(with_parameters(&launched.redirect_uri, &parameters))
    }

    /// Whether the identity provider says that it is the launched person.
    async fn decide(&self, form: &Form, login: &Login) -> Result<(), Refusal> {
        if form.get("error").is_some() {
            return Err(Refusal::denied("the identity provider did not log the user in"));
        }
        let code = form.get("code").ok_or_else(|| Refusal::missing("code"))?;
        let token = login.provider.exchange(code, &login.code_verifier, &login.nonce).await;
        let token = token.map_err(|reason| {
            Refusal::denied(format!("the identity provider {}: {reason}", login.provider.name()))
        })?;
        let claim = self.shared.login_claim.as_str();
        let value = token.claims().text(claim).ok_or_else(|| {
            Refusal::denied(format!("the id_token of the identity provider has no claim {claim}"))
        })?;
        self.check_person(login, value)
    }

    /// Whether the launched person has this identifier; and whether a related person is one of the launched
    /// patient.
    fn check_person(&self, login: &Login, value: &str) -> Result<(), Refusal> {
        let launch = &login.launched.launch;
        let person = Person::read(&self.shared.store, &launch.subject);
        let person = person.ok_or_else(|| Refusal::denied("sub of the launch is nobody in the store"))?;
        if !person.identifiers.iter().any(|identifier| identifier == value) {
            let claim = &self.shared.login_claim;
            return Err(Refusal::denied(format!(
                "the launched person has no identifier with the value of the claim {claim}"
            )));
        }
        if person.kind == UserType::RelatedPerson && person.patient != launch.patient {
            return Err(Refusal::denied("the related person is not one of the launch's patient"));
        }
        Ok(())
    }
}
