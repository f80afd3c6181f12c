//! The handlers of OAuth 2 and of the launches.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use form_urlencoded::byte_serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::authentication::{Account, basic_credentials};
use super::log::Reason;
use super::request::{LinksFor, Params, missing_parameter, read_form};
use crate::app::App;
use crate::links::Links;
use crate::oauth::{
    Authorization, AuthorizationRequest, Challenge, Client, Code, Context, LaunchSizeError, OAuthError,
    Tokens, is_mobile,
};
use crate::refusal::{Refusal, RefusalKind};

/// Path of OAuth 2 and of the launches under the server's base.
pub(crate) const OAUTH_PATH: &str = "/OAuth2/Koppeltaal";

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

/// `GET Launch`: a redirect to the launch page of the application.
pub(crate) async fn launch(
    State(app): State<Arc<App>>,
    account: Account,
    LinksFor(links): LinksFor,
    params: Params,
) -> Result<Response, Refusal> {
    Ok(redirect(&launch_location(&app, &links, context(&account, &params))?))
}

/// Starts a launch, and gives the address that the browser has to go to.
pub(crate) fn launch_location(app: &App, links: &Links, context: Context) -> Result<String, Refusal> {
    check(app, &context)?;
    let client = context.client.clone();
    let (page, launch) = app.oauth(|oauth| {
        let page = oauth.application(&client).and_then(|application| application.launch_url.clone());
        let page = page.ok_or_else(|| Refusal::rule("The application has no launch page."))?;
        let launch = oauth.launch(context, &mut Uuid::new_v4, app.now()).map_err(too_large)?;
        Ok::<_, Refusal>((page, launch))
    })??;
    tracing::debug!(client, "launched");
    Ok(launch_page(&page, &links.fhir(), &launch, &client))
}

/// `GET MobileLaunch`: an activation code for the user to type into the app.
pub(crate) async fn mobile_launch(
    State(app): State<Arc<App>>,
    account: Account,
    params: Params,
) -> Result<Response, Refusal> {
    let context = context(&account, &params);
    check(&app, &context)?;
    let (code, lifetime) = app.oauth(|oauth| {
        let code = oauth.activation(context, &mut Uuid::new_v4, app.now());
        code.map(|code| (code, oauth.lifetimes().activation)).map_err(too_large)
    })??;
    let days = lifetime.as_secs().div_ceil(SECONDS_PER_DAY);
    Ok(secret_json(StatusCode::OK, &json!({ "activation_code": code, "expires_in": days })))
}

fn too_large(_: LaunchSizeError) -> Refusal {
    Refusal::new(
        RefusalKind::TooLarge,
        "too-long",
        "The launch takes more memory than its application may have.",
    )
}

/// Who is launched into which application, as the parameters say.
fn context(account: &Account, params: &Params) -> Context {
    let optional = |name: &str| params.get(name).map(str::to_owned);
    let required = |name: &str| optional(name).unwrap_or_default();
    Context {
        client: required("client_id"),
        domain: account.0.domain.to_string(),
        patient: required("patient"),
        user: required("user"),
        resource: optional("resource"),
        intent: optional("intent"),
    }
}

/// Whether there can be such a launch. The patient need not be known: no message may have named it yet.
fn check(app: &App, context: &Context) -> Result<(), Refusal> {
    let Context { client, domain, patient, user, resource: _, intent: _ } = context;
    let required = [("client_id", client), ("patient", patient), ("user", user)];
    if let Some((name, _)) = required.into_iter().find(|(_, value)| value.is_empty()) {
        return Err(missing_parameter(name));
    }
    if app.oauth(|oauth| oauth.application(client).is_none())? {
        return Err(Refusal::parameter("client_id is not the identifier of an application.").at("client_id"));
    }
    if app.instance_of(domain, client).is_none() {
        return Err(Refusal::parameter("The application has no instance in this domain.").at("client_id"));
    }
    Ok(())
}

/// The launch page with the launch in its placeholders, or else in parameters at its end.
fn launch_page(template: &str, iss: &str, launch: &str, client: &str) -> String {
    let values = [("{iss}", iss), ("{launch}", launch), ("{client_id}", client)];
    let is_template = template.contains("{iss}") || template.contains("{launch}");
    let page = values.iter().fold(template.to_owned(), |page, (placeholder, value)| {
        page.replace(placeholder, &byte_serialize(value.as_bytes()).collect::<String>())
    });
    if is_template { page } else { with_query(&page, &[("iss", iss), ("launch", launch)]) }
}

/// A URI with these parameters after those that it has.
fn with_query(uri: &str, pairs: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let separator = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{separator}{query}")
}

/// `GET Authorize`: a redirect to the application with a code or an error; JSON after a mobile launch.
pub(crate) async fn authorize(State(app): State<Arc<App>>, params: Params) -> Response {
    let Some(client) = params.get("client_id") else {
        return refuse(OAuthError::new(Code::InvalidRequest, "client_id is missing"), false);
    };
    let redirect_uri = params.get("redirect_uri");
    match app.oauth(|oauth| oauth.check_redirect(client, redirect_uri)) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return refuse(error, false),
        Err(error) => return refuse(error.into(), false),
    }
    let state = params.get("state").map(|state| ("state", state));
    let is_mobile = is_mobile(params.get("scope").unwrap_or_default());
    let authorized = authorization_request(&params, client, redirect_uri)
        .and_then(|request| app.oauth(|oauth| oauth.authorize(request, &mut Uuid::new_v4, app.now()))?);
    match (authorized, redirect_uri) {
        (Ok(Authorization::Code(code)), _) => {
            secret_json(StatusCode::OK, &json!({ "authorization_code": code }))
        }
        (Ok(Authorization::Redirect(code)), Some(uri)) => {
            let pairs: Vec<_> = std::iter::once(("code", code.as_str())).chain(state).collect();
            redirect(&with_query(uri, &pairs))
        }
        (Err(error), Some(uri)) if !is_mobile => {
            let pairs = [("error", error.code.text()), ("error_description", error.description)];
            let mut response =
                redirect(&with_query(uri, &pairs.into_iter().chain(state).collect::<Vec<_>>()));
            response.extensions_mut().insert(Reason::from_oauth(error));
            response
        }
        (Err(error), _) => refuse(error, false),
        (Ok(Authorization::Redirect(_)), None) => {
            refuse(OAuthError::new(Code::InvalidRequest, "redirect_uri is missing"), false)
        }
    }
}

/// The longest scope, in bytes.
const MAXIMUM_SCOPE: usize = 4 << 10;

fn authorization_request(
    params: &Params,
    client: &str,
    redirect_uri: Option<&str>,
) -> Result<AuthorizationRequest, OAuthError> {
    if params.has_duplicates() {
        return Err(OAuthError::new(Code::InvalidRequest, "a parameter is given twice"));
    }
    if params.get("response_type") != Some("code") {
        return Err(OAuthError::new(Code::UnsupportedResponseType, "response_type is not code"));
    }
    // Kept with the code and all tokens that come of it.
    if params.get("scope").is_some_and(|scope| scope.len() > MAXIMUM_SCOPE) {
        return Err(OAuthError::new(Code::InvalidScope, "the scope is longer than 4 KiB"));
    }
    let challenge = params.get("code_challenge").map(|text| {
        Challenge::new(params.get("code_challenge_method"), text)
            .ok_or_else(|| OAuthError::new(Code::InvalidRequest, "the code challenge makes no sense"))
    });
    Ok(AuthorizationRequest {
        client: client.to_owned(),
        redirect_uri: redirect_uri.map(str::to_owned),
        scope: params.get("scope").unwrap_or_default().to_owned(),
        challenge: challenge.transpose()?,
    })
}

/// `POST Token` with a form (RFC 6749), and `GET Token` with a query, which deployed clients send.
pub(crate) async fn token(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let has_basic = parts.headers.contains_key(header::AUTHORIZATION);
    let params = match parts.method {
        axum::http::Method::POST => match read_form(body, app.limits()).await {
            Ok(form) => Params::from_form(&form),
            Err(refusal) => {
                let description = match refusal.kind {
                    RefusalKind::TooLarge => "the form is longer than 64 KiB",
                    _ => "the form cannot be read",
                };
                return refuse(OAuthError::new(Code::InvalidRequest, description), false);
            }
        },
        _ => Params::read(&parts.uri).unwrap_or_else(|_| Params::from_form(b"")),
    };
    match tokens(&app, &parts.headers, &params) {
        Ok(tokens) => secret_json(StatusCode::OK, &reply(&tokens)),
        Err(error) => refuse(error, has_basic),
    }
}

fn tokens(app: &App, headers: &HeaderMap, params: &Params) -> Result<Tokens, OAuthError> {
    if params.has_duplicates() {
        return Err(OAuthError::new(Code::InvalidRequest, "a parameter is given twice"));
    }
    let invalid = |description| OAuthError::new(Code::InvalidRequest, description);
    let client = client(headers, params)?;
    let fresh = &mut Uuid::new_v4;
    match params.get("grant_type").ok_or_else(|| invalid("grant_type is missing"))? {
        "authorization_code" => {
            let code = params.get("code").ok_or_else(|| invalid("code is missing"))?;
            let verifier = params.get("code_verifier");
            let redirect_uri = params.get("redirect_uri");
            app.oauth(|oauth| oauth.redeem(&client, code, redirect_uri, verifier, fresh, app.now()))?
        }
        "refresh_token" => {
            let token = params.get("refresh_token").ok_or_else(|| invalid("refresh_token is missing"))?;
            app.oauth(|oauth| oauth.refresh(&client, token, fresh, app.now()))?
        }
        _ => Err(OAuthError::new(Code::UnsupportedGrantType, "grant_type is not supported")),
    }
}

fn client(headers: &HeaderMap, params: &Params) -> Result<Client, OAuthError> {
    let identifier = params.get("client_id").map(str::to_owned);
    let credentials = match headers.get(header::AUTHORIZATION) {
        Some(value) => {
            let basic = value.to_str().ok().and_then(basic_credentials);
            Some(basic.ok_or_else(|| OAuthError::new(Code::InvalidClient, "the credentials are not Basic"))?)
        }
        None => identifier.clone().zip(params.get("client_secret").map(str::to_owned)),
    };
    Ok(Client { identifier, credentials })
}

/// The answer of Token: the tokens, their scope without the launch, and whom the session is about.
fn reply(tokens: &Tokens) -> Value {
    let context = &tokens.context;
    let mut reply = Map::new();
    let optional = [
        ("refresh_token", tokens.refresh.as_ref()),
        ("resource", context.resource.as_ref()),
        ("intent", context.intent.as_ref()),
    ];
    reply.insert("access_token".into(), tokens.access.as_str().into());
    reply.insert("token_type".into(), "Bearer".into());
    reply.insert("expires_in".into(), tokens.lifetime.as_secs().into());
    reply.insert("scope".into(), tokens.scope.as_str().into());
    reply.insert("patient".into(), context.patient.as_str().into());
    reply.insert("user".into(), context.user.as_str().into());
    reply.insert("domain".into(), context.domain.as_str().into());
    for (name, value) in optional {
        reply.extend(value.map(|value| (name.to_owned(), value.as_str().into())));
    }
    reply.into()
}

fn redirect(location: &str) -> Response {
    // Every part is either configured and checked, or percent-encoded.
    let location = HeaderValue::from_str(location).unwrap_or_else(|_| HeaderValue::from_static("/"));
    (StatusCode::FOUND, [(header::LOCATION, location), (header::CACHE_CONTROL, no_store())]).into_response()
}

/// An OAuth 2 error. `WWW-Authenticate` is set only when the client used `Authorization` (RFC 6749 section
/// 5.2).
fn refuse(error: OAuthError, has_basic: bool) -> Response {
    let status = match error.code {
        Code::InvalidClient => StatusCode::UNAUTHORIZED,
        Code::ServerError => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    };
    let body = json!({ "error": error.code.text(), "error_description": error.description });
    let mut response = secret_json(status, &body);
    response.extensions_mut().insert(Reason::from_oauth(error));
    if has_basic && status == StatusCode::UNAUTHORIZED {
        let realm = HeaderValue::from_static(r#"Basic realm="Koppeltaal""#);
        response.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
    }
    response
}

/// JSON that no cache on the way may store.
fn secret_json(status: StatusCode, body: &Value) -> Response {
    let pragma = (header::PRAGMA, HeaderValue::from_static("no-cache"));
    (status, [(header::CACHE_CONTROL, no_store()), pragma], Json(body)).into_response()
}

fn no_store() -> HeaderValue {
    HeaderValue::from_static("no-store")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_launch_page_is_a_template() {
        let page =
            |template: &str| launch_page(template, "https://k.example/FHIR/Koppeltaal", "123", "my game");
        assert_eq!(
            page("https://game.example/start"),
            "https://game.example/start?iss=https%3A%2F%2Fk.example%2FFHIR%2FKoppeltaal&launch=123"
        );
        assert_eq!(
            page("https://game.example/?lang=nl"),
            "https://game.example/?lang=nl&iss=https%3A%2F%2Fk.example%2FFHIR%2FKoppeltaal&launch=123"
        );
        assert_eq!(
            page("https://game.example/?launch_id={launch}&application_id={client_id}"),
            "https://game.example/?launch_id=123&application_id=my+game"
        );
        assert_eq!(
            page("https://game.example/{client_id}"),
            "https://game.example/my+game?iss=https%3A%2F%2Fk.example%2FFHIR%2FKoppeltaal&launch=123"
        );
    }
}
