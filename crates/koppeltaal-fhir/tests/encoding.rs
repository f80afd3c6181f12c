//! The encoding of XML: what the text is, and what it is said to be (RFC 7303, section 3).

use koppeltaal_fhir::{ReadOptions, Rule, Severity};

fn text(encoding: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"{encoding}\"?>\
         <Patient xmlns=\"http://hl7.org/fhir\"><name><given value=\"Zo\u{EB}\"/></name></Patient>"
    )
}

#[test]
fn a_wrong_encoding_in_the_declaration_is_a_finding_and_no_error() {
    for encoding in ["utf-16", "UTF-16LE", "Unicode", "iso-8859-1", "ISO-8859-15", "windows-1252", "us-ascii"]
    {
        let text = text(encoding);
        let read = ReadOptions::strict().xml(text.as_bytes()).expect("read as the UTF-8 that it is");
        let [finding] = read.findings.as_slice() else { panic!("{encoding}: {:?}", read.findings) };
        assert_eq!((finding.rule, finding.severity), (Rule::ENCODING, Severity::Warning));
        assert_eq!(finding.found, encoding);
        assert!(read.document.to_xml().expect("writable").contains("Zo\u{EB}"));
    }
}

#[test]
fn names_of_utf8_are_told_apart_from_others_whatever_their_case() {
    for encoding in ["UTF-8", "utf-8", "UTF8", "utf8"] {
        let read = ReadOptions::strict().xml(text(encoding).as_bytes()).expect("UTF-8");
        assert!(read.findings.is_empty(), "{encoding}: {:?}", read.findings);
    }
    let ascii = text("US-ASCII").replace('\u{EB}', "e");
    assert!(ReadOptions::strict().xml(ascii.as_bytes()).expect("a part of UTF-8").findings.is_empty());
}

#[test]
fn an_encoding_that_gives_bytes_another_meaning_is_refused() {
    for encoding in ["utf-7", "iso-2022-jp", "IBM037", "klingon"] {
        let error = ReadOptions::tolerant().xml(text(encoding).as_bytes()).expect_err("not read");
        assert!(error.to_string().contains(encoding), "{error}");
    }
}

#[test]
fn a_byte_order_mark_and_a_label_from_outside_outrank_the_declaration() {
    for encoding in ["utf-16", "iso-8859-1", "klingon"] {
        let text = text(encoding);
        let told = ReadOptions::strict()
            .labelled("text/xml; charset=\"UTF-8\"")
            .xml(text.as_bytes())
            .expect("told to be UTF-8");
        assert!(told.findings.is_empty(), "{:?}", told.findings);
        let marked = format!("\u{FEFF}{text}");
        let marked = ReadOptions::strict().xml(marked.as_bytes()).expect("marked as UTF-8");
        assert!(marked.findings.is_empty(), "{:?}", marked.findings);
        assert_eq!(marked.document, told.document);
    }
}

#[test]
fn a_label_without_utf8_leaves_the_declaration_in_force() {
    for label in ["", "text/xml", "text/xml; charset=iso-8859-1"] {
        let read =
            ReadOptions::strict().labelled(label).xml(text("utf-16").as_bytes()).expect("UTF-8 all the same");
        assert_eq!(read.findings.len(), 1, "{label}");
    }
}
