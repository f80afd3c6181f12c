//! The example, run as a user runs it: as a program of its own, against a sandbox.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use koppeltaal_r4::datatypes::{CodeableConcept, Coding, Identifier, PublicationStatus};
use koppeltaal_r4::resources::{EndpointStatus, TaskIntent, TaskStatus};
use koppeltaal2::profiles::{ActivityDefinition, Endpoint, Patient, Task};
use koppeltaal2::{Domain, Search};
use koppeltaal2_sandbox::Sandbox;

/// A program that is killed when the test ends.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn example(name: &str) -> Command {
    let test = std::env::current_exe().expect("the test runs");
    let build = test.ancestors().nth(2).expect("tests are built in `deps`");
    let program = build.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(program.exists(), "{} is not built: cargo build --examples", program.display());
    Command::new(program)
}

#[tokio::test]
async fn the_module_takes_the_task_that_waits_for_it() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::builder().with_people().start().await?;
    let domain = Domain::discover(sandbox.fhir_base()).await?;
    let [portal, module] = ["portal", "module"].map(|name| {
        let application = sandbox.application(name);
        domain.connect(application.client_id(), application.key())
    });

    let any = Coding::new("http://terminology.hl7.org/CodeSystem/endpoint-payload-type", "any");
    let endpoint = Endpoint {
        status: EndpointStatus::Active.into(),
        connection_type: Some(Coding::new(
            "http://vzvz.nl/fhir/CodeSystem/koppeltaal-endpoint-connection-type",
            "hti-smart-on-fhir",
        )),
        payload_type: vec![CodeableConcept { coding: vec![any], ..CodeableConcept::default() }],
        address: "https://module.example/launch".into(),
        ..Endpoint::default()
    };
    let activity = ActivityDefinition {
        url: "https://module.example/fhir/ActivityDefinition/1".into(),
        title: "A walk".into(),
        status: PublicationStatus::Active.into(),
        endpoint: vec![module.create(endpoint).await?.to_reference()],
        ..ActivityDefinition::default()
    };
    let activity = module.create(activity).await?.to_reference();
    let patients = portal.search(Search::<Patient>::new().active(true)).collect().await?;
    let patient = patients.first().expect("the domain has people").to_reference();
    let task = Task {
        identifier: vec![Identifier::new("https://portal.example/tasks", "1")],
        instantiates: Some(activity),
        status: TaskStatus::Ready.into(),
        intent: TaskIntent::Order.into(),
        r#for: Some(patient.clone()),
        owner: Some(patient),
        ..Task::default()
    };
    let task = portal.create(task).await?;

    let folder = std::env::temp_dir().join(format!("koppeltaal2-example-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let key = folder.join("module.pem");
    let application = sandbox.application("module");
    std::fs::write(&key, application.private_key_pem().expect("the sandbox made it"))?;
    let program = example("module")
        .env("KOPPELTAAL2_FHIR_BASE", sandbox.fhir_base())
        .env("KOPPELTAAL2_CLIENT_ID", application.client_id())
        .env("KOPPELTAAL2_KEY", &key)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut program = Program(program);
    let mut out = BufReader::new(program.0.stdout.take().expect("piped"));
    let line = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        out.read_line(&mut line).map(|_| line)
    });
    let line = line.await??;
    assert!(line.starts_with(&format!("{} is for ", task.reference())), "{line}");

    let begun = Search::<Task>::new().id(&task.id).status("in-progress");
    let begun = portal.changes(begun).every(Duration::from_millis(50)).next().await?;
    assert_eq!(begun.version, "2");
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
