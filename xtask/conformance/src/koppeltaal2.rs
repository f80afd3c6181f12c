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

/// Whether a resource comes back from its profile; none if its type has no profile.
fn through_profile(resource: &Resource) -> Option<bool> {
    use profiles as p;
    comes_back::<p::Patient>(resource)
        .or_else(|| comes_back::<p::Practitioner>(resource))
        .or_else(|| comes_back::<p::RelatedPerson>(resource))
        .or_else(|| comes_back::<p::CareTeam>(resource))
        .or_else(|| comes_back::<p::Organization>(resource))
        .or_else(|| comes_back::<p::Device>(resource))
        .or_else(|| comes_back::<p::Endpoint>(resource))
        .or_else(|| comes_back::<p::ActivityDefinition>(resource))
        .or_else(|| comes_back::<p::Task>(resource))
        .or_else(|| comes_back::<p::Subscription>(resource))
        .or_else(|| comes_back::<p::AuditEvent>(resource))
}

fn comes_back<P: Profile>(resource: &Resource) -> Option<bool> {
    let profile = P::from_resource_ref(resource)?;
    // The profile adds its URL to meta.profile: a resource that has it must come back as it is.
    let named: Resource = profile.clone().into_fhir().into();
    let had_it = profile.meta().is_some_and(|meta| {
        meta.profile.iter().any(|url| url.as_str().is_some_and(|url| url.starts_with(P::URL)))
    });
    let again: Resource = P::from_resource_ref(&named)?.into_fhir().into();
    let json = |resource: &Resource| resource.to_json().ok();
    let same_again = again == named && json(&again) == json(&named);
    Some(same_again && (!had_it || named == *resource && json(&named) == json(resource)))
}
