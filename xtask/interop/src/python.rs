//! Exchanges messages with the Python connector `koppeltaal`, an official client of the 1.x era. Its licence
//! is the AGPL, so it is only installed for this test, in an environment of its own.
//!
//! We must extract its messages to typed events, without findings of severity error. It must unpack our
//! messages without errors, to the same facts (`connector.py`). In the end two of it exchange messages
//! through the sandbox (`exchange.py`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, anyhow};
use koppeltaal_fhir::{ReadOptions, Severity};
use koppeltaal_messaging::{CodeSystem as _, Content, Event, Message, Validator};
use koppeltaal_sandbox::SandboxConfig;
use serde::Deserialize;

use crate::programs::{self, output, run as run_aloud};
use crate::{composed, environments};

/// The packages to install. The connector needs `pkg_resources`, which setuptools has up to version 81.
const PACKAGES: [&str; 2] = ["koppeltaal==1.3.5.14", "setuptools<81"];

/// Errors of the connector in which it is wrong about DSTU1: a part of their text, and why we are right.
const FAULTS: [(&str, &str); 1] = [(
    "for 'Organization.category' (FHIR name: 'type')",
    "it takes a code as Organization.type, where DSTU1 and its schema have a CodeableConcept",
)];

/// The facts of a message that are compared.
#[derive(Debug, PartialEq, Deserialize)]
struct Facts {
    event: String,
    patient: Option<String>,
    /// The focal resource, without version.
    focal: String,
    /// What identifies the content: activities with their statuses, or the family name.
    content: Vec<String>,
}

/// The connector's answer about one of our messages.
#[derive(Deserialize)]
struct Unpacked {
    errors: Vec<String>,
    facts: Option<Facts>,
}

/// Exchanges messages. Returns the number of messages that one side could not read.
pub(crate) fn run(python: &str, environment: &Path) -> Result<usize> {
    let python = install(python, environment)?;
    let directory = programs::temporary_directory()?;
    let failed = from_connector(&python, directory.path())? + to_connector(&python, directory.path())?;
    println!("{failed} messages did not come through");
    through_sandbox(&python, directory.path())?;
    Ok(failed)
}

/// The interpreter of an environment that has the connector.
pub(crate) fn install(python: &str, environment: &Path) -> Result<PathBuf> {
    environments::python(python, environment, &PACKAGES, "koppeltaal.connector")
}

/// Runs a script in the environment, and returns what it prints. Warnings of the connector's dependencies are
/// ignored.
pub(crate) fn run_script(python: &Path, name: &str, arguments: &[&Path]) -> Result<String> {
    let mut command = Command::new(python);
    output(command.args(["-W", "ignore"]).arg(programs::script(name)).args(arguments))
        .with_context(|| format!("{name} failed"))
}

/// The connector sends messages through the sandbox, and receives them.
fn through_sandbox(python: &Path, directory: &Path) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let config = SandboxConfig::new().portal_and_game();
    let people =
        [Event::CreateOrUpdatePatient, Event::CreateOrUpdatePractitioner, Event::CreateOrUpdateRelatedPerson];
    let game = config.instances().iter().find(|instance| instance.username == "game");
    let game = game.context("the world has no game")?.clone().subscribe(people);
    let config = config.instance(game);
    let sandbox = runtime.block_on(config.start())?;
    for event in [Event::CreateOrUpdateCarePlanActivityResult, Event::CreateOrUpdateUserMessage] {
        let fixture = crate::workspace_root().join(format!("fixtures/messages/{event}-minimal.json"));
        // The connector does not look at messages with an endpoint of its own.
        let message = fs::read_to_string(fixture)?.replace("Domain#Zonnedauw", "Domain#Sandbox");
        let message = message.replace("\"endpoint\": \"https://", "\"endpoint\": \"https://other.");
        fs::write(directory.join(format!("{event}.json")), message)?;
    }
    let script = programs::script("exchange.py");
    let mut command = Command::new(python);
    run_aloud(command.args(["-W", "ignore"]).arg(script).arg(sandbox.url()).arg(directory))
        .context("the connector and the sandbox do not get on")
}

/// Reads the connector's messages here.
fn from_connector(python: &Path, directory: &Path) -> Result<usize> {
    let directory = directory.join("theirs");
    fs::create_dir(&directory)?;
    let said: BTreeMap<String, Facts> =
        serde_json::from_str(&run_script(python, "connector.py", &["pack".as_ref(), &directory])?)?;
    let mut failed = 0;
    for (file, facts) in &said {
        let text = fs::read(directory.join(file))?;
        let read = ReadOptions::tolerant().json(&text).with_context(|| file.clone())?;
        let findings = Validator::default().validate_document(&read);
        let errors: Vec<_> = findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
        let bundle = read.document.into_bundle().map_err(|_| anyhow!("{file} holds no bundle"))?;
        let message = Message::extract(bundle).with_context(|| file.clone())?;
        let ours = facts_of(&message);
        if !errors.is_empty() || ours.as_ref() != Some(facts) {
            failed += 1;
            errors.iter().for_each(|error| println!("{file}: {error}"));
            if ours.as_ref() != Some(facts) {
                println!("{file}: {ours:?} instead of {facts:?}");
            }
        }
        let others = findings.len() - errors.len();
        println!("{file} of the connector: {}, {} errors, {others} warnings", message.event(), errors.len());
        findings
            .iter()
            .filter(|finding| finding.severity != Severity::Error)
            .for_each(|finding| println!("    {}", finding.with_content()));
    }
    Ok(failed + usize::from(said.is_empty()))
}

/// Has the connector unpack our messages.
fn to_connector(python: &Path, directory: &Path) -> Result<usize> {
    let directory = directory.join("ours");
    fs::create_dir(&directory)?;
    let messages = composed::all()?;
    let file = |index: usize| format!("{index:02}.json");
    for (index, composed) in messages.iter().enumerate() {
        let text = composed::bundle(&composed.message).to_json().with_context(|| composed.name.clone())?;
        fs::write(directory.join(file(index)), text)?;
    }
    let said: BTreeMap<String, Unpacked> =
        serde_json::from_str(&run_script(python, "connector.py", &["unpack".as_ref(), &directory])?)?;
    let (mut failed, mut faults) = (0, [0; FAULTS.len()]);
    for (index, composed) in messages.iter().enumerate() {
        let unpacked =
            said.get(&file(index)).with_context(|| format!("nothing is said of {}", composed.name))?;
        let ours = facts_of(&composed.message);
        let fault = |error: &String| FAULTS.iter().position(|(text, _)| error.contains(text));
        unpacked.errors.iter().filter_map(fault).for_each(|fault| faults[fault] += 1);
        let errors: Vec<_> = unpacked.errors.iter().filter(|error| fault(error).is_none()).collect();
        if !errors.is_empty() || unpacked.facts != ours {
            failed += 1;
            println!("{}: {errors:?}, {:?} instead of {ours:?}", composed.name, unpacked.facts);
        }
    }
    for ((_, why), count) in FAULTS.iter().zip(faults) {
        println!("a fault of the connector, met {count} times: {why}");
        failed += usize::from(count == 0);
    }
    println!("{} of {} messages of ours unpack in the connector", messages.len() - failed, messages.len());
    Ok(failed)
}

/// The facts of a message. For results and user messages the connector has no model, so their content is left
/// out.
fn facts_of(message: &Message) -> Option<Facts> {
    let family = |names: &[koppeltaal_fhir::datatypes::HumanName]| {
        names
            .iter()
            .flat_map(|name| &name.family)
            .filter_map(|part| part.as_str().map(str::to_owned))
            .collect()
    };
    let content = match Content::from_message(message) {
        Content::Patient(patient) => family(&patient.name),
        Content::Practitioner(practitioner) => family(practitioner.name.as_slice()),
        Content::RelatedPerson(person) => family(person.name.as_slice()),
        Content::CarePlan(plan) => plan
            .activity
            .iter()
            .map(|activity| {
                let status = activity.status.as_ref().map(|status| status.code().to_owned());
                let identifier = activity.identifier.clone().unwrap_or_default();
                format!("{identifier} {}", status.unwrap_or_default())
            })
            .collect(),
        Content::CarePlanActivityStatus(status) => {
            let code = status.activity_status.as_ref().map(|status| status.code().to_owned());
            let activity = status.activity.clone().unwrap_or_default();
            let percentage =
                status.percentage_completed.map_or("-".to_owned(), |percentage| percentage.to_string());
            vec![format!("{activity} {} {percentage}", code.unwrap_or_default())]
        }
        Content::ActivityDefinition(definition) => {
            definition.activity_definition_identifier.clone().into_iter().collect()
        }
        _ => Vec::new(),
    };
    Some(Facts {
        event: message.event().to_string(),
        patient: message.header.patient().map(str::to_owned),
        focal: message.focal.url()?.versionless().to_owned(),
        content,
    })
}
