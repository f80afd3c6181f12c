//! Measures koppeltaal-fhir against a corpus of real files, and against the official schemas through xmllint;
//! koppeltaal-r4 against real files, and the profiles of koppeltaal2 against examples.
//!
//! `cargo xtask conformance` runs this program. It is a package apart from xtask, which must build when the
//! generated model does not. Each check is a module and records in the [`ledger`]; this file only lists them.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use koppeltaal_fhir::Format;

mod agreement;
mod examples;
mod exceptions;
mod guard;
mod insert;
mod koppeltaal2;
mod ledger;
mod lossless;
mod manifest;
mod mutate;
mod pairs;
mod r4;
mod random;
mod reading;
mod schema_verdict;
mod travel;
mod written;
mod xmllint;

use schema_verdict::File;

/// Measures koppeltaal-fhir against real files and the official schemas.
#[derive(Parser)]
#[command(name = "cargo xtask conformance")]
struct Arguments {
    /// A directory with a MANIFEST.tsv and the files that it lists.
    #[arg(long, required_unless_present_any = ["r4", "koppeltaal2"])]
    corpus: Option<PathBuf>,
    /// A directory of R4 resources in JSON: they must come back from koppeltaal-r4 as they were. May be given
    /// more than once.
    #[arg(long)]
    r4: Vec<PathBuf>,
    /// A directory with a MANIFEST.tsv of resources of Koppeltaal 2.0, and the files that it lists: they must
    /// come back from their profiles as they were.
    #[arg(long)]
    koppeltaal2: Option<PathBuf>,
    /// A directory of Koppeltaal messages in XML.
    #[arg(long)]
    examples: Option<PathBuf>,
    /// The directory of the official schemas (fhir-atom.xsd, fhir-atom-single.xsd): compare verdicts with
    /// xmllint's.
    #[arg(long)]
    schema: Option<PathBuf>,
    /// The number of changes of valid files to compare verdicts on.
    #[arg(long, default_value_t = 20_000)]
    mutations: usize,
    /// The seed of the random changes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    guard::silence_guarded_panics();
    if !arguments.r4.is_empty() && !r4::check(&arguments.r4)? {
        return Ok(ExitCode::FAILURE);
    }
    if let Some(directory) = &arguments.koppeltaal2
        && !koppeltaal2::check(directory)?
    {
        return Ok(ExitCode::FAILURE);
    }
    let Some(corpus) = &arguments.corpus else { return Ok(ExitCode::SUCCESS) };
    // First, so that a missing xmllint fails at once.
    let xmllint = arguments.schema.as_deref().map(xmllint::Xmllint::new).transpose()?;
    let cases = manifest::read(corpus)?;
    let mut ledger = ledger::Ledger::new();
    reading::check(&cases, &mut ledger);
    lossless::check(&cases, &mut ledger);
    pairs::check(&cases, &mut ledger);
    if let Some(examples) = &arguments.examples {
        examples::check(examples, &mut ledger)?;
    }
    if let Some(xmllint) = &xmllint {
        let mut files: Vec<File> = Vec::new();
        for case in cases.iter().filter(|case| case.format == Format::Xml) {
            files.push(File { name: case.file.clone(), bytes: case.bytes.clone() });
        }
        if let Some(examples) = &arguments.examples {
            for (name, path) in examples::xml_files(examples)? {
                files.push(File { name, bytes: std::fs::read(path)? });
            }
        }
        let valid = schema_verdict::check_files(xmllint, files, &mut ledger)?;
        schema_verdict::check_mutants(xmllint, &valid, arguments.mutations, arguments.seed, &mut ledger)?;
        written::check(xmllint, &cases, &mut ledger)?;
    }
    Ok(if ledger.conclude() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
