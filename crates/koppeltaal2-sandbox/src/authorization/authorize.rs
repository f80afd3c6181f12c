//! The authorization endpoint: a launched user's browser comes from the module and goes on to the identity
//! provider.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::HeaderMap;
use koppeltaal_smart::{OAuthErrorCode, UnverifiedJwt};

use crate::application::RegisteredApplication;
use crate::authorization::grant::{Launched, Login};
use crate::authorization::login_events::{Step, Subject};
use crate::authorization::provider::LoginSecrets;
use crate::authorization::reply::redirect;
use crate::authorization::service::{AuthorizationService, secret};
use crate::config::{self, UserType};
use crate::form::Form;
use crate::page;
use crate::refusal::Refusal;
use crate::trace::Trace;

/// The scopes of a launch, exactly these.
const SCOPES: [&str; 3] = ["launch", "openid", "fhirUser"];

/// What `prompt` may say (`OpenID` Connect Core section 3.1.2.1).
const PROMPTS: [&str; 4] = ["none", "login", "consent", "select_account"];

/// How long `state` and `nonce` may be, which are kept until the code is exchanged.
const KEPT_BYTES: usize = 2048;

/// The characters of a challenge of method S256.
const CHALLENGE_LENGTH: usize = 43;

const ENDPOINT: &str = "/oauth2/authorize";

/// `GET /oauth2/authorize`.
pub(crate) async fn authorize(
    State(service): State<AuthorizationService>,
    Extension(trace): Extension<Trace>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    service.answer_authorize(query.unwrap_or_default().as_bytes(), &trace, &headers).await
}

/// `POST /oauth2/authorize`, which SMART calls `authorize-post`.
pub(crate) async fn authorize_post(
    State(service): State<AuthorizationService>,
    Extension(trace): Extension<Trace>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    service.answer_authorize(&body, &trace, &headers).await
}

impl AuthorizationService {
    async fn answer_authorize(&self, parameters: &[u8], trace: &Trace, headers: &HeaderMap) -> Response {
        // Never to the redirect URI: nothing of the request can be trusted.
        let refuse =
            |refusal: &Refusal| page::refuse(&self.shared.refusals, ENDPOINT, refusal, trace, headers);
        let Ok(form) = Form::parse(parameters) else {
            return refuse(&Refusal::request("the request is too long or repeats a parameter"));
        };
        match self.begin_login(&form, trace).await {
            Ok(location) => redirect(&location),
            Err(refusal) => {
                let client_id = form.get("client_id").unwrap_or_default();
                if let Some(application) = self.shared.applications.by_client_id(client_id) {
                    let subject = Subject { application, launch: None, provider: None };
                    self.record(Step::Login, subject, trace, Some(&refusal));
                }
                refuse(&refusal)
            }
        }
    }

    /// Checks a request, and gives the URL of the identity provider.
    async fn begin_login(&self, form: &Form, trace: &Trace) -> Result<String, Refusal> {
        let required = |name| form.get(name).ok_or_else(|| Refusal::missing(name));
        let application = self.shared.applications.by_client_id(required("client_id")?);
        let application = application.filter(|application| application.is_approved());
        let application = application.ok_or_else(|| {
            Refusal::bad(OAuthErrorCode::UnauthorizedClient, "client_id is no approved client of this domain")
        })?;
        let redirect_uri = required("redirect_uri")?;
        self.check_redirect_uri(application, redirect_uri)?;
        if required("response_type")? != "code" {
            return Err(Refusal::bad(
                OAuthErrorCode::UnsupportedResponseType,
                "response_type has to be code",
            ));
        }
        if required("aud")? != self.shared.domain.fhir_base {
            return Err(Refusal::request("aud is not the base URL of the FHIR server, exactly"));
        }
        let scope = required("scope")?;
        check_scope(scope)?;
        let (state, nonce) = (required("state")?, form.get("nonce"));
        if state.len().max(nonce.map_or(0, str::len)) > KEPT_BYTES {
            return Err(Refusal::request(format!("state or nonce has more than {KEPT_BYTES} bytes")));
        }
        let challenge = self.challenge(form)?;
        let prompt = form.get("prompt");
        if prompt.is_some_and(|prompt| prompt.split(' ').any(|word| !PROMPTS.contains(&word))) {
            return Err(Refusal::request("prompt has to be none, login, consent or select_account"));
        }
        let launch = required("launch")?;
        // Last, since it spends the launch.
        let refused = |error| Refusal::request(format!("the launch is not accepted: {error}"));
        let token = UnverifiedJwt::parse(launch).map_err(refused)?;
        let launch = self.check_launch(&token, application, SystemTime::now()).await.map_err(refused)?;
        let launched = Launched {
            application: application.clone(),
            redirect_uri: redirect_uri.to_owned(),
            state: state.to_owned(),
            scope: scope.to_owned(),
            nonce: nonce.map(str::to_owned),
            challenge: challenge.map(str::to_owned),
            launch,
            claims: token.unverified_claims().as_map().clone(),
        };
        self.send_to_provider(launched, prompt, trace)
    }

    fn check_redirect_uri(&self, application: &RegisteredApplication, uri: &str) -> Result<(), Refusal> {
        let registered = application.redirect_uris();
        let is_open =
            registered.is_empty() && self.shared.switches.any_redirect_uri && config::is_http_url(uri);
        match is_open || registered.iter().any(|known| known == uri) {
            true => Ok(()),
            false => Err(Refusal::request("redirect_uri is not registered for the client, exactly")),
        }
    }

    fn challenge<'a>(&self, form: &'a Form) -> Result<Option<&'a str>, Refusal> {
        let Some(challenge) = form.get("code_challenge") else {
            return match self.shared.switches.without_code_challenge {
                true => Ok(None),
                false => Err(Refusal::missing("code_challenge")),
            };
        };
        if form.get("code_challenge_method") != Some("S256") {
            return Err(Refusal::request("code_challenge_method has to be S256"));
        }
        if challenge.len() != CHALLENGE_LENGTH {
            return Err(Refusal::request("code_challenge is not a SHA-256 in base64url"));
        }
        Ok(Some(challenge))
    }

    /// Remembers the login, and gives the URL of the identity provider.
    fn send_to_provider(
        &self,
        launched: Launched,
        prompt: Option<&str>,
        trace: &Trace,
    ) -> Result<String, Refusal> {
        let user = UserType::of_reference(&launched.launch.subject);
        let (user, _) = user.ok_or_else(|| {
            Refusal::request("sub of the launch is no Patient, Practitioner or RelatedPerson")
        })?;
        let name = launched.application.identity_provider(user, launched.launch.idp_hint.as_deref());
        let provider = self.shared.providers.get(name);
        let provider = provider.ok_or_else(|| Refusal::failure("the identity provider is not configured"))?;
        let (state, nonce, code_verifier) = (secret(), secret(), secret());
        let secrets = LoginSecrets { state: &state, nonce: &nonce, code_verifier: &code_verifier };
        let location = provider.login_url(&secrets, prompt, &launched.launch.subject);
        let subject =
            Subject { application: &launched.application, launch: Some(&launched.launch), provider: None };
        self.record(Step::Login, subject, trace, None);
        self.record(Step::Delegation, Subject { provider: Some(provider), ..subject }, trace, None);
        let login =
            Login { launched: Arc::new(launched), provider: Arc::clone(provider), nonce, code_verifier };
        self.shared.logins.put(state, login, Instant::now());
        Ok(location)
    }
}

/// Exactly the three scopes, in any order.
fn check_scope(scope: &str) -> Result<(), Refusal> {
    let mut words: Vec<&str> = scope.split(' ').collect();
    let mut expected = SCOPES;
    words.sort_unstable();
    expected.sort_unstable();
    match words == expected {
        true => Ok(()),
        false => Err(Refusal::bad(OAuthErrorCode::InvalidScope, "scope has to be `launch openid fhirUser`")),
    }
}
