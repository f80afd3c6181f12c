//! The log of requests: each is an event of `tracing`, and an entry in the list of refused requests if it was
//! refused. Neither holds anything that a client sent, so nothing of a patient is in them.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::{Method, Uri};
use axum::response::Response;
use koppeltaal_messaging::Event;
use koppeltaal_messaging::vocabulary::search as parameter;

use super::request::Params;
use crate::app::App;
use crate::instance::InstanceId;
use crate::oauth::OAuthError;
use crate::refusal::Refusal;
use crate::refusals::{RefusedRequest, shortened};
use crate::server::ConnectionCut;

/// The target of the events. The README names it.
const TARGET: &str = "koppeltaal_sandbox::requests";

/// Why a request is refused. It travels with the response.
#[derive(Debug, Clone)]
pub(crate) struct Reason {
    code: Option<String>,
    rule: &'static str,
    place: Option<Cow<'static, str>>,
    expected: Option<Cow<'static, str>>,
}

impl Reason {
    /// A reason that is only a sentence.
    pub(crate) fn from_rule(rule: &'static str) -> Self {
        Self { code: None, rule, place: None, expected: None }
    }

    pub(crate) fn from_refusal(refusal: &Refusal) -> Self {
        Self {
            code: refusal.code().map(ToString::to_string),
            rule: refusal.rule,
            place: refusal.place.clone(),
            expected: refusal.expected.clone(),
        }
    }

    pub(crate) fn from_oauth(error: OAuthError) -> Self {
        Self { code: Some(error.code.text().to_owned()), ..Self::from_rule(error.description) }
    }
}

/// The paths that the sandbox has, as patterns.
#[derive(Debug, Default)]
pub(crate) struct Routes(Vec<String>);

impl Routes {
    pub(crate) fn add(&mut self, pattern: String) {
        self.0.push(pattern);
    }

    /// The pattern of a path, if the sandbox has it. A name in braces stands for one segment, a name with an
    /// asterisk for the rest.
    fn pattern_of(&self, path: &str) -> Option<&str> {
        let is_match = |pattern: &&String| {
            let mut segments = path.split('/');
            for part in pattern.split('/') {
                match segments.next() {
                    Some(_) if part.starts_with("{*") => return true,
                    Some(segment) if segment == part || (part.starts_with('{') && !segment.is_empty()) => {}
                    _ => return false,
                }
            }
            segments.next().is_none()
        };
        // Patterns without braces come first in each list of routes, so `_search` is not taken for an id.
        self.0.iter().find(is_match).map(String::as_str)
    }
}

/// The method of a request. A client may send any word as one, of any length, so others are not named.
fn known_method(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];
    known.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// What the log says about a request, which is known before it is answered.
#[derive(Debug)]
pub(crate) struct RequestLog {
    method: &'static str,
    route: Option<String>,
    instance: Option<InstanceId>,
}

impl RequestLog {
    pub(crate) fn new(routes: &Routes, method: &Method, uri: &Uri, instance: Option<InstanceId>) -> Self {
        let is_claim = || {
            let params = Params::read(uri).ok();
            params.is_some_and(|params| params.get(parameter::QUERY) == Some(parameter::CLAIM))
        };
        let route = routes.pattern_of(uri.path()).map(|pattern| match uri.query() {
            Some(query) if query.contains(parameter::QUERY) && is_claim() => {
                [pattern, "?", parameter::QUERY, "=", parameter::CLAIM].concat()
            }
            _ => pattern.to_owned(),
        });
        Self { method: known_method(method), route, instance }
    }

    /// The username of the instance that asks.
    pub(crate) fn username(&self) -> Option<&str> {
        self.instance.as_ref().map(|instance| &*instance.username)
    }

    /// Reports the answer to the log, and to the list of refused requests if it is a refusal.
    pub(crate) fn report(self, app: &App, response: &mut Response, duration: Duration) {
        let reason = response.extensions_mut().remove::<Reason>();
        let event = response.extensions().get::<Event>().map(ToString::to_string);
        let event = event.as_deref();
        let Self { method, route, instance } = self;
        let username = instance.as_ref().map(|instance| &*instance.username);
        // To the microsecond.
        let duration_ms = (duration.as_secs_f64() * 1e6).round() / 1e3;
        if response.extensions().get::<ConnectionCut>().is_some() {
            tracing::info!(
                target: TARGET, method, route, instance = username, event, duration_ms,
                "the connection is cut on purpose"
            );
            return;
        }
        let status = response.status().as_u16();
        if reason.is_none() && status < 400 {
            tracing::debug!(
                target: TARGET, method, route, instance = username, event, status, duration_ms, "answered"
            );
            return;
        }
        let text = |text: Option<&Cow<'static, str>>| text.map(|text| shortened(text));
        let refused = RefusedRequest {
            when: app.now().instant(),
            method: method.to_string(),
            route,
            instance: username.map(str::to_owned),
            status,
            code: reason.as_ref().and_then(|reason| reason.code.clone()),
            rule: reason.as_ref().map(|reason| reason.rule),
            place: text(reason.as_ref().and_then(|reason| reason.place.as_ref())),
            expected: text(reason.as_ref().and_then(|reason| reason.expected.as_ref())),
        };
        tracing::info!(
            target: TARGET,
            method = refused.method,
            route = refused.route,
            instance = refused.instance,
            event,
            status,
            duration_ms,
            code = refused.code,
            rule = refused.rule,
            place = refused.place,
            expected = refused.expected,
            "refused"
        );
        app.refuse(refused);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shown_by_its_pattern_only() {
        let mut routes = Routes::default();
        for pattern in ["/a/_search", "/a/{id}", "/a/{id}/_history/{version}", "/signalr/{*path}"] {
            routes.add(pattern.to_owned());
        }
        assert_eq!(routes.pattern_of("/a/_search"), Some("/a/_search"));
        assert_eq!(routes.pattern_of("/a/12"), Some("/a/{id}"));
        assert_eq!(routes.pattern_of("/a/12/_history/3"), Some("/a/{id}/_history/{version}"));
        assert_eq!(routes.pattern_of("/signalr/connect/x"), Some("/signalr/{*path}"));
        for unknown in ["/a", "/a/", "/a/12/_history", "/a/12/_history/3/4", "/Patient/900001"] {
            assert_eq!(routes.pattern_of(unknown), None, "{unknown}");
        }
    }
}
