//! Check 5: a strict read refuses what the official schema refuses, and nothing else.

use std::collections::BTreeMap;

use anyhow::Result;
use koppeltaal_fhir::{ReadError, ReadOptions};

use crate::difference::{Difference, excerpt};
use crate::ledger::Ledger;
use crate::mutate::{KINDS, Kind, Mutant, REGIONS, Region, Source};
use crate::random::Random;
use crate::subject::guarded;
use crate::xmllint::{Verdict, Xmllint};

/// Files up to this size are changed: what a change does is the same in a large one, and takes longer.
const LARGEST: usize = 40 << 10;
/// Mutants that are judged at one time.
const CHUNK: usize = 500;
/// Examples shown per sort of disagreement.
const EXAMPLES: usize = 2;

/// What a strict read says.
struct Ours {
    refusal: Option<String>,
    /// The rule that was broken, or the kind of error.
    rule: String,
    line: Option<u32>,
}

impl Ours {
    fn says(&self) -> &str {
        self.refusal.as_deref().unwrap_or("accepted")
    }
}

fn strict(text: &[u8]) -> Ours {
    let read = guarded(|| Ok(ReadOptions::strict().xml(text).err()));
    let (refusal, rule, line) = match read {
        Ok(None) => (None, "accepted".to_owned(), None),
        Ok(Some(error)) => {
            let (rule, position) = match &error {
                ReadError::Invalid(finding) => (finding.rule.to_string(), finding.position),
                ReadError::Malformed { position, .. } => ("malformed".to_owned(), Some(*position)),
                ReadError::NotFhir { position, .. } => ("not FHIR".to_owned(), Some(*position)),
                ReadError::Limit { position, .. } => ("limit".to_owned(), Some(*position)),
                _ => ("other".to_owned(), None),
            };
            (Some(error.to_string()), rule, position.map(|position| position.line))
        }
        Err(panic) => (Some(panic), "PANIC".to_owned(), None),
    };
    Ours { refusal, rule, line }
}

/// An XML file to compare verdicts on.
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// Over whole files; returns those that the schema accepts.
pub(crate) fn check_files(xmllint: &Xmllint, files: Vec<File>, ledger: &mut Ledger) -> Result<Vec<File>> {
    println!("\nThe schema's verdict");
    let texts: Vec<&[u8]> = files.iter().map(|file| file.bytes.as_slice()).collect();
    let verdicts = xmllint.verdicts(&texts)?;
    ledger.start("schema-files", "strict verdict is the schema's, on the files", 99.0);
    for (file, theirs) in files.iter().zip(&verdicts) {
        let ours = strict(&file.bytes);
        let agreed = ours.refusal.is_some() == (*theirs != Verdict::Valid);
        let difference =
            || Difference::new("", Some(describe(theirs)), Some(ours.refusal.unwrap_or(ours.rule)));
        ledger.record(&file.name, Ok(if agreed { Vec::new() } else { vec![difference()] }));
    }
    ledger.print();
    let valid = files.into_iter().zip(verdicts).filter(|(_, verdict)| *verdict == Verdict::Valid);
    Ok(valid.map(|(file, _)| file).collect())
}

/// A mutant on which the two disagree.
struct Disagreement {
    file: String,
    what: String,
    ours: String,
    theirs: String,
}

/// Counts of a run over mutants.
#[derive(Default)]
struct Tally {
    /// Agreed, and all.
    by_place: BTreeMap<(Kind, Region), (usize, usize)>,
    /// Both refuse; and do so naming the same line.
    both_refuse: usize,
    same_line: usize,
    both_accept: usize,
    failed: usize,
    explained: BTreeMap<&'static str, usize>,
    disagreements: BTreeMap<String, Vec<Disagreement>>,
}

/// Over seeded changes of valid files.
pub(crate) fn check_mutants(
    xmllint: &Xmllint,
    valid: &[File],
    count: usize,
    seed: u64,
    ledger: &mut Ledger,
) -> Result<()> {
    let mut sources = Vec::new();
    for file in valid.iter().filter(|file| file.bytes.len() <= LARGEST) {
        let text = std::str::from_utf8(&file.bytes)?;
        sources.push(Source::new(&file.name, text).map_err(anyhow::Error::msg)?);
    }
    anyhow::ensure!(!sources.is_empty(), "there is no valid XML file of at most {LARGEST} bytes");
    ledger.start("schema-mutants", format!("strict verdict is the schema's, on mutants (seed {seed})"), 99.0);
    let mut random = Random::new(seed);
    let mut tally = Tally::default();
    let mut left = count;
    while left > 0 {
        let mutants: Vec<(usize, Mutant)> =
            std::iter::repeat_with(|| mutant(&sources, &mut random)).take(left.min(CHUNK)).collect();
        left -= mutants.len();
        let texts: Vec<&[u8]> = mutants.iter().map(|(_, mutant)| mutant.text.as_bytes()).collect();
        for ((source, mutant), theirs) in mutants.iter().zip(xmllint.verdicts(&texts)?) {
            tally.add(&sources[*source].file, mutant, &strict(mutant.text.as_bytes()), &theirs, ledger);
        }
    }
    ledger.record_sample(tally.both_accept + tally.both_refuse, tally.explained.values().sum(), tally.failed);
    ledger.print();
    tally.print(sources.len());
    Ok(())
}

/// A mutant of any file; not every file has something to change in every way.
fn mutant(sources: &[Source], random: &mut Random) -> (usize, Mutant) {
    loop {
        let index = random.below(sources.len());
        let kind = KINDS[random.below(KINDS.len())];
        let donor = &sources[random.below(sources.len())];
        if let Some(mutant) = sources[index].mutant(kind, donor, random) {
            return (index, mutant);
        }
    }
}

impl Tally {
    fn add(&mut self, file: &str, mutant: &Mutant, ours: &Ours, theirs: &Verdict, ledger: &Ledger) {
        let place = self.by_place.entry((mutant.kind, mutant.region)).or_default();
        place.1 += 1;
        match (ours.refusal.is_some(), *theirs != Verdict::Valid) {
            (false, false) => self.both_accept += 1,
            (true, true) => {
                self.both_refuse += 1;
                self.same_line += usize::from(ours.line == theirs.line());
            }
            (refused, _) => {
                let side = if refused { "only we refuse" } else { "only the schema refuses" };
                let (kind, region) = (mutant.kind.name(), mutant.region.name());
                let theirs = describe(theirs);
                let difference =
                    Difference::new(&mutant.what, Some(theirs.clone()), Some(ours.says().to_owned()));
                if let Some(reason) = ledger.reason(file, &difference) {
                    *self.explained.entry(reason).or_default() += 1;
                    return;
                }
                self.failed += 1;
                let sort = format!(
                    "{side}, {region}, {kind} ({}): {} / {}",
                    mutant.sort,
                    ours.rule,
                    generalize(&theirs)
                );
                self.disagreements.entry(sort).or_default().push(Disagreement {
                    file: file.to_owned(),
                    what: mutant.what.clone(),
                    ours: ours.says().to_owned(),
                    theirs,
                });
                return;
            }
        }
        place.0 += 1;
    }

    fn print(&self, files: usize) {
        println!(
            "    {files} files changed; both accept {}, both refuse {} ({} at the same line)",
            self.both_accept, self.both_refuse, self.same_line
        );
        for region in REGIONS {
            let cells = KINDS.iter().map(|kind| {
                let (agreed, all) = self.by_place.get(&(*kind, region)).copied().unwrap_or_default();
                format!("{} {agreed}/{all}", kind.name())
            });
            println!("    {:<10} {}", region.name(), cells.collect::<Vec<_>>().join("  "));
        }
        for (reason, count) in &self.explained {
            println!("    {count:>4} x explained: {reason}");
        }
        let mut sorts: Vec<(&String, &Vec<Disagreement>)> = self.disagreements.iter().collect();
        sorts.sort_by_key(|(_, cases)| std::cmp::Reverse(cases.len()));
        for (sort, cases) in sorts {
            println!("    {:>4} x FAILED {sort}", cases.len());
            for case in cases.iter().take(EXAMPLES) {
                println!("           {}: {}", case.file, case.what);
                println!("             ours: {}", excerpt(&case.ours));
                println!("             xmllint: {}", case.theirs);
            }
        }
    }
}

/// A verdict on one line, without the URIs that xmllint puts before each name.
fn describe(verdict: &Verdict) -> String {
    let Verdict::Refused(message) = verdict else { return "valid".to_owned() };
    let mut short = String::new();
    let mut rest = message.as_str();
    while let Some((before, after)) = rest.split_once("{http") {
        short.push_str(before);
        rest = after.split_once('}').map_or(after, |(_, name)| name);
    }
    short.push_str(rest);
    short.replace("Schemas validity error : ", "")
}

/// What kind of message it is: names and values left out.
fn generalize(message: &str) -> String {
    let message = message.split_once(": ").map_or(message, |(_, text)| text);
    let message = message.split_once(": ").map_or(message, |(_, text)| text);
    let message = message.split(" Expected is").next().unwrap_or(message);
    let parts: Vec<&str> = message.split('\'').collect();
    let kept = parts.iter().enumerate().map(|(index, part)| if index % 2 == 0 { *part } else { "_" });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_grouped_by_their_kind() {
        let message = "3: element b: Schemas validity error : Element '{http://x}b', attribute 'c': The value '7' is bad. Expected is ( {http://x}d ).";
        let described = describe(&Verdict::Refused(message.to_owned()));
        assert_eq!(
            described,
            "3: element b: Element 'b', attribute 'c': The value '7' is bad. Expected is ( d )."
        );
        assert_eq!(generalize(&described), "Element _, attribute _: The value _ is bad.");
        assert_eq!(describe(&Verdict::Valid), "valid");
    }

    #[test]
    fn a_strict_read_tells_its_rule_and_line() {
        let ours = strict(b"<Patient xmlns='http://hl7.org/fhir'>\n<x/></Patient>");
        assert_eq!((ours.rule.as_str(), ours.line), ("unknown-element", Some(2)));
        assert!(strict(b"<Patient xmlns='http://hl7.org/fhir'/>").refusal.is_none());
        assert_eq!(strict(b"<Patient").rule, "malformed");
    }
}
