//! The shortest program that sends a patient from one application and receives it in another: `cargo run --example first`.

use koppeltaal::fhir::datatypes::HumanName;
use koppeltaal::messaging::profiles::Patient;
use koppeltaal::messaging::{Event, Sender, Source};
use koppeltaal::transport::{Client, Credentials};
use koppeltaal::{Connector, MemoryVersionStore};
use koppeltaal_sandbox::{Instance, Sandbox};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let domain = "Zonnedauw";
    let portal = Instance::new("portal", "secret", domain).subscribe([Event::CreateOrUpdatePatient]);
    let sandbox =
        Sandbox::builder().instance(Instance::new("epd", "secret", domain)).instance(portal).start().await?;
    let connect = |user, base| -> Result<_, Box<dyn std::error::Error>> {
        let client =
            Client::builder(sandbox.url()).credentials(Credentials::basic(user, "secret")?).build()?;
        Ok(Connector::new(
            client,
            Sender::new(Source::new(user, base), domain),
            MemoryVersionStore::default(),
        ))
    };
    let (epd, portal) =
        (connect("epd", "https://epd.example")?, connect("portal", "https://portal.example")?);

    let name =
        HumanName { given: vec!["Mees".into()], family: vec!["Duinroos".into()], ..Default::default() };
    epd.send(epd.draft("3007", Patient { name: vec![name], ..Default::default() })?).await?;

    let delivery = portal.deliveries().next().await?;
    println!("{:?}", delivery.get::<Patient>());
    Ok(delivery.success().await?)
}
