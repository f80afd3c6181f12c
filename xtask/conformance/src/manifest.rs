//! The files of the corpus, with what `MANIFEST.tsv` says about each.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use koppeltaal_fhir::Format;

/// A file of the corpus.
pub(crate) struct Case {
    /// The path below the corpus, with `/`.
    pub(crate) file: String,
    pub(crate) format: Format,
    pub(crate) status: Status,
    /// The XML file with the same content, and how the two compare according to the manifest.
    pub(crate) pair: Option<(String, String)>,
    pub(crate) bytes: Vec<u8>,
}

/// The status of a file in the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// Valid by the standard.
    Valid,
    /// Has known and harmless quirks.
    Tolerated,
    /// Not valid by the standard; kept as real-world or negative input.
    Invalid,
}

impl Case {
    /// The text of a file that is known to be UTF-8.
    pub(crate) fn text(&self) -> Result<&str, String> {
        std::str::from_utf8(&self.bytes).map_err(|error| error.to_string())
    }
}

/// Reads the manifest and all files that it lists.
pub(crate) fn read(corpus: &Path) -> Result<Vec<Case>> {
    let path = corpus.join("MANIFEST.tsv");
    let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let column = |name: &str| {
        let index = columns.iter().position(|column| *column == name);
        index.with_context(|| format!("{} has no column `{name}`", path.display()))
    };
    let (file, status, pair, pairs) = (column("file")?, column("status")?, column("pair")?, column("pairs")?);
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            let cell = |index: usize| cells.get(index).copied().unwrap_or_default();
            let name = cell(file);
            let bytes = fs::read(corpus.join(name)).with_context(|| format!("{name} cannot be read"))?;
            Ok(Case {
                file: name.to_owned(),
                format: if name.ends_with(".json") { Format::Json } else { Format::Xml },
                status: match cell(status) {
                    "valid" => Status::Valid,
                    "tolerated" => Status::Tolerated,
                    "invalid" => Status::Invalid,
                    other => bail!("{name} has the unknown status `{other}`"),
                },
                pair: (!cell(pair).is_empty()).then(|| (cell(pair).to_owned(), cell(pairs).to_owned())),
                bytes,
            })
        })
        .collect()
}
