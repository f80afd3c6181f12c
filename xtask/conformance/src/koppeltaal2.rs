//! Koppeltaal 2.0: every file of a profile comes back as it was, from R4 through the profile to R4; and the
//! verdicts of the profile agree with what the files say of themselves, as far as it has rules for it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use koppeltaal_r4::{Finding, ReadOptions, Resource, Severity};
use koppeltaal2::{Profile, profiles};

/// What became of the files.
#[derive(Default)]
struct Outcome {
    lossless: usize,
    others: usize,
    /// What must not be: files that lost something, and valid files with errors.
    wrong: Vec<String>,
    /// Invalid files that have no error: rules that are not checked.
    missed: Vec<String>,
    /// How many verdicts agree.
    valid: usize,
    invalid: usize,
}

/// Checks the files that a `MANIFEST.tsv` lists (file, ..., expected verdict in the sixth column); returns
/// whether all came back, and no valid file has an error.
pub(crate) fn check(directory: &Path) -> Result<bool> {
    let manifest = directory.join("MANIFEST.tsv");
    let rows =
        fs::read_to_string(&manifest).with_context(|| format!("{} cannot be read", manifest.display()))?;
    let mut outcome = Outcome::default();
    for row in rows.lines().skip(1) {
        let mut columns = row.split('\t');
        let (file, expected) = columns.next().zip(columns.nth(4)).with_context(|| format!("row `{row}`"))?;
        let bytes = fs::read(directory.join(file)).with_context(|| format!("{file} cannot be read"))?;
        outcome.add(file, expected, &bytes);
    }
    println!(
        "Koppeltaal 2.0: {} files come back from their profiles, {} of other types or unreadable",
        outcome.lossless, outcome.others
    );
    println!(
        "Koppeltaal 2.0: {} valid files without an error, {} invalid ones with one, {} invalid ones without",
        outcome.valid,
        outcome.invalid,
        outcome.missed.len()
    );
    outcome.wrong.iter().for_each(|wrong| println!("  wrong: {wrong}"));
    outcome.missed.iter().for_each(|missed| println!("  not seen: {missed}"));
    Ok(outcome.lossless > 0 && outcome.wrong.is_empty())
}

impl Outcome {
    fn add(&mut self, file: &str, expected: &str, bytes: &[u8]) {
        let options = ReadOptions::tolerant();
        let is_xml = Path::new(file).extension().is_some_and(|extension| extension == "xml");
        let read = if is_xml { options.xml(bytes) } else { options.json(bytes) };
        let Ok(read) = read else {
            self.others += 1;
            return;
        };
        match through_profile(&read.document) {
            None => {
                self.others += 1;
                return;
            }
            Some(true) => self.lossless += 1,
            Some(false) => self.wrong.push(format!("{file}: does not come back")),
        }
        let mut errors = koppeltaal2::validate(&read.document);
        errors.extend(read.findings);
        errors.retain(|finding: &Finding| finding.severity == Severity::Error);
        match (expected, errors.first()) {
            ("valid", None) => self.valid += 1,
            ("valid", Some(error)) => self.wrong.push(format!("{file}: {}", error.summary())),
            (expected, None) if expected.starts_with("invalid") => self.missed.push(file.to_owned()),
            (expected, Some(_)) if expected.starts_with("invalid") => self.invalid += 1,
            _ => {}
        }
    }
}

/// Checks a resource with the profile of its type; none if its type has no profile.
macro_rules! through_profile {
    ($resource:expr; $($type:ident)*) => {
        match $resource {
            $(Resource::$type(own) => {
                // The profile adds its URL to meta.profile, and nothing else.
                let mut expected = (**own).clone();
                let named = &mut expected.meta.get_or_insert_default().profile;
                let is_named = |url: &str| url.split('|').next() == Some(profiles::$type::URL);
                if !named.iter().any(|url| url.as_str().is_some_and(is_named)) {
                    named.push(profiles::$type::URL.into());
                }
                let back = profiles::$type::from_fhir((**own).clone()).into_fhir();
                Some(is_same(&expected.into(), &back.into()))
            })*
            _ => None,
        }
    };
}

/// Whether a resource comes back from its profile; none if its type has no profile.
fn through_profile(resource: &Resource) -> Option<bool> {
    through_profile!(resource; ActivityDefinition AuditEvent CareTeam Device Endpoint Organization Patient
        Practitioner RelatedPerson Subscription Task)
}

fn is_same(expected: &Resource, back: &Resource) -> bool {
    expected == back && expected.to_json().ok() == back.to_json().ok()
}
