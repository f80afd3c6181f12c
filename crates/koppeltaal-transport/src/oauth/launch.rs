//! Launching: a portal sends a user into another application, which is told that one comes.

use std::fmt;

use koppeltaal_messaging::ResourceUrl;
use reqwest::Url;

use crate::client::Client;
use crate::error::Result;
use crate::exchange::request::{Operation, Request};

/// Who is to be launched into what, as a portal asks for it.
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct LaunchRequest {
    client_id: String,
    patient: ResourceUrl,
    user: ResourceUrl,
    resource: String,
    intent: Option<String>,
}

/// What a mobile launch gives: the user types the code into the app.
///
/// `Debug` does not show the code.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MobileLaunch {
    /// The code, which works once.
    pub activation_code: String,
    /// For how many days it works, if the server says so.
    pub expires_in_days: Option<u32>,
}

/// What an application reads from the URL by which a launched user comes to it.
///
/// `Debug` does not show the launch.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceivedLaunch {
    /// The FHIR base of the server that the launch is of. Only servers that the application knows may be asked:
    /// [`Client::is_issuer`].
    pub iss: String,
    /// The launch, for [`AuthorizationRequest`](crate::AuthorizationRequest).
    pub launch: String,
}

/// The URL is not that of a launch: it has no `iss` or no `launch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the URL is not that of a launch: it has no parameter {missing}")]
pub struct NotALaunch {
    /// The parameter.
    pub missing: &'static str,
}

/// What servers call the launch in the URL of the launch page; the first one is usual.
const LAUNCH: [&str; 2] = ["launch", "launch_id"];

impl LaunchRequest {
    /// Launches `user` into the application `client_id`, about `patient`.
    ///
    /// `client_id` is the application's identifier, the display of the `application` in its activity definition; `user`
    /// is the patient, a practitioner or a related person; `resource` is the identifier of an activity in a care plan.
    pub fn new(
        client_id: impl Into<String>,
        patient: ResourceUrl,
        user: ResourceUrl,
        resource: impl Into<String>,
    ) -> Self {
        Self { client_id: client_id.into(), patient, user, resource: resource.into(), intent: None }
    }

    /// What the user is to do there, in words that both applications know.
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

/// What stands behind the `?`, without a fragment; all of it, if there is none.
pub(crate) fn query_of(url_or_query: &str) -> &str {
    let url = url_or_query.split('#').next().unwrap_or_default();
    url.split_once('?').map_or(url, |(_, query)| query)
}

/// The first value of a parameter; an empty one counts as absent.
pub(crate) fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.into_owned())
}

/// Whole days; `None` for a number that cannot be one of days.
fn days(number: f64) -> Option<u32> {
    // The cast cuts off, and the range is checked.
    (0.0..=f64::from(u32::MAX)).contains(&number).then_some(number as u32)
}

impl Client {
    /// Launches a user into a web application: the URL that the user's browser is to open. The client does not open it.
    ///
    /// # Errors
    ///
    /// Those of a read, and [`OAuth`](crate::Error::OAuth) with what the server has against the launch.
    pub async fn launch(&self, launch: &LaunchRequest) -> Result<Url> {
        let url = launch.url(self.endpoints().await?.to_launch()?);
        self.exchange(Request::new(Operation::LAUNCH, url), |answer| {
            answer.location().ok_or_else(|| answer.unexpected("no redirect to a launch page"))
        })
        .await
    }

    /// Launches a user into a mobile application: the code that the user is to type there.
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

    /// Whether an `iss` is this client's server: its FHIR base. An application must not follow any other that it does
    /// not know.
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
