//! A module's first program: it takes the Tasks that wait for it, as long as it runs, whether or not the
//! server's notifications arrive. `koppeltaal v2 sandbox --keys keys` prints what the three variables have to
//! be.

use std::sync::Arc;

use koppeltaal2::profiles::{Patient, Task};
use koppeltaal2::r4::datatypes::HumanName;
use koppeltaal2::smart::KeyPair;
use koppeltaal2::{Domain, Search};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let setting = |name: &str| std::env::var(name).map_err(|_| format!("set {name}"));
    let key = KeyPair::from_text(&std::fs::read(setting("KOPPELTAAL2_KEY")?)?)?;
    let domain = Domain::discover(&setting("KOPPELTAAL2_FHIR_BASE")?).await?;
    let connector = domain.connect(&setting("KOPPELTAAL2_CLIENT_ID")?, Arc::new(key));

    let mut changes = connector.changes(Search::<Task>::new().status("ready"));
    loop {
        let task = match changes.next().await {
            Ok(task) => task,
            Err(error) => {
                eprintln!("{error}"); // the next call waits, and looks again
                continue;
            }
        };
        let Some(patient) = task.r#for.as_ref().and_then(|patient| patient.reference.as_str()) else {
            continue;
        };
        let patient = connector.read::<Patient>(patient).await?;
        let name = patient.name.first().map(HumanName::display).unwrap_or_default();
        println!("{} is for {name}", task.reference());
        connector.update_with::<Task>(&task.id, |task| task.status = "in-progress".into()).await?;
    }
}
