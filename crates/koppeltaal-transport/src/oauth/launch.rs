//! Launches: a portal sends a user into another application, which receives the launch.

use std::fmt;

use koppeltaal_messaging::ResourceUrl;
use reqwest::Url;

use crate::client::Client;
use crate::error::Result;
use crate::exchange::request::{Operation, Request};

/// A portal's request to launch a user into an application.
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct LaunchRequest {
    client_id: String,
    patient: ResourceUrl,
    user: ResourceUrl,
    resource: String,
    intent: Option<String>,
}

/// The result of a mobile launch: a code that the user types into the app.
///
/// `Debug` does not show the code.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MobileLaunch {
    /// The code, which works once.
    pub activation_code: String,
    /// For how many days the code works, if the server says so.
    pub expires_in_days: Option<u32>,
}

/// The parameters of the URL that a launched user's browser opens.
///
/// `Debug` does not show the launch.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceivedLaunch {
    /// The FHIR base of the server that made the launch. Check with [`Client::is_issuer`] that it is a known
    /// one before you send it anything.
    pub iss: String,
    /// The launch, for [`AuthorizationRequest`](crate::AuthorizationRequest).
    pub launch: String,
}

/// The URL is not that of a launch: it has no `iss`, or no `launch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the URL is not that of a launch: it has no parameter {missing}")]
pub struct NotALaunch {
    /// The parameter that is missing.
    pub missing: &'static str,
}

/// The names of the launch in the URL of the launch page. The first one is usual.
const LAUNCH: [&str; 2] = ["launch", "launch_id"];

impl LaunchRequest {
    /// Launches `user` into the application `client_id`, about `patient`.
    ///
    /// `client_id` is the application's identifier, the display of the `application` in its activity
    /// definition; `user` is the patient, a practitioner or a related person; `resource` is the identifier of
    /// an activity in a care plan.
    pub fn new(
        client_id: impl Into<String>,
        patient: ResourceUrl,
        user: ResourceUrl,
        resource: impl Into<String>,
    ) -> Self {
        Self { client_id: client_id.into(), patient, user, resource: resource.into(), intent: None }
    }

    /// What the user is to do there, as a word that both applications know.
    pub fn intent(mut self, intent: impl Into<String>) -> Self {
        self.intent = Some(intent.into());
        self
    }

    fn url(&self, endpoint: &Url) -> Url {
        let mut url = endpoint.clone();
        url.query_pairs_mut()
            .append_pair("client_id", &self.client_id)
            .append_pair("patient", self.patient.versionless())
            .append_pair("user", self.user.versionless())
            .append_pair("resource", &self.resource)
            .extend_pairs(self.intent.iter().map(|intent| ("intent", intent)));
        url
    }
}

impl ReceivedLaunch {
    /// Reads the query of the launch page's URL, or the whole URL.
    ///
    /// # Errors
    ///
    /// [`NotALaunch`]: it has no `iss` or no `launch` (also seen: `launch_id`).
    pub fn read(url_or_query: &str) -> std::result::Result<Self, NotALaunch> {
        let query = query_of(url_or_query);
        let get = |names: &[&str]| names.iter().find_map(|name| parameter(query, name));
        let iss = get(&["iss"]).ok_or(NotALaunch { missing: "iss" })?;
        let launch = get(&LAUNCH).ok_or(NotALaunch { missing: "launch" })?;
        Ok(Self { iss, launch })
    }
}

/// What follows the `?`, without a fragment; all of it, if there is no `?`.
pub(crate) fn query_of(url_or_query: &str) -> &str {
    let url = url_or_query.split('#').next().unwrap_or_default();
    url.split_once('?').map_or(url, |(_, query)| query)
}

/// The first value of a parameter; an empty one counts as absent.
pub(crate) fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.into_owned())
}

/// Whole days; `None` for a number out of range.
fn days(number: f64) -> Option<u32> {
    // The range is checked, and the cast cuts the fraction off.
    (0.0..=f64::from(u32::MAX)).contains(&number).then_some(number as u32)
}

impl Client {
    /// Launches a user into a web application. Returns the URL for the user's browser; the client does not
    /// open it.
    ///
    /// # Errors
    ///
    /// Those of a read, and [`OAuth`](crate::Error::OAuth) when the server refuses the launch.
    pub async fn launch(&self, launch: &LaunchRequest) -> Result<Url> {
        let url = launch.url(self.endpoints().await?.to_launch()?);
        self.exchange(Request::new(Operation::LAUNCH, url), |answer| {
            answer.location().ok_or_else(|| answer.unexpected("no redirect to a launch page"))
        })
        .await
    }

    /// Launches a user into a mobile application. Returns the code that the user types there.
    ///
    /// # Errors
    ///
    /// Those of [`launch`](Self::launch).
    pub async fn mobile_launch(&self, launch: &LaunchRequest) -> Result<MobileLaunch> {
        let url = launch.url(&self.endpoints().await?.mobile_launch);
        self.exchange(Request::new(Operation::MOBILE_LAUNCH, url), |answer| {
            answer.members("no activation code", |reply| {
                let activation_code = reply.text(&["activation_code"]).ok_or("no activation code")?;
                Ok(MobileLaunch {
                    activation_code,
                    expires_in_days: reply.number(&["expires_in"]).and_then(days),
                })
            })
        })
        .await
    }

    /// Whether an `iss` is the FHIR base of this client's server. An application must not send anything to a
    /// server that it does not know.
    pub fn is_issuer(&self, iss: &str) -> bool {
        let base = self.server().fhir("", &[]);
        Url::parse(iss).is_ok_and(|iss| {
            let path = |url: &Url| url.path().trim_end_matches('/').to_owned();
            iss.origin() == base.origin() && path(&iss) == path(&base) && iss.query().is_none()
        })
    }
}

impl fmt::Debug for LaunchRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaunchRequest").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for MobileLaunch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MobileLaunch").field("expires_in_days", &self.expires_in_days).finish_non_exhaustive()
    }
}

impl fmt::Debug for ReceivedLaunch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceivedLaunch").field("iss", &self.iss).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_launch_is_read_from_url_or_query() {
        for text in [
            "https://game.example/start?iss=https%3A%2F%2Fk.example%2FFHIR%2FKoppeltaal&launch=123#top",
            "iss=https://k.example/FHIR/Koppeltaal&launch_id=123",
        ] {
            let launch = ReceivedLaunch::read(text).expect("a launch");
            assert_eq!(
                (launch.iss.as_str(), launch.launch.as_str()),
                ("https://k.example/FHIR/Koppeltaal", "123")
            );
            assert!(!format!("{launch:?}").contains("123"));
        }
        let missing = |text| ReceivedLaunch::read(text).expect_err("no launch").missing;
        assert_eq!(missing("https://game.example/start"), "iss");
        assert_eq!(missing("iss=https://k.example&launch="), "launch");
    }

    #[test]
    fn only_the_server_itself_is_its_issuer() {
        let client = Client::builder("http://127.0.0.1:8480").build().expect("a client");
        for (iss, is) in [
            ("http://127.0.0.1:8480/FHIR/Koppeltaal", true),
            ("http://127.0.0.1:8480/FHIR/Koppeltaal/", true),
            ("http://127.0.0.1:8481/FHIR/Koppeltaal", false),
            ("https://127.0.0.1:8480/FHIR/Koppeltaal", false),
            ("http://127.0.0.1:8480@evil.example/FHIR/Koppeltaal", false),
            ("http://127.0.0.1:8480", false),
            ("", false),
        ] {
            assert_eq!(client.is_issuer(iss), is, "{iss}");
        }
    }
}
