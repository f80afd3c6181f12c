//! `koppeltaal metadata`: what a server says about itself.

use clap::Args;
use serde::Serialize;

use super::RemoteCommand;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::{Printable, table};

/// Show what a server says about itself. Needs no account.
#[derive(Debug, Args)]
pub(crate) struct Metadata {}

/// What people read in place of an endpoint that must not be used.
const UNUSABLE: &str = "(no usable address)";

#[derive(Serialize)]
struct Statement {
    name: Option<String>,
    version: Option<String>,
    fhir_version: Option<String>,
    /// The endpoints are absent where the statement names an address that must not be used.
    authorize: Option<String>,
    token: Option<String>,
    launch: Option<String>,
    mobile_launch: String,
    validates_requests_against_schema: Option<bool>,
    validates_replies_against_schema: Option<bool>,
    validates_requests_against_profile: Option<bool>,
    validates_replies_against_profile: Option<bool>,
}

impl RemoteCommand for Metadata {
    async fn run(self, connection: &Connection) -> Result<(), Failure> {
        let statement = connection.anonymous()?.conformance().await?;
        let (endpoints, validation) = (statement.endpoints(), statement.validation());
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let statement = Statement {
            name: owned(statement.name()),
            version: owned(statement.version()),
            fhir_version: owned(statement.fhir_version()),
            authorize: endpoints.authorize.as_ref().map(ToString::to_string),
            token: endpoints.token.as_ref().map(ToString::to_string),
            launch: endpoints.launch.as_ref().map(ToString::to_string),
            mobile_launch: endpoints.mobile_launch.to_string(),
            validates_requests_against_schema: validation.requests_against_schema,
            validates_replies_against_schema: validation.replies_against_schema,
            validates_requests_against_profile: validation.requests_against_profile,
            validates_replies_against_profile: validation.replies_against_profile,
        };
        Ok(connection.output.print(&statement)?)
    }
}

impl Printable for Statement {
    fn lines(&self) -> Vec<String> {
        let says = [
            (self.validates_requests_against_schema, "requests against the schema"),
            (self.validates_replies_against_schema, "replies against the schema"),
            (self.validates_requests_against_profile, "requests against the profiles"),
            (self.validates_replies_against_profile, "replies against the profiles"),
        ];
        let validated: Vec<_> =
            says.into_iter().filter(|(yes, _)| *yes == Some(true)).map(|(_, what)| what).collect();
        let validated = validated.join(", ");
        table(&[
            ("name", self.name.as_deref()),
            ("version", self.version.as_deref()),
            ("FHIR version", self.fhir_version.as_deref()),
            ("authorize", Some(self.authorize.as_deref().unwrap_or(UNUSABLE))),
            ("token", Some(self.token.as_deref().unwrap_or(UNUSABLE))),
            ("launch", Some(self.launch.as_deref().unwrap_or(UNUSABLE))),
            ("mobile launch", Some(&self.mobile_launch)),
            ("validates", Some(validated.as_str()).filter(|validated| !validated.is_empty())),
        ])
    }
}
