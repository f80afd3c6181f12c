//! The official verdict: `xmllint --schema` on many files at once.
//!
//! There are two schemas. fhir-atom.xsd of 0.0.82 requires the text form of `CarePlan.activity.goal`, which
//! nobody writes. fhir-atom-single.xsd, with which Koppeltaal validates, has `value` there. Otherwise both
//! give the same verdicts on the corpus. A file is valid if it passes the first, or if it has a goal with a
//! value and passes the second.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// Files per process: few enough for a command line, and so many that the time to read the schemas does not
/// matter.
const BATCH: usize = 500;

/// The schemas to validate with.
pub(crate) struct Xmllint {
    official: PathBuf,
    with_goal_values: PathBuf,
}

/// The verdict of xmllint on a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Valid,
    /// Not valid, or not well-formed, with the first message.
    Refused(String),
}

impl Xmllint {
    /// Finds xmllint and the schemas in a directory. Fails if xmllint or one of the schemas is missing.
    pub(crate) fn new(schemas: &Path) -> Result<Self> {
        let found = Command::new("xmllint").arg("--version").output();
        if !found.is_ok_and(|output| output.status.success()) {
            bail!(
                "--schema needs xmllint, which is not installed; Debian and Ubuntu have it in the package libxml2-utils"
            );
        }
        let schema = |name: &str| {
            let path = schemas.join(name);
            path.canonicalize().with_context(|| format!("{} does not exist", path.display()))
        };
        Ok(Self { official: schema("fhir-atom.xsd")?, with_goal_values: schema("fhir-atom-single.xsd")? })
    }

    /// The verdict on each file, in order.
    pub(crate) fn verdicts(&self, texts: &[&[u8]]) -> Result<Vec<Verdict>> {
        let mut verdicts = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            verdicts.extend(self.batch(batch)?);
        }
        Ok(verdicts)
    }

    fn batch(&self, texts: &[&[u8]]) -> Result<Vec<Verdict>> {
        let directory = tempfile::tempdir().context("no temporary directory")?;
        let name = |index: usize| format!("{index}.xml");
        for (index, text) in texts.iter().enumerate() {
            fs::write(directory.path().join(name(index)), text)
                .context("a temporary file cannot be written")?;
        }
        let all: Vec<String> = (0..texts.len()).map(name).collect();
        let mut verdicts = run(&self.official, directory.path(), &all)?;
        let refused_goals: Vec<usize> = (0..texts.len())
            .filter(|index| verdicts[*index] != Verdict::Valid && has_goal_value(texts[*index]))
            .collect();
        if !refused_goals.is_empty() {
            let files: Vec<String> = refused_goals.iter().copied().map(name).collect();
            let others = run(&self.with_goal_values, directory.path(), &files)?;
            for (index, verdict) in refused_goals.into_iter().zip(others) {
                verdicts[index] = verdict;
            }
        }
        Ok(verdicts)
    }
}

fn has_goal_value(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    text.split("<goal ").skip(1).any(|tag| tag.split('>').next().is_some_and(|tag| tag.contains("value=")))
}

/// Validates files of a directory with one schema.
fn run(schema: &Path, directory: &Path, files: &[String]) -> Result<Vec<Verdict>> {
    let mut command = Command::new("xmllint");
    command.current_dir(directory).args(["--nonet", "--noout", "--schema"]).arg(schema).args(files);
    let output = command.output().context("xmllint cannot be run")?;
    let messages = String::from_utf8_lossy(&output.stderr);
    let known = read_messages(&messages);
    let verdict = |file: &String| {
        known.get(file.as_str()).cloned().with_context(|| {
            let start: String = messages.chars().take(500).collect();
            format!("xmllint says nothing about {file}; its messages begin with: {start}")
        })
    };
    files.iter().map(verdict).collect()
}

/// The verdicts in what xmllint wrote: `FILE validates`, or messages that start with `FILE:LINE:`.
///
/// After a namespace error, xmllint goes on and may say that the file validates. The error counts all the
/// same, since XML Schema covers only documents without such errors. Warnings do not count.
fn read_messages(text: &str) -> BTreeMap<&str, Verdict> {
    let mut verdicts = BTreeMap::new();
    for line in text.lines() {
        if let Some(file) = line.strip_suffix(" validates") {
            verdicts.entry(file).or_insert(Verdict::Valid);
        } else if let Some(file) = line.strip_suffix(" fails to validate") {
            verdicts.entry(file).or_insert_with(|| Verdict::Refused("without a message".to_owned()));
        } else if let Some((file, rest)) = line.split_once(".xml:")
            && rest.starts_with(|first: char| first.is_ascii_digit())
            && !rest.contains(" warning : ")
        {
            // The first message is the cause; the others often only follow from it.
            verdicts.entry(&line[..file.len() + 4]).or_insert_with(|| Verdict::Refused(rest.to_owned()));
        }
    }
    verdicts
}

impl Verdict {
    /// The line of the first message.
    pub(crate) fn line(&self) -> Option<u32> {
        match self {
            Self::Valid => None,
            Self::Refused(message) => message.split(':').next()?.parse().ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_goal_with_a_value_asks_the_second_schema() {
        assert!(has_goal_value(b"<a><goal id='x' value='g1'/></a>"));
        assert!(!has_goal_value(
            b"<a><goal>g1</goal><b value='1'/><goal id='c'>g</goal><goals value='2'/></a>"
        ));
    }

    #[test]
    fn messages_become_verdicts() {
        let text = "a.xml:3: element b: Schemas validity error : Element 'b': bad.\na.xml:4: element c: worse.\n\
            a.xml fails to validate\nd.xml validates\ne.xml:1: parser error : no\n<e>\n   ^\n\
            f.xml:2: namespace error : xmlns:a: Empty XML namespace is not allowed\nf.xml validates\n\
            g.xml:2: namespace warning : xmlns: URI a is not absolute\ng.xml validates\n";
        let verdicts = read_messages(text);
        assert_eq!(
            verdicts["a.xml"],
            Verdict::Refused("3: element b: Schemas validity error : Element 'b': bad.".to_owned())
        );
        assert_eq!(verdicts["a.xml"].line(), Some(3));
        assert_eq!(verdicts["d.xml"], Verdict::Valid);
        assert_eq!(verdicts["e.xml"].line(), Some(1));
        assert!(matches!(&verdicts["f.xml"], Verdict::Refused(_)));
        assert_eq!(verdicts["g.xml"], Verdict::Valid);
    }
}
