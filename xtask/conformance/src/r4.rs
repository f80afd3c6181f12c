//! R4: every file of a default resource type comes back as it was, from JSON through the model to JSON, and
//! the same through XML. What a strict read refuses is listed, because some files break a rule on purpose. A
//! file that is not FHIR's JSON (an object for an array) comes back mended; it is listed and does not count.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use comparison::files;
use comparison::json_tree::{self, Json};
use koppeltaal_r4::{ReadOptions, Resource, Rule, Severity};

/// The share of files that must come back, in thousandths.
const TARGET: usize = 995;

/// What became of the files.
#[derive(Default)]
struct Outcome {
    lossless: usize,
    lossy: Vec<String>,
    /// Files that were no JSON of FHIR, and came back as it.
    mended: Vec<String>,
    /// Files with findings of severity error, by the text of the first one.
    invalid: BTreeMap<String, Vec<String>>,
}

/// How a file comes back otherwise than it was.
enum Loss {
    /// In the JSON that FHIR wants.
    Mended(String),
    Lost(String),
}

/// Checks all files below some directories; returns whether enough came back.
pub(crate) fn check(directories: &[PathBuf]) -> Result<bool> {
    let mut outcome = Outcome::default();
    let mut others = 0;
    for directory in directories {
        for path in files::json(directory)? {
            let name = path.strip_prefix(directory).unwrap_or(&path).display().to_string();
            let text = fs::read(&path).with_context(|| format!("{name} cannot be read"))?;
            match round_trip(&text) {
                None => others += 1,
                Some(Ok(errors)) => {
                    outcome.lossless += 1;
                    if let Some(error) = errors.into_iter().next() {
                        outcome.invalid.entry(error).or_default().push(name);
                    }
                }
                Some(Err(Loss::Mended(what))) => outcome.mended.push(format!("{name}: {what}")),
                Some(Err(Loss::Lost(what))) => outcome.lossy.push(format!("{name}: {what}")),
            }
        }
    }
    let all = outcome.lossless + outcome.lossy.len();
    println!(
        "R4: {} of {all} files come back through JSON and XML, {others} of other types",
        outcome.lossless
    );
    for lossy in &outcome.lossy {
        println!("  lossy: {lossy}");
    }
    for mended in &outcome.mended {
        println!("  mended: {mended}");
    }
    let invalid: usize = outcome.invalid.values().map(Vec::len).sum();
    println!("R4: {invalid} of them break a rule that a strict read checks");
    for (error, names) in &outcome.invalid {
        println!("  {error} ({}, first {})", names.len(), names.first().map_or("", String::as_str));
    }
    Ok(all > 0 && outcome.lossless * 1_000 >= all * TARGET)
}

/// Nothing for a text that is no resource of a default type. Else the errors in it, or what got lost.
fn round_trip(text: &[u8]) -> Option<Result<Vec<String>, Loss>> {
    let original = json_tree::parse(std::str::from_utf8(text).ok()?).ok()?;
    let options = ReadOptions::tolerant();
    let read = match options.json(text) {
        Ok(read) => read,
        // Not a resource: a request's parameters, a token.
        Err(koppeltaal_r4::ReadError::NotFhir { .. }) => return None,
        Err(error) => return Some(Err(Loss::Lost(format!("not readable: {error}")))),
    };
    if matches!(read.document, Resource::Unknown(_)) {
        return None;
    }
    let errors = read.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let errors = errors.map(|finding| finding.summary().to_string()).collect();
    let is_odd = read.findings.iter().any(|finding| finding.rule == Rule::JSON_TYPE);
    let loss = if is_odd { Loss::Mended } else { Loss::Lost };
    Some(through_both(&original, &read.document).map(|()| errors).map_err(loss))
}

fn through_both(original: &Json, resource: &Resource) -> Result<(), String> {
    let json = resource.to_json().map_err(|error| format!("JSON: {error}"))?;
    compare("JSON", original, &json)?;
    let xml = resource.to_xml().map_err(|error| format!("XML: {error}"))?;
    let read = ReadOptions::tolerant().xml(xml.as_bytes()).map_err(|error| format!("XML: {error}"))?;
    let json = read.document.to_json().map_err(|error| format!("XML to JSON: {error}"))?;
    compare("XML", original, &json)
}

fn compare(way: &str, original: &Json, written: &str) -> Result<(), String> {
    let written = json_tree::parse(written).map_err(|error| format!("{way}: {error}"))?;
    match json_tree::compare(original, &written).first() {
        None => Ok(()),
        Some(difference) => Err(format!("{way}: {difference}")),
    }
}
