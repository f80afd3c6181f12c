//! A fuzz target per format, on stable Rust: fixtures are damaged at random. Whatever comes out, these hold:
//!
//! * no reader panics, and no read takes more than 20 times the length of the text in memory;
//! * what is read is written, and what is written is read again and written the same;
//! * another parser reads what is written as XML;
//! * what a strict read accepts passes a check, and a strict read after it was written in either format;
//! * what is read within tight limits is read again within them after it was written in either format.
//!
//! By default each format has a bounded time; `cargo xtask fuzz` runs a number of cases.
//! `KOPPELTAAL_FUZZ_SECONDS` sets the time (default 3), `KOPPELTAAL_FUZZ_CASES` a number of cases instead,
//! and `KOPPELTAAL_FUZZ_SEED` the start. A failure prints the seed and leaves the text. Put the text into
//! `fixtures/fuzz` to have it tried first from then on.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use koppeltaal_fhir::{Document, Format, Limits, ReadDocument, ReadOptions, Severity};
use koppeltaal_fhir_base::arbitrary::SplitMix64;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What is fuzzed.
struct Target {
    ending: &'static str,
    format: Format,
    /// Bytes and words that mean something in the format.
    tokens: &'static [&'static str],
}

const JSON: Target = Target {
    ending: "json",
    format: Format::Json,
    tokens: &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\\u0000",
        "\\ud800",
        "null",
        "true",
        "1e9",
        "-",
        "\"resourceType\":\"Patient\"",
        "\"_id\"",
        "\"id\":",
        "\"extension\":[",
        "\"contained\":[",
        "\"a\":{\"url\":\"\"},",
        "\"_birthDate\":[{\"id\":\"a\"}],",
        "<p>",
        "<br>",
        "&nbsp;",
        " a=''",
        " x:y=''",
        "<!-- & -->",
        "\\u0007",
        "{},",
        "                                                                                ",
        "\u{0}",
        "\u{FEFF}",
    ],
};

const XML: Target = Target {
    ending: "xml",
    format: Format::Xml,
    tokens: &[
        "<",
        ">",
        "/>",
        "</",
        "\"",
        "'",
        "&",
        "&amp;",
        "&#0;",
        "&#x41;",
        "&nbsp;",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<?",
        "?>",
        "<!DOCTYPE a>",
        "xmlns=\"\"",
        "xmlns:f=\"http://hl7.org/fhir\"",
        "f:",
        " value=\"\"",
        " id=\"a\"",
        "<div>",
        "<contained>",
        "<a b=''/>",
        "<x:a xmlns:x='urn:x' x:b=''/>",
        "<contact/>",
        "<!-- -- -->",
        "                                                                                ",
        "\u{0}",
        "\u{FEFF}",
    ],
};

/// One test, because the count of memory covers the whole process.
#[test]
fn damaged_text_breaks_no_promise() {
    for target in [&JSON, &XML] {
        fuzz(target);
    }
}

fn fuzz(target: &Target) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    for path in files(&root.join("fuzz"), target.ending) {
        let text = fs::read(&path).expect("readable");
        if let Err(broken) = promises_kept(target, &text, 1) {
            panic!("the past find {} is back: {broken}", path.display());
        }
    }
    let seeds: Vec<Vec<u8>> = ["messages", "resources", "bundles"]
        .iter()
        .flat_map(|folder| files(&root.join(folder), target.ending))
        .map(|path| fs::read(path).expect("readable"))
        .collect();
    assert!(!seeds.is_empty());
    let start = Instant::now();
    let cases = variable("KOPPELTAAL_FUZZ_CASES");
    let time = Duration::from_secs(variable("KOPPELTAAL_FUZZ_SECONDS").unwrap_or(3));
    let first = variable("KOPPELTAAL_FUZZ_SEED").unwrap_or(1);
    let mut seed = first;
    while cases.map_or_else(|| start.elapsed() < time, |cases| seed - first < cases) {
        let text = damaged(target, &seeds, &mut SplitMix64(seed));
        if let Err(broken) = promises_kept(target, &text, seed) {
            let find = std::env::temp_dir().join(format!("find-{seed}.{}", target.ending));
            fs::write(&find, &text).expect("writable");
            panic!("{broken}: seed {seed}, see {}", find.display());
        }
        seed += 1;
    }
    println!("{} cases of {} in {:.0?}", seed - first, target.ending, start.elapsed());
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|own| own == ending)).collect();
    paths.sort();
    paths
}

/// Fails with the promise that is broken.
fn promises_kept(target: &Target, text: &[u8], seed: u64) -> Result<(), &'static str> {
    catch_unwind(AssertUnwindSafe(|| {
        let tolerant = ReadOptions::tolerant();
        if let Ok(read) = tolerant_read(target, text)? {
            writing_is_stable(target.format, &read.document)?;
        }
        if let Ok(read) = tolerant.repair_narrative(true).read(target.format, text) {
            writing_is_stable(target.format, &read.document)?;
        }
        clean_stays_clean(target, text)?;
        accepted_stays_accepted(&tolerant, target, text)?;
        accepted_stays_accepted(&tolerant.limits(tight(seed)), target, text)
    }))
    .unwrap_or(Err("a panic"))
}

/// Bytes of memory for each byte of text. A text shorter than `SMALL` counts as that long.
const EXPANSION: usize = 20;
const SMALL: usize = 8 << 10;

/// Limits so tight that ordinary content often exceeds one of them.
fn tight(seed: u64) -> Limits {
    let mut random = SplitMix64(seed);
    Limits { expansion: 1 + random.below(14), depth: 3 + random.below(20), ..Limits::default() }
}

fn tolerant_read(target: &Target, text: &[u8]) -> Result<Result<ReadDocument, ()>, &'static str> {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let read = ReadOptions::tolerant().read(target.format, text).map_err(drop);
    let taken = MEMORY.peak_usage().saturating_sub(before);
    if taken > EXPANSION * text.len().max(SMALL) { Err("too much memory") } else { Ok(read) }
}

/// What was read in `format` is written in both; XML is XML; the same format is written the same again.
fn writing_is_stable(format: Format, document: &Document) -> Result<(), &'static str> {
    for (written, is_own) in [Format::Json, Format::Xml].map(|other| (other, other == format)) {
        // A narrative that is not XML, say, cannot be written. That is an answer too.
        let Ok(text) = document.write(written) else { continue };
        if written == Format::Xml && roxmltree::Document::parse(&text).is_err() {
            return Err("ill-formed XML written");
        }
        let Ok(again) = ReadOptions::tolerant().read(written, text.as_bytes()) else {
            return Err("what was written is refused");
        };
        if is_own && again.document.write(written).as_deref() != Ok(&*text) {
            return Err("what was written is written differently");
        }
    }
    Ok(())
}

fn clean_stays_clean(target: &Target, text: &[u8]) -> Result<(), &'static str> {
    let Ok(read) = ReadOptions::strict().read(target.format, text) else { return Ok(()) };
    if read.document.check().iter().any(|finding| finding.severity == Severity::Error) {
        return Err("a clean read with errors in the check");
    }
    for format in [Format::Json, Format::Xml] {
        let Ok(written) = read.document.write(format) else { continue };
        if ReadOptions::strict().read(format, written.as_bytes()).is_err() {
            return Err("a clean read that is written with errors");
        }
    }
    Ok(())
}

fn accepted_stays_accepted(options: &ReadOptions, target: &Target, text: &[u8]) -> Result<(), &'static str> {
    let Ok(read) = options.read(target.format, text) else { return Ok(()) };
    for format in [Format::Json, Format::Xml] {
        let Ok(written) = read.document.write(format) else { continue };
        if options.read(format, written.as_bytes()).is_err() {
            return Err("what was accepted is refused when it is written");
        }
    }
    Ok(())
}

/// One of the seeds with a few changes.
fn damaged(target: &Target, seeds: &[Vec<u8>], random: &mut SplitMix64) -> Vec<u8> {
    let mut text = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(text.len() + 1);
        let to = (at + random.below(40)).min(text.len());
        match random.below(8) {
            0 => drop(text.drain(at..to)),
            1 => {
                let copy = text[at..to].to_vec();
                let target_place = random.below(text.len() + 1);
                text.splice(target_place..target_place, copy);
            }
            2 => {
                let token = target.tokens[random.below(target.tokens.len())];
                text.splice(at..at, token.bytes());
            }
            3 => {
                let token = target.tokens[random.below(target.tokens.len())];
                text.splice(at..to, token.bytes());
            }
            4 => text.truncate(at),
            // The same many times: at the edge of what memory allows.
            5 => {
                let many = text[at..to].repeat(random.below(200));
                text.splice(at..at, many);
            }
            // A piece of another one.
            6 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len());
                let piece = &other[from..(from + random.below(400)).min(other.len())];
                text.splice(at..at, piece.iter().copied());
            }
            _ => {
                if let Some(byte) = text.get_mut(at) {
                    *byte = random.below(256) as u8;
                }
            }
        }
    }
    text
}
