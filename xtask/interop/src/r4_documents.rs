//! The R4 resources that other people's programs are given.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use comparison::files;
use serde_json::Value;

/// The npm package of Lantana, which validates and converts.
pub(crate) const FHIR: &str = "fhir@4.12.0";

/// The project's own resources, below the root of the workspace. Folders that are missing are left out.
const FIXTURES: [&str; 2] = ["fixtures/r4", "fixtures/koppeltaal2"];

/// The name and text of each resource in these files and folders, or without any, in the fixtures. What is
/// JSON and no resource, such as an answer with a token, is counted.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Vec<(String, String)>> {
    let root = crate::workspace_root();
    let fixtures = FIXTURES.iter().map(|folder| root.join(folder)).filter(|folder| folder.exists());
    let paths: Vec<PathBuf> = if paths.is_empty() { fixtures.collect() } else { paths.to_vec() };
    let (mut documents, mut others) = (Vec::new(), 0);
    for path in &paths {
        for file in files::json(path)? {
            let name = file.strip_prefix(path).ok().filter(|name| *name != Path::new("")).unwrap_or(&file);
            let name = name.display().to_string();
            let text = fs::read_to_string(&file).with_context(|| format!("{name} cannot be read"))?;
            let value: Value = serde_json::from_str(&text).with_context(|| format!("{name} is no JSON"))?;
            if value["resourceType"].is_string() {
                documents.push((name, text));
            } else {
                others += 1;
            }
        }
    }
    ensure!(!documents.is_empty(), "there is no R4 resource in {paths:?}");
    println!("{} resources, and {others} files that are none", documents.len());
    Ok(documents)
}
