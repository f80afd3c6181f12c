//! Validates composed messages with the official schema, by xmllint.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::{composed, programs};

/// Validates all composed messages. Returns how many are not valid.
pub(crate) fn run(schema: &Path) -> Result<usize> {
    programs::require("xmllint", "libxml2-utils")?;
    let schema = schema.canonicalize().with_context(|| format!("{} does not exist", schema.display()))?;
    let directory = programs::temporary_directory()?;
    let messages = composed::all()?;
    let name = |index: usize| format!("{index}.xml");
    for (index, composed) in messages.iter().enumerate() {
        let text = composed::bundle(&composed.message).to_xml().with_context(|| composed.name.clone())?;
        fs::write(directory.path().join(name(index)), text)?;
    }
    let output = Command::new("xmllint")
        .current_dir(directory.path())
        .args(["--nonet", "--noout", "--schema"])
        .arg(&schema)
        .args((0..messages.len()).map(name))
        .output()
        .context("xmllint cannot be run")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let mut invalid = 0;
    for (index, composed) in messages.iter().enumerate() {
        if said.lines().any(|line| line == format!("{} validates", name(index))) {
            continue;
        }
        invalid += 1;
        println!("{} is not valid:", composed.name);
        let of_it = said.lines().filter(|line| line.starts_with(&format!("{}:", name(index))));
        of_it.for_each(|line| println!("  {line}"));
    }
    println!(
        "{} of {} composed messages are valid by {}",
        messages.len() - invalid,
        messages.len(),
        file_name(&schema)
    );
    Ok(invalid)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
