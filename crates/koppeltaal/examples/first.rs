//! The first program: one application sends a patient, another one receives it. The server is a sandbox in
//! the process.

use koppeltaal::messaging::{Event, Sender, Source, profiles::Patient};
use koppeltaal::transport::{Client, Credentials};
use koppeltaal::{Connector, MemoryVersionStore, fhir::datatypes::HumanName};
use koppeltaal_sandbox::{Instance, SandboxConfig};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn connect(server: &str, name: &str) -> Result<Connector> {
    let client = Client::builder(server).credentials(Credentials::basic(name, "secret")?).build()?;
    let source = Source::new(name, format!("https://{name}.example/fhir"));
    Ok(Connector::new(client, Sender::new(source, "Zonnedauw"), MemoryVersionStore::default()))
}

#[tokio::main]
async fn main() -> Result<()> {
    let epd = Instance::new("epd", "secret", "Zonnedauw");
    let portal = Instance::new("portal", "secret", "Zonnedauw").subscribe([Event::CreateOrUpdatePatient]);
    let sandbox = SandboxConfig::new().instance(epd).instance(portal).start().await?;

    let epd = connect(sandbox.url(), "epd")?;
    let name = HumanName::new("Mees", "Duinroos");
    epd.send(epd.draft("3007", Patient { name: vec![name], ..Default::default() })?).await?;

    let portal = connect(sandbox.url(), "portal")?;
    let delivery = portal.deliveries().next().await?;
    let patient = delivery.get::<Patient>().ok_or("a message without a patient")?;
    println!("the portal received {}", patient.name[0].display());
    Ok(delivery.success().await?)
}
