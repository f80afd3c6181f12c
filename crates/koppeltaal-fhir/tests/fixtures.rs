//! Every fixture of the project, read and written in both formats.

use std::fs;
use std::path::{Path, PathBuf};

use koppeltaal_fhir::{Document, Format, ReadDocument, ReadError, ReadOptions};

/// The fixtures with this ending: the quirky ones, or all others.
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
            // One file has every way to write a date. Three of them break the prose of the standard.
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

/// The rows of `quirks.tsv`: file, place, quirk.
fn quirks() -> Vec<[String; 3]> {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/quirks.tsv");
    let table = fs::read_to_string(table).expect("readable");
    let row = |line: &str| -> [String; 3] {
        let columns: Vec<_> = line.split('\t').map(str::to_owned).collect();
        columns.try_into().expect("three columns")
    };
    table.lines().skip(1).map(row).collect()
}

/// The rows of one file, without the file.
fn quirks_of(path: &Path, all: &[[String; 3]]) -> Vec<(String, String)> {
    let rows = all.iter().filter(|[file, ..]| path.ends_with(file));
    rows.map(|[_, place, quirk]| (place.clone(), quirk.clone())).collect()
}

#[test]
fn each_row_of_the_quirks_is_about_a_quirky_fixture() {
    let files: Vec<_> = [".xml", ".json"].iter().flat_map(|ending| fixtures(ending, true)).collect();
    for [file, _, quirk] in quirks() {
        assert!(files.iter().any(|path| path.ends_with(&file)), "{file}: {quirk}");
    }
}

#[test]
fn a_quirk_in_xml_is_named_by_the_comment_right_before_it() {
    let all = quirks();
    for path in fixtures(".xml", true) {
        let text = fs::read_to_string(&path).expect("readable");
        let quirk = |line: &str| {
            Some(line.trim().strip_prefix("<!-- quirk: ")?.strip_suffix(" -->").expect("one line").to_owned())
        };
        // The place of a quirk is the line after its comment; lines count from 1.
        let named = text.lines().enumerate().filter_map(|(index, line)| Some((index + 2, quirk(line)?)));
        let named: Vec<_> = named.map(|(line, quirk)| (format!("line {line}"), quirk)).collect();
        assert!(!named.is_empty(), "{}", path.display());
        assert_eq!(named, quirks_of(&path, &all), "{}", path.display());
    }
}

#[test]
fn a_quirk_in_json_is_about_a_member_that_is_there_or_missing() {
    let all = quirks();
    for path in fixtures(".json", true) {
        let text = fs::read_to_string(&path).expect("readable");
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let rows = quirks_of(&path, &all);
        assert!(!rows.is_empty(), "{}", path.display());
        for (places, quirk) in rows {
            for place in places.split(", ").filter(|place| !["(all)", "(root)"].contains(place)) {
                let found = members(&json, place);
                let row = format!("{}: {place}: {quirk}", path.display());
                assert_eq!(found.is_empty(), quirk.starts_with("absent"), "{row}");
                assert!(found.iter().all(|value| has_form(value, &quirk)), "{row}");
            }
        }
    }
}

/// Whether a value has the form that a quirk names; any value, if the quirk names none.
fn has_form(value: &serde_json::Value, quirk: &str) -> bool {
    match quirk {
        "null" => value.is_null(),
        "number" => value.is_number(),
        "empty array" => value.as_array().is_some_and(Vec::is_empty),
        "string" | "string instead of array" | "number as a string" | "boolean as a string" => {
            value.is_string()
        }
        "object instead of array" => value.is_object(),
        _ => true,
    }
}

/// The members at a path such as `entry[1].content.id`; `entry[].id` are those of all entries.
fn members<'v>(json: &'v serde_json::Value, path: &str) -> Vec<&'v serde_json::Value> {
    let mut found = vec![json];
    for segment in path.split('.') {
        let (name, index) = match segment.strip_suffix(']').and_then(|segment| segment.split_once('[')) {
            Some((name, index)) => (name, Some(index)),
            None => (segment, None),
        };
        found = found.into_iter().filter_map(|value| value.get(name)).collect();
        match index {
            None => {}
            Some("") => found = found.into_iter().filter_map(|value| value.as_array()).flatten().collect(),
            Some(index) => {
                let index: usize = index.parse().expect("an index");
                found = found.into_iter().filter_map(|value| value.get(index)).collect();
            }
        }
    }
    found
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
