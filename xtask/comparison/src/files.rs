//! The files to compare.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The JSON files below a directory, in order; a file stands for itself.
pub fn json(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let list = || format!("{} cannot be listed", path.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(path).with_context(list)? {
        let path = entry.with_context(list)?.path();
        if path.is_dir() || path.extension().is_some_and(|extension| extension == "json") {
            found.extend(json(&path)?);
        }
    }
    found.sort();
    Ok(found)
}
