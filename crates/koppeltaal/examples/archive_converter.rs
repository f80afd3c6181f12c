//! Reads an archive of messages, in XML and JSON, of whatever age: writes each in the other format, and a
//! line about each that a spreadsheet can read. No network, no server.
//!
//! `cargo run -p koppeltaal --example archive_converter -- ARCHIVE OUTPUT`

use std::path::{Path, PathBuf};
use std::{env, fs};

use koppeltaal::fhir::{Format, ReadOptions, Severity};
use koppeltaal::messaging::Message;

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result {
    let arguments: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [archive, output] = &arguments[..] else {
        return Err("usage: archive_converter ARCHIVE OUTPUT".into());
    };
    fs::create_dir_all(output)?;
    let mut files = fs::read_dir(archive)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "xml" || extension == "json"));
    files.sort();

    println!("file;event;resources;errors;warnings");
    let mut unreadable = 0;
    for file in &files {
        // One file that cannot be read does not keep the others from being converted.
        match convert(file, output) {
            Ok(line) => println!("{};{line}", file.display()),
            Err(error) => {
                unreadable += 1;
                eprintln!("{}: {error}", file.display());
            }
        }
    }
    if unreadable == 0 {
        Ok(())
    } else {
        Err(format!("{unreadable} of {} files cannot be read", files.len()).into())
    }
}

/// Converts one file, and says what is in it.
fn convert(file: &Path, output: &Path) -> Result<String> {
    let text = fs::read(file)?;
    let format = Format::of_content(&text).ok_or("neither XML nor JSON")?;
    let (other, extension) = match format {
        Format::Json => (Format::Xml, "xml"),
        Format::Xml => (Format::Json, "json"),
    };
    // Tolerant: what old connectors got wrong becomes a finding, and is kept.
    let read = ReadOptions::tolerant().read(format, &text)?;
    let name = file.file_name().ok_or("a file without a name")?;
    // The old extension stays: an archive may hold a message in both formats.
    let converted = output.join(name).with_extension(format!("{}.{extension}", extension_of(file)));
    fs::write(converted, read.document.write_pretty(other)?)?;

    let count = |severity| read.findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    Ok(match read.document.into_bundle() {
        Ok(bundle) => {
            let resources = bundle.entry.len();
            match Message::extract(bundle) {
                Ok(message) => format!("{};{resources};{errors};{warnings}", message.event()),
                Err(_) => format!("no message;{resources};{errors};{warnings}"),
            }
        }
        Err(_) => format!("no message;1;{errors};{warnings}"),
    })
}

fn extension_of(file: &Path) -> &str {
    file.extension().and_then(|extension| extension.to_str()).unwrap_or_default()
}
