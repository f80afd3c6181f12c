//! Who asks: [`Account`] by Basic credentials, [`Caller`] by those or by a bearer token.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::format::header_text;
use super::request::Params;
use crate::app::App;
use crate::instance::InstanceId;
use crate::refusal::{Refusal, RefusalKind};
use koppeltaal_messaging::ResourceUrl;

/// The application instance that makes a request, and the patient whom its token is about.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) instance: InstanceId,
    /// URL without version. Nothing is shown about anybody else. With Basic credentials there is no such
    /// limit.
    pub(crate) patient: Option<String>,
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        by_any(app, authorization(&parts.headers)?, parts.uri.path())
    }
}

/// Basic or Bearer, for a request to this path.
fn by_any(app: &App, authorization: &str, path: &str) -> Result<Caller, Refusal> {
    let (scheme, token) = scheme(authorization);
    if scheme.eq_ignore_ascii_case("Bearer") {
        return by_token(app, token.trim(), path);
    }
    let Account(instance) = by_basic(app, authorization)?;
    Ok(Caller { instance, patient: None })
}

/// The caller by the header, or else by the parameter `access_token` or `Authorization`: browsers cannot set
/// headers on event streams and sockets.
pub(crate) fn from_query_or_header(
    app: &App,
    headers: &HeaderMap,
    uri: &Uri,
    params: &Params,
) -> Result<Caller, Refusal> {
    if headers.contains_key(header::AUTHORIZATION) {
        return by_any(app, authorization(headers)?, uri.path());
    }
    if let Some(token) = params.get("access_token") {
        return by_token(app, token, uri.path());
    }
    by_any(app, &authorization_parameter(params)?, uri.path())
}

/// The application instance that makes a request, by Basic credentials only. They may also stand in the
/// parameter `Authorization`, because a browser that is sent to a launch cannot set a header.
#[derive(Debug, Clone)]
pub(crate) struct Account(pub(crate) InstanceId);

impl FromRequestParts<Arc<App>> for Account {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        if parts.headers.contains_key(header::AUTHORIZATION) {
            return by_basic(app, authorization(&parts.headers)?);
        }
        let params = Params::read(&parts.uri)?;
        by_basic(app, &authorization_parameter(&params)?)
    }
}

/// The instance that the credentials of a request name, even when they are wrong or have expired. It is for
/// the log and for faults; it allows nothing.
pub(crate) fn named_instance(app: &App, headers: &HeaderMap, uri: &Uri) -> Option<InstanceId> {
    let instance_of_token = |token: &str| {
        let session = app.oauth(|oauth| oauth.session(token, app.now()).cloned()).ok()??;
        app.instance_of(&session.context.domain, &session.context.client)
    };
    let instance_of = |authorization: &str| match scheme(authorization) {
        (scheme, token) if scheme.eq_ignore_ascii_case("Bearer") => instance_of_token(token.trim()),
        _ => {
            basic_credentials(authorization).and_then(|(username, _)| app.instance_named(&username).cloned())
        }
    };
    if headers.contains_key(header::AUTHORIZATION) {
        return instance_of(authorization(headers).ok()?);
    }
    uri.query()?;
    let params = Params::read(uri).ok()?;
    match params.get("access_token") {
        Some(token) => instance_of_token(token),
        None => instance_of(&authorization_parameter(&params).ok()?),
    }
}

/// The parameter `Authorization`. Without a scheme it means Basic.
fn authorization_parameter(params: &Params) -> Result<String, Refusal> {
    let given = params.get("Authorization").ok_or_else(no_credentials)?;
    Ok(if given.contains(' ') { given.to_owned() } else { format!("Basic {given}") })
}

fn refuse(rule: &'static str) -> Refusal {
    Refusal::new(RefusalKind::Unauthorized, "login", rule).at("Authorization")
}

/// What may stand in `Authorization`.
const SCHEMES: &str = "Basic or Bearer";

fn no_credentials() -> Refusal {
    refuse("Authentication failed: no credentials given").expected(SCHEMES)
}

fn authorization(headers: &HeaderMap) -> Result<&str, Refusal> {
    header_text(headers, header::AUTHORIZATION).ok_or_else(no_credentials)
}

fn scheme(authorization: &str) -> (&str, &str) {
    authorization.split_once(' ').unwrap_or((authorization, ""))
}

fn by_basic(app: &App, authorization: &str) -> Result<Account, Refusal> {
    if !scheme(authorization).0.eq_ignore_ascii_case("Basic") {
        return Err(refuse("Authentication failed: the scheme is not supported").expected(SCHEMES));
    }
    let known = basic_credentials(authorization)
        .and_then(|(username, password)| app.authenticate(&username, &password));
    known
        .map(Account)
        .ok_or_else(|| refuse("Authentication failed: the username or the password is not correct"))
}

fn by_token(app: &App, token: &str, path: &str) -> Result<Caller, Refusal> {
    let now = app.now();
    let session = app.oauth(|oauth| oauth.session(token, now).cloned())?;
    let session = session.ok_or_else(unknown_token)?;
    let instance = app.instance_of(&session.context.domain, &session.context.client);
    // The configuration has changed since.
    let instance = instance.ok_or_else(unknown_token)?;
    if app.faults().token_expires(path, &instance.username) || session.expires <= now {
        let at = session.expires.instant();
        let details = format!("Authentication failed: Bearer token has expired at {}", at.as_str());
        let rule = "Authentication failed: Bearer token has expired";
        let refusal = Refusal::new(RefusalKind::BadToken, "expired", rule).at("Authorization");
        return Err(refusal.expected("a token that is valid").details(details));
    }
    let patient = ResourceUrl::split_version(&session.context.patient).0.to_owned();
    Ok(Caller { instance, patient: Some(patient) })
}

fn unknown_token() -> Refusal {
    Refusal::new(RefusalKind::BadToken, "login", "Authentication failed: Bearer token is not known")
        .at("Authorization")
}

/// Username and password of Basic credentials (RFC 7617, UTF-8); `None` for another scheme.
pub(crate) fn basic_credentials(authorization: &str) -> Option<(String, String)> {
    let (scheme, credentials) = scheme(authorization);
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64_STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (username, password) = decoded.split_once(':')?;
    Some((username.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_may_hold_colons_and_any_character() {
        let encoded = |text: &str| format!("basic {}", BASE64_STANDARD.encode(text));
        let read = basic_credentials(&encoded("portaal:wacht:wöord"));
        assert_eq!(read, Some(("portaal".into(), "wacht:wöord".into())));
        assert_eq!(basic_credentials("Basic %%%"), None);
        assert_eq!(basic_credentials(&encoded("no colon")), None);
        assert_eq!(basic_credentials(&encoded("a:b").replace("basic", "Bearer")), None);
    }
}
