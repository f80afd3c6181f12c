//! Compares the XML of R4 resources with that of the npm package fhir, which shares no code with ours: its
//! JSON of our XML, and our JSON of its XML, must be the JSON that both came from. `r4_xml.mjs` runs it.
//!
//! Numbers are compared as text: the package keeps the digits of what it reads from XML, and is given numbers
//! as strings. Narratives are compared as markup. Where the package is wrong, [`FAULTS`] says why.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use comparison::difference::Difference;
use comparison::json_tree;
use koppeltaal_r4::{ReadOptions, Resource, Rule};
use serde::{Deserialize, Serialize};

use crate::programs::script;
use crate::{environments, r4_documents};

/// Disagreements in which the package is wrong: a part of their text, and the reason.
const FAULTS: [(&str, &str); 6] = [
    (r#"<div xmlns="http://www.w3.org/1999/xhtml"></div>" became nothing"#, "an empty narrative is lost"),
    ("Cannot convert undefined or null", "it has no JSON for a list with null, as `_given` may be"),
    ("nothing became []", "beside a list that has only extensions it writes an empty list"),
    ("{_event: [", "a list that has only extensions is lost"),
    ("Value should be a decimal number", "it refuses a decimal with an exponent"),
    ("mood: {", "what R4 does not have is lost (a fixture has that on purpose)"),
];

/// Which way a resource went.
const DIRECTIONS: [&str; 2] = ["its JSON of our XML", "our JSON of its XML"];

/// A resource in two formats.
#[derive(Serialize)]
struct Document<'a> {
    json: &'a str,
    xml: String,
}

/// What the package made of both.
#[derive(Deserialize)]
struct Converted {
    json: Answer,
    xml: Answer,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Text(String),
    Error(String),
}

/// Compares the resources in these files and folders. Returns the number of disagreements without a reason.
pub(crate) fn run(paths: &[PathBuf], directory: &Path) -> Result<usize> {
    let directory = environments::npm(directory, &[r4_documents::FHIR])?;
    let texts = r4_documents::read(paths)?;
    let (mut names, mut documents, mut left_out) = (Vec::new(), Vec::new(), 0);
    for (name, json) in &texts {
        match xml(json) {
            Some(xml) => {
                names.push(name);
                documents.push(Document { json, xml });
            }
            None => left_out += 1,
        }
    }
    println!("{left_out} of them have a type in them that no build models, or are only nearly JSON of FHIR");
    ensure!(!documents.is_empty(), "there is nothing to compare");
    let mut node = Command::new("node");
    node.arg(script("r4_xml.mjs")).arg(&directory);
    let answer = environments::answer(&mut node, &serde_json::to_string(&documents)?)?;
    let converted: Vec<Converted> = serde_json::from_str(&answer)?;
    ensure!(converted.len() == documents.len(), "the package left a resource out");

    let mut faults = [0; FAULTS.len()];
    let mut unexplained = 0;
    let (mut equal, mut but_for_space) = ([0; 2], [0; 2]);
    for ((name, document), converted) in names.iter().zip(&documents).zip(converted) {
        let json = [converted.json.text(), converted.xml.text().and_then(|xml| json(&xml))];
        for (direction, json) in json.into_iter().enumerate() {
            let found = match json.and_then(|json| agreement(document.json, &json)) {
                Ok(Agreement::Equal) => {
                    equal[direction] += 1;
                    continue;
                }
                Ok(Agreement::ButForSpace) => {
                    but_for_space[direction] += 1;
                    continue;
                }
                Ok(Agreement::None(differences)) => differences.iter().map(Difference::to_string).collect(),
                Err(error) => vec![error],
            };
            let fault = |text: &String| FAULTS.iter().position(|(part, _)| text.contains(part));
            let met: BTreeSet<usize> = found.iter().filter_map(fault).collect();
            met.into_iter().for_each(|index| faults[index] += 1);
            if let Some(first) = found.iter().find(|text| fault(text).is_none()) {
                unexplained += 1;
                println!("{name}: {}: {first}", DIRECTIONS[direction]);
            }
        }
    }
    for ((_, reason), count) in FAULTS.iter().zip(faults).filter(|(_, count)| *count > 0) {
        println!("a fault of the package, in {count} conversions: {reason}");
    }
    for (direction, (equal, but_for_space)) in DIRECTIONS.iter().zip(equal.into_iter().zip(but_for_space)) {
        let percent = (equal + but_for_space) * 1_000 / documents.len();
        println!(
            "{direction}: {equal} of {} agree, and {but_for_space} but for the white space between tags of a \
             narrative, which the package drops: {}.{} %",
            documents.len(),
            percent / 10,
            percent % 10
        );
    }
    println!("{unexplained} disagreements without a reason");
    Ok(unexplained)
}

impl Answer {
    fn text(self) -> Result<String, String> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Error(error) => Err(format!("refused: {error}")),
        }
    }
}

/// How far two texts agree.
enum Agreement {
    Equal,
    /// Narratives differ in the white space between tags, and nothing else differs.
    ButForSpace,
    /// What differs besides that white space.
    None(Vec<Difference>),
}

/// Our XML of a resource. Nothing for a resource of a type that is not modelled or that has one in it, and
/// for what is only nearly FHIR's JSON, which comes back mended.
fn xml(json: &str) -> Option<String> {
    let read = ReadOptions::tolerant().json(json.as_bytes()).ok()?;
    let is_odd = read.findings.iter().any(|finding| finding.rule == Rule::JSON_TYPE);
    if is_odd || matches!(read.document, Resource::Unknown(_)) {
        return None;
    }
    read.document.to_xml().ok()
}

/// Our JSON of XML.
fn json(xml: &str) -> Result<String, String> {
    let read = ReadOptions::tolerant().xml(xml.as_bytes()).map_err(|error| error.to_string())?;
    read.document.to_json().map_err(|error| error.to_string())
}

fn agreement(original: &str, other: &str) -> Result<Agreement, String> {
    let (original, other) = (json_tree::parse(original)?, json_tree::parse(other)?);
    if json_tree::compare(&original, &other).is_empty() {
        return Ok(Agreement::Equal);
    }
    let [original, other] = [original, other].map(json_tree::without_space_between_tags);
    let differences = json_tree::compare(&original, &other);
    Ok(if differences.is_empty() { Agreement::ButForSpace } else { Agreement::None(differences) })
}
