//! How an application tests its handlers. The README of `koppeltaal-sandbox` shows this file.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use koppeltaal::fhir::datatypes::HumanName;
use koppeltaal::messaging::profiles::Patient;
use koppeltaal::messaging::{Event, ProcessingStatus, Sender, Source};
use koppeltaal::transport::{Client, Credentials};
use koppeltaal::{Connector, HandlerError, MemoryVersionStore};
use koppeltaal_sandbox::{Fault, FaultKind, Instance, SandboxConfig};

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

fn connect(server: &str, name: &str) -> Result<Connector> {
    let client = Client::builder(server).credentials(Credentials::basic(name, "secret")?).build()?;
    let source = Source::new(name, format!("https://{name}.example/fhir"));
    Ok(Connector::new(client, Sender::new(source, "Zonnedauw"), MemoryVersionStore::new()))
}

/// The code under test: what the game does with a patient.
fn greeting(patient: &Patient) -> std::result::Result<String, HandlerError> {
    if patient.active == Some(false) {
        return Err(HandlerError::failure("The game is for active patients"));
    }
    Ok(format!("Hello, {}!", patient.name.first().map(|name| name.display().to_string()).unwrap_or_default()))
}

#[tokio::test]
async fn active_patients_are_greeted_although_the_server_fails_at_first() -> Result {
    // Start a server for this test only.
    let sandbox = SandboxConfig::new()
        .instance(Instance::new("epd", "secret", "Zonnedauw"))
        .instance(Instance::new("game", "secret", "Zonnedauw").subscribe([Event::CreateOrUpdatePatient]))
        .start()
        .await?;

    // Send what the handler is to receive.
    let epd = connect(sandbox.url(), "epd")?;
    for (id, given, active) in [("3007", "Mees", true), ("3008", "Fenna", false)] {
        let name = vec![HumanName::new(given, "Duinroos")];
        epd.send(epd.draft(id, Patient { name, active: Some(active), ..Default::default() })?).await?;
    }

    // Run the worker until both messages are answered.
    sandbox.set_faults([Fault::new(FaultKind::Status { status: 503, html: true }).instance("game").times(2)]);
    let greetings = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&greetings);
    let worker = connect(sandbox.url(), "game")?.worker().on(move |patient: Patient, _| {
        let greeted = greeting(&patient).map(|text| heard.lock().expect("no panic").push(text));
        async move { greeted }
    });
    let statuses = || {
        let queue = sandbox.messages("game").unwrap_or_default();
        queue.into_iter().map(|message| message.status).collect::<Vec<_>>()
    };
    let answered = async {
        while statuses() != [ProcessingStatus::Success, ProcessingStatus::Failed] {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let report = tokio::time::timeout(Duration::from_secs(60), worker.run_until(answered)).await??;

    // See what became of them.
    assert_eq!((report.succeeded, report.failed), (1, 1));
    assert_eq!(*greetings.lock().expect("no panic"), ["Hello, Mees Duinroos!"]);
    Ok(())
}
