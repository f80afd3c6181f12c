//! Check 5: a strict read refuses what the official schema refuses, and nothing else.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use koppeltaal_fhir::{ReadError, ReadOptions};

use crate::agreement::disagreement;
use crate::guard::guarded;
use crate::ledger::{Ledger, Sample};
use crate::mutate::{KINDS, Kind, Mutant, REGIONS, Region, Source};
use crate::random::Random;
use crate::xmllint::{Verdict, Xmllint};
use comparison::difference::{Difference, excerpt};

/// Files up to this size are changed. The same change takes longer in a larger file and shows no more.
const LARGEST: usize = 40 << 10;
/// The number of mutants in a chunk. The verdicts on a chunk are found together.
const CHUNK: usize = 500;
/// The number of examples that are shown of each sort of disagreement.
const EXAMPLES: usize = 2;

/// What a strict read says.
struct Ours {
    refusal: Option<String>,
    /// The rule that was broken, or the kind of error.
    rule: String,
    line: Option<u32>,
    /// How a check of the file, or writing it, disagrees with a read that took it.
    disagreement: Option<String>,
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
            (Some(error.with_content().to_string()), rule, position.map(|position| position.line))
        }
        Err(panic) => (Some(panic), "PANIC".to_owned(), None),
    };
    let disagreement = if refusal.is_none() { disagreement(text) } else { None };
    Ours { refusal, rule, line, disagreement }
}

/// An XML file to compare verdicts on.
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// Compares the verdicts on whole files. Returns the files that the schema accepts.
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

/// A mutant on which the schema and we disagree.
struct Disagreement {
    file: String,
    what: String,
    ours: String,
    theirs: String,
}

/// Counts of a run over mutants.
#[derive(Default)]
struct Tally {
    /// The number of mutants with the same verdict, and of all mutants.
    by_place: BTreeMap<(Kind, Region), (usize, usize)>,
    both_refuse: usize,
    /// Mutants that both refuse, with an error in the same line.
    same_line: usize,
    both_accept: usize,
    /// Mutants that a strict read takes.
    taken: usize,
    /// How a check of such a mutant, or writing it, disagrees with the read.
    contradictions: Vec<String>,
    failed: usize,
    /// By reason: whether xmllint is wrong, and the number of mutants.
    explained: BTreeMap<&'static str, (bool, usize)>,
    disagreements: BTreeMap<String, Vec<Disagreement>>,
}

/// Compares the verdicts on seeded changes of valid files.
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
    ledger.start("schema-mutants", format!("strict verdict is the schema's, on mutants (seed {seed})"), 99.8);
    let mut random = Random::new(seed);
    let mut tally = Tally::default();
    let mut left = count;
    // As many chunks at a time as the machine has cores. They are counted in order, so the seed determines
    // the result.
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    while left > 0 {
        let mut chunks = Vec::new();
        while left > 0 && chunks.len() < cores {
            let size = left.min(CHUNK);
            let chunk: Vec<(usize, Mutant)> =
                std::iter::repeat_with(|| mutant(&sources, &mut random)).take(size).collect();
            left -= size;
            chunks.push(chunk);
        }
        let judged: Vec<Result<Vec<(Ours, Verdict)>>> = std::thread::scope(|scope| {
            let threads: Vec<_> = chunks.iter().map(|chunk| scope.spawn(|| judge(xmllint, chunk))).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|_| bail!("a judge panicked")))
                .collect()
        });
        for (chunk, verdicts) in chunks.iter().zip(judged) {
            for ((source, mutant), (ours, theirs)) in chunk.iter().zip(verdicts?) {
                tally.add(&sources[*source].file, mutant, &ours, &theirs, ledger);
            }
        }
    }
    let sum = |is_judges_fault| {
        let counts = tally.explained.values().filter(|(fault, _)| *fault == is_judges_fault);
        counts.map(|(_, count)| count).sum()
    };
    let sample = Sample { judges_fault: sum(true), explained: sum(false), failed: tally.failed };
    ledger.record_sample(tally.both_accept + tally.both_refuse, sample);
    ledger.print();
    tally.print(sources.len());
    ledger.start("agreement", "a check and what is written agree with the strict read, on mutants", 100.0);
    let failed = tally.contradictions.len();
    ledger.record_sample(tally.taken - failed, Sample { failed, ..Sample::default() });
    ledger.print();
    for contradiction in tally.contradictions.iter().take(10 * EXAMPLES) {
        println!("    FAILED {contradiction}");
    }
    Ok(())
}

/// The two verdicts on each mutant.
fn judge(xmllint: &Xmllint, mutants: &[(usize, Mutant)]) -> Result<Vec<(Ours, Verdict)>> {
    let texts: Vec<&[u8]> = mutants.iter().map(|(_, mutant)| mutant.text.as_bytes()).collect();
    let theirs = xmllint.verdicts(&texts)?;
    Ok(texts.into_iter().map(strict).zip(theirs).collect())
}

/// A random change of a random file. It tries again where the file has nothing to change in that way.
fn mutant(sources: &[Source], random: &mut Random) -> (usize, Mutant) {
    let feeds: Vec<usize> = (0..sources.len()).filter(|index| sources[*index].is_feed()).collect();
    loop {
        let kind = KINDS[random.below(KINDS.len())];
        let index = match kind {
            Kind::Atom => *random.pick(&feeds).unwrap_or(&0),
            _ => random.below(sources.len()),
        };
        let donor = &sources[random.below(sources.len())];
        if let Some(mutant) = sources[index].mutant(kind, donor, random) {
            return (index, mutant);
        }
    }
}

impl Tally {
    fn add(&mut self, file: &str, mutant: &Mutant, ours: &Ours, theirs: &Verdict, ledger: &Ledger) {
        if ours.refusal.is_none() {
            self.taken += 1;
            let contradiction = ours.disagreement.as_ref();
            self.contradictions.extend(contradiction.map(|how| format!("{file}: {}: {how}", mutant.what)));
        }
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
                if let Some(row) = ledger.excuse(file, &difference) {
                    self.explained.entry(row.reason).or_insert((row.is_judges_fault(), 0)).1 += 1;
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
        let all: usize = self.by_place.values().map(|(_, all)| all).sum();
        let equal = self.both_accept + self.both_refuse;
        println!("    equal whoever is right: {:.2} %", 100.0 * equal as f64 / all.max(1) as f64);
        for region in REGIONS {
            let cells = KINDS.iter().map(|kind| {
                let (agreed, all) = self.by_place.get(&(*kind, region)).copied().unwrap_or_default();
                format!("{} {agreed}/{all}", kind.name())
            });
            println!("    {:<10} {}", region.name(), cells.collect::<Vec<_>>().join("  "));
        }
        for (reason, (is_judges_fault, count)) in &self.explained {
            let who = if *is_judges_fault { "libxml2 is wrong" } else { "explained" };
            println!("    {count:>4} x {who}: {reason}");
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

/// A message without names and values, which tells its kind.
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
