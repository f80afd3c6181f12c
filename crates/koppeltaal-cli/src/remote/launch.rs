//! `koppeltaal launch`, `mobile-launch` and `authorize-url`: launches a user, and begins the authorization.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use koppeltaal_messaging::ResourceUrl;
use koppeltaal_transport::{AuthorizationRequest, LaunchRequest, ReceivedLaunch};
use serde::Serialize;

use super::RemoteCommand;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::{Printable, table};
use crate::secret;

/// The environment variable with an activation code. Other users could read it in a flag.
const ACTIVATION_CODE: &str = "KOPPELTAAL_ACTIVATION_CODE";

/// Who is launched into what.
#[derive(Debug, Args)]
pub(super) struct LaunchArguments {
    /// The identifier of the application, as its activity definition names it.
    client_id: String,

    /// The patient.
    #[arg(long, value_name = "URL")]
    patient: ResourceUrl,

    /// The practitioner or related person who is launched [default: the patient].
    #[arg(long, value_name = "URL")]
    user: Option<ResourceUrl>,

    /// The identifier of the activity in the care plan.
    #[arg(long, value_name = "ID")]
    resource: String,

    /// What the user is to do there.
    #[arg(long)]
    intent: Option<String>,
}

/// Launch a user into a web application: print the URL that the browser is to open.
#[derive(Debug, Args)]
pub(crate) struct Launch {
    #[command(flatten)]
    pub(super) launch: LaunchArguments,
}

/// Launch a user into a mobile application: print the code to type there.
#[derive(Debug, Args)]
pub(crate) struct MobileLaunch {
    #[command(flatten)]
    pub(super) launch: LaunchArguments,
}

/// Begin the authorization of a launched user: print the URL that the browser is to open, and what `token`
/// needs.
///
/// With --mobile, it trades the activation code for an authorization code. The activation code comes from
/// `KOPPELTAAL_ACTIVATION_CODE`; else the command asks for it.
#[derive(Debug, Args)]
pub(crate) struct AuthorizeUrl {
    /// The identifier of the application.
    #[arg(long, value_name = "ID")]
    client_id: String,

    /// A redirect URI that is registered for it.
    #[arg(long, value_name = "URI")]
    redirect_uri: String,

    /// The URL that the user's browser opened, or its parameter `launch`.
    #[arg(long, value_name = "URL|ID", required_unless_present = "mobile", allow_hyphen_values = true, value_parser = NonEmptyStringValueParser::new())]
    launch: Option<String>,

    /// Trade an activation code: the user was launched by `mobile-launch`.
    #[arg(long, conflicts_with = "launch")]
    mobile: bool,

    /// Do without PKCE, for a server that does not accept it.
    #[arg(long)]
    without_pkce: bool,
}

#[derive(Serialize)]
struct Page {
    url: String,
}

#[derive(Serialize)]
struct Code {
    activation_code: String,
    expires_in_days: Option<u32>,
}

#[derive(Serialize)]
struct Authorization {
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code_verifier: Option<String>,
}

impl LaunchArguments {
    fn request(&self) -> LaunchRequest {
        let user = self.user.clone().unwrap_or_else(|| self.patient.clone());
        let request = LaunchRequest::new(&self.client_id, self.patient.clone(), user, &self.resource);
        match &self.intent {
            Some(intent) => request.intent(intent),
            None => request,
        }
    }
}

impl RemoteCommand for Launch {
    async fn run(self, connection: &Connection) -> Result<(), Failure> {
        let client = connection.connect()?.client;
        let url = client.launch(&self.launch.request()).await?.into();
        Ok(connection.output.print(&Page { url })?)
    }
}

impl RemoteCommand for MobileLaunch {
    async fn run(self, connection: &Connection) -> Result<(), Failure> {
        let client = connection.connect()?.client;
        let launch = client.mobile_launch(&self.launch.request()).await?;
        let code = Code { activation_code: launch.activation_code, expires_in_days: launch.expires_in_days };
        Ok(connection.output.print(&code)?)
    }
}

impl RemoteCommand for AuthorizeUrl {
    async fn run(self, connection: &Connection) -> Result<(), Failure> {
        let client = connection.anonymous()?;
        let launch = match &self.launch {
            Some(launch) if launch.contains("://") => {
                let received = ReceivedLaunch::read(launch)?;
                if !client.is_issuer(&received.iss) {
                    return Err(Failure::Usage(format!(
                        "the launch comes from another server: {}",
                        received.iss
                    )));
                }
                received.launch
            }
            Some(launch) => launch.clone(),
            None => secret::from_environment_or_prompt(ACTIVATION_CODE, "Activation code: ")?,
        };
        let mut request = AuthorizationRequest::new(&self.client_id, &self.redirect_uri, launch);
        if self.without_pkce {
            request = request.without_pkce();
        }
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let authorization = if self.mobile {
            let code = client.authorize_mobile(&request).await?;
            Authorization {
                url: None,
                state: None,
                authorization_code: Some(code.code().to_owned()),
                code_verifier: owned(code.code_verifier()),
            }
        } else {
            let (url, pending) = client.authorize_url(&request).await?;
            Authorization {
                url: Some(url.into()),
                state: Some(pending.state().to_owned()),
                authorization_code: None,
                code_verifier: owned(pending.code_verifier()),
            }
        };
        Ok(connection.output.print(&authorization)?)
    }
}

impl Printable for Page {
    fn lines(&self) -> Vec<String> {
        vec![self.url.clone()]
    }
}

impl Printable for Code {
    fn lines(&self) -> Vec<String> {
        let days = self.expires_in_days.map(|days| days.to_string());
        table(&[("activation code", Some(&self.activation_code)), ("days", days.as_deref())])
    }
}

impl Printable for Authorization {
    fn lines(&self) -> Vec<String> {
        table(&[
            ("url", self.url.as_deref()),
            ("state", self.state.as_deref()),
            ("authorization_code", self.authorization_code.as_deref()),
            ("code_verifier", self.code_verifier.as_deref()),
        ])
    }
}
