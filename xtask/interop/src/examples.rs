//! Checks real messages from the public documentation of Koppeltaal. Each must extract to a typed event, and
//! our findings must be the defects that `examples.tsv` lists. Those were found by reading the messages.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, ensure};
use koppeltaal_fhir::{Format, ReadOptions};
use koppeltaal_messaging::{ApiVersion, Content, Message, Validator};

/// A line for each defect: file, severity, rule, path.
const DEFECTS: &str = include_str!("examples.tsv");

/// Compares findings with defects. Returns the number of differences.
pub(crate) fn run(directory: &Path) -> Result<usize> {
    let mut files: Vec<_> = fs::read_dir(directory)
        .with_context(|| format!("{} cannot be listed", directory.display()))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "xml" || extension == "json"));
    files.sort();
    ensure!(!files.is_empty(), "{} holds no messages", directory.display());

    let mut expected: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in DEFECTS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (file, defect) = line.split_once('\t').context("a defect without a file")?;
        expected.entry(file).or_default().push(defect);
    }
    let (mut differences, mut findings) = (0, 0);
    for path in &files {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let text = fs::read(path)?;
        let format = Format::of_content(&text).context("neither JSON nor XML")?;
        let read = ReadOptions::tolerant().read(format, &text).with_context(|| name.to_string())?;
        // The messages are older than 1.3.5, which demands more.
        let found = Validator::default().with_api_version(ApiVersion::V1_3_3).validate_document(&read);
        let found: Vec<_> = (found.iter())
            .map(|finding| format!("{}\t{}\t{}", finding.severity, finding.rule, finding.path))
            .collect();
        findings += found.len();
        let listed = expected.remove(&*name).unwrap_or_default();
        differences += compare(&name, &listed, &found);

        let bundle = read.document.into_bundle().map_err(|_| anyhow!("{name} holds no bundle"))?;
        let message = Message::extract(bundle).with_context(|| name.to_string())?;
        if let Content::Unknown(_) = Content::from_message(&message) {
            println!("{name}: the focal resource is not of the event's profile");
            differences += 1;
        }
        println!("{name}: {}, {} findings", message.event(), found.len());
    }
    for (file, defects) in expected {
        println!("{file} is not there, but {} defects of it are listed", defects.len());
        differences += 1;
    }
    println!("{} messages, {findings} findings, {differences} differences", files.len());
    Ok(differences)
}

fn compare(name: &str, listed: &[&str], found: &[String]) -> usize {
    let (mut listed, mut found) = (listed.to_vec(), found.iter().map(String::as_str).collect::<Vec<_>>());
    listed.sort_unstable();
    found.sort_unstable();
    let missed: Vec<_> = listed.iter().filter(|defect| !found.contains(defect)).collect();
    let wrong: Vec<_> = found.iter().filter(|finding| !listed.contains(finding)).collect();
    missed.iter().for_each(|defect| println!("{name}: not found: {defect}"));
    wrong.iter().for_each(|finding| println!("{name}\t{finding}"));
    let counts = usize::from(missed.is_empty() && wrong.is_empty() && listed.len() != found.len());
    missed.len() + wrong.len() + counts
}
