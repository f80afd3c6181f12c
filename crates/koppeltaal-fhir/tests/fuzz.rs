//! A fuzz target per format, on stable Rust: fixtures are damaged at random for a bounded time. A reader may refuse what
//! comes out, but not panic, and what it takes must come out again as it is written.
//!
//! `KOPPELTAAL_FUZZ_SECONDS` sets the time per format (default 3), `KOPPELTAAL_FUZZ_SEED` the start. A failure prints the
//! seed and leaves the text; put it into `fixtures/fuzz` to have it tried first for ever after.
#![cfg(all(feature = "json", feature = "xml"))]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use koppeltaal_fhir::{Document, ReadDocument, ReadError, ReadOptions, WriteError};

/// What is fuzzed: how a format is read and written.
struct Target {
    ending: &'static str,
    read: fn(&ReadOptions, &[u8]) -> Result<ReadDocument, ReadError>,
    write: fn(&Document) -> Result<String, WriteError>,
    /// Bytes and words that mean something in the format.
    tokens: &'static [&'static str],
}

const JSON: Target = Target {
    ending: "json",
    read: ReadOptions::json,
    write: Document::to_json,
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
        "\u{0}",
        "\u{FEFF}",
    ],
};

const XML: Target = Target {
    ending: "xml",
    read: ReadOptions::xml,
    write: Document::to_xml,
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
        "\u{0}",
        "\u{FEFF}",
    ],
};

#[test]
fn damaged_json_never_makes_the_reader_panic() {
    fuzz(&JSON);
}

#[test]
fn damaged_xml_never_makes_the_reader_panic() {
    fuzz(&XML);
}

fn fuzz(target: &Target) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    for path in files(&root.join("fuzz"), target.ending) {
        let text = fs::read(&path).expect("readable");
        assert!(survives(target, &text), "the past find {} is back", path.display());
    }
    let seeds: Vec<Vec<u8>> = ["messages", "resources", "bundles"]
        .iter()
        .flat_map(|folder| files(&root.join(folder), target.ending))
        .map(|path| fs::read(path).expect("readable"))
        .collect();
    assert!(!seeds.is_empty());
    let seconds = variable("KOPPELTAAL_FUZZ_SECONDS").unwrap_or(3);
    let mut seed = variable("KOPPELTAAL_FUZZ_SEED").unwrap_or(1);
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        let text = damaged(target, &seeds, &mut Dice(seed));
        if !survives(target, &text) {
            let find = std::env::temp_dir().join(format!("find-{seed}.{}", target.ending));
            fs::write(&find, &text).expect("writable");
            panic!("seed {seed}: see {}", find.display());
        }
        seed += 1;
    }
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

/// Whether reading does not panic, and what is read and written reads and writes the same once more.
fn survives(target: &Target, text: &[u8]) -> bool {
    catch_unwind(AssertUnwindSafe(|| {
        let _ = (target.read)(&ReadOptions::strict(), text);
        let Ok(read) = (target.read)(&ReadOptions::tolerant(), text) else { return true };
        // A narrative that is no XML, say, cannot be written; that is an answer too.
        let Ok(written) = (target.write)(&read.document) else { return true };
        let Ok(again) = (target.read)(&ReadOptions::tolerant(), written.as_bytes()) else { return false };
        (target.write)(&again.document).ok() == Some(written)
    }))
    .unwrap_or(false)
}

/// One of the seeds with a few changes.
fn damaged(target: &Target, seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut text = seeds[dice.roll(seeds.len())].clone();
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(text.len() + 1);
        let to = (at + dice.roll(40)).min(text.len());
        match dice.roll(6) {
            0 => drop(text.drain(at..to)),
            1 => {
                let copy = text[at..to].to_vec();
                let target_place = dice.roll(text.len() + 1);
                text.splice(target_place..target_place, copy);
            }
            2 => {
                let token = target.tokens[dice.roll(target.tokens.len())];
                text.splice(at..at, token.bytes());
            }
            3 => {
                let token = target.tokens[dice.roll(target.tokens.len())];
                text.splice(at..to, token.bytes());
            }
            4 => text.truncate(at),
            _ => {
                if let Some(byte) = text.get_mut(at) {
                    *byte = dice.roll(256) as u8;
                }
            }
        }
    }
    text
}

/// A small generator of numbers (splitmix64), so that a seed tells everything.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % sides as u64) as usize
    }
}
