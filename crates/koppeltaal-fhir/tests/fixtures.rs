//! Every fixture of the project, read and written in both formats.

use std::fs;
use std::path::{Path, PathBuf};

use koppeltaal_fhir::{Document, Format, ReadDocument, ReadError, ReadOptions};

/// The fixtures with an ending, quirky ones or the others.
fn fixtures(ending: &str, quirky: bool) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let mut files = Vec::new();
    for folder in ["messages", "resources", "bundles"] {
        for entry in fs::read_dir(root.join(folder)).expect("the folder is there") {
            let path = entry.expect("readable").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.ends_with(ending) && name.contains("-quirky") == quirky && is_modelled(&path) {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(!files.is_empty());
    files
}

/// Some fixtures hold resources that only builds with all resources can understand.
fn is_modelled(path: &Path) -> bool {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let needs_all = ["condition", "encounter", "query"].contains(&&*stem) || stem.starts_with("document");
    cfg!(feature = "all-resources") || !needs_all
}

fn read(path: &Path, options: ReadOptions) -> ReadDocument {
    let text = fs::read(path).expect("readable");
    let read = if path.extension().is_some_and(|ending| ending == "xml") {
        options.xml(&text)
    } else {
        options.json(&text)
    };
    read.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn from_xml(text: &str) -> Document {
    ReadOptions::tolerant().xml(text.as_bytes()).expect("what was written reads back").document
}

fn from_json(text: &str) -> Document {
    ReadOptions::tolerant().json(text.as_bytes()).expect("what was written reads back").document
}

#[test]
fn what_is_right_is_read_strictly_and_without_findings() {
    for ending in [".xml", ".json"] {
        for path in fixtures(ending, false) {
            let findings = read(&path, ReadOptions::strict()).findings;
            // Every way to write a date is in one file, three of them against the prose of the standard.
            let is_dates = path.file_stem().is_some_and(|stem| stem == "other-dates");
            let expected = if is_dates { vec!["warning value-format"; 3] } else { Vec::new() };
            let found: Vec<String> =
                findings.iter().map(|finding| format!("{} {}", finding.severity, finding.rule)).collect();
            assert_eq!(found, expected, "{}: {findings:#?}", path.display());
        }
    }
}

#[test]
fn the_type_of_a_document_is_found_without_reading_it() {
    for (ending, format) in [(".xml", Format::Xml), (".json", Format::Json)] {
        for path in fixtures(ending, false).into_iter().chain(fixtures(ending, true)) {
            let document = read(&path, ReadOptions::tolerant()).document;
            let expected = document.into_resource();
            let expected = expected.as_ref().map_or("Bundle", |resource| resource.resource_type());
            let text = fs::read(&path).expect("readable");
            let found = ReadOptions::tolerant().resource_type(format, &text);
            assert_eq!(found.as_deref().ok(), Some(expected), "{}", path.display());
        }
    }
}

#[test]
fn what_is_no_document_has_no_type() {
    for (format, text) in [
        (Format::Json, "{\"name\":1}"),
        (Format::Json, "[]"),
        (Format::Json, "Service Unavailable"),
        (Format::Xml, "<html/>"),
        (Format::Xml, "Service Unavailable"),
        (Format::Xml, ""),
    ] {
        let error = ReadOptions::tolerant().resource_type(format, text.as_bytes());
        assert!(matches!(error, Err(ReadError::NotFhir { .. } | ReadError::Malformed { .. })), "{text}");
    }
}

#[test]
fn what_is_odd_is_read_with_findings() {
    for ending in [".xml", ".json"] {
        for path in fixtures(ending, true) {
            assert!(!read(&path, ReadOptions::tolerant()).findings.is_empty(), "{}", path.display());
        }
    }
}

#[test]
fn xml_and_json_of_the_same_content_give_the_same_model() {
    for path in fixtures(".xml", false) {
        let json = path.with_extension("json");
        let xml = read(&path, ReadOptions::strict()).document;
        let json = read(&json, ReadOptions::strict()).document;
        // Narratives may be written differently; going through XML once makes them comparable.
        let json = from_xml(&json.to_xml().expect("writable"));
        let (xml, json) = (xml.to_json_pretty().expect("writable"), json.to_json_pretty().expect("writable"));
        if !path.file_stem().unwrap_or_default().to_string_lossy().contains("narrative") {
            assert_eq!(xml, json, "{}", path.display());
        }
    }
}

#[test]
fn writing_and_reading_again_changes_nothing() {
    for quirky in [false, true] {
        for ending in [".xml", ".json"] {
            for path in fixtures(ending, quirky) {
                let document = read(&path, ReadOptions::tolerant()).document;
                let xml = document.to_xml().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                let again = from_xml(&xml);
                assert_eq!(again.to_xml().expect("writable"), xml, "{}: XML", path.display());
                let json = document.to_json().expect("writable");
                let again = from_json(&json);
                assert_eq!(again.to_json().expect("writable"), json, "{}: JSON", path.display());
            }
        }
    }
}

#[test]
fn indented_text_holds_the_same_content() {
    for path in fixtures(".xml", false) {
        let document = read(&path, ReadOptions::tolerant()).document;
        let xml = from_xml(&document.to_xml_pretty().expect("writable"));
        assert_eq!(xml, document, "{}", path.display());
        let json = from_json(&document.to_json_pretty().expect("writable"));
        assert_eq!(json.to_json(), document.to_json(), "{}", path.display());
    }
}
