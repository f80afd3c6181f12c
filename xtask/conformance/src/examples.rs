//! Check 4: Koppeltaal's own documented messages, which no schema accepts, lose nothing on the way through
//! JSON.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use koppeltaal_fhir::{Format, ReadOptions};

use crate::guard::guarded;
use crate::ledger::Ledger;
use crate::lossless::differences;
use crate::travel::travel;

pub(crate) fn check(directory: &Path, ledger: &mut Ledger) -> Result<()> {
    println!("\nExamples");
    let files = xml_files(directory)?;
    for (id, through) in
        [("examples-xml", &[Format::Xml][..]), ("examples-json", &[Format::Json, Format::Xml])]
    {
        let names: Vec<&str> = through.iter().map(|format| format.name()).collect();
        ledger.start(id, format!("examples: xml -> {}", names.join(" -> ")), 100.0);
        for (name, path) in &files {
            let bytes = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
            let outcome = travel(&bytes, Format::Xml, through, false).and_then(|came_out| {
                differences(Format::Xml, &String::from_utf8_lossy(&bytes), &came_out, false)
            });
            ledger.record(name, outcome);
        }
        ledger.print();
    }
    for (name, path) in &files {
        let bytes = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        println!("  findings of {name}:");
        match guarded(|| {
            ReadOptions::tolerant()
                .read(Format::Xml, &bytes)
                .map_err(|error| error.with_content().to_string())
        }) {
            Ok(read) => {
                for finding in &read.findings {
                    println!("    {}", finding.with_content());
                }
                if read.findings.is_empty() {
                    println!("    none");
                }
            }
            Err(error) => println!("    {error}"),
        }
    }
    Ok(())
}

/// The XML files of a directory, by name.
pub(crate) fn xml_files(directory: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    for entry in
        fs::read_dir(directory).with_context(|| format!("{} cannot be listed", directory.display()))?
    {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "xml") {
            files.push((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), path));
        }
    }
    files.sort();
    Ok(files)
}
