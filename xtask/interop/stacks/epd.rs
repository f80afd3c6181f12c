//! The EPD of all stacks' tests: its server, its connector, and the messages that it sends.

use koppeltaal::fhir::datatypes::HumanName;
use koppeltaal::messaging::profiles::Patient;
use koppeltaal::messaging::{Sender, Source};
use koppeltaal::transport::{Client, Credentials};
use koppeltaal::{Connector, Outbox, Outgoing, VersionStore};
use koppeltaal_sandbox::{Instance, Sandbox, SandboxConfig, StartError};

use crate::Result;

/// A server with the EPD. It refuses a data file, because the feature that links SQLite is off.
pub async fn sandbox() -> Result<Sandbox> {
    let config = || SandboxConfig::new().instance(Instance::new("epd", "secret", "Zonnedauw"));
    let with_file = config().data("sandbox.db").start().await;
    assert!(matches!(with_file, Err(StartError::DataFile(_))), "{with_file:?}");
    Ok(config().start().await?)
}

pub fn connector(sandbox: &Sandbox, versions: impl VersionStore) -> Result<Connector> {
    let client = Client::builder(sandbox.url()).credentials(Credentials::basic("epd", "secret")?).build()?;
    let sender = Sender::new(Source::new("EPD", "https://epd.example/fhir"), "Zonnedauw");
    Ok(Connector::new(client, sender, versions))
}

/// A message about the patient with this id.
pub fn message(connector: &Connector, id: i64) -> Result<Outgoing> {
    let patient = Patient { name: vec![HumanName::new("Mees", "Duinroos")], ..Patient::default() };
    Ok(connector.outgoing(connector.draft(&id.to_string(), patient)?)?)
}

/// Sends what is in the outbox, and checks that it was only the message `sent`.
pub async fn send_only(connector: &Connector, outbox: &Outbox, sent: &Outgoing, not_sent: &Outgoing) -> Result {
    assert_eq!(outbox.dispatcher(connector.clone()).run_once().await?.sent, 1);
    assert!(connector.client().message(sent.identifier()).await?.is_some());
    assert!(connector.client().message(not_sent.identifier()).await?.is_none());
    Ok(())
}
