//! The encoding of XML: what the text is, and what it is said to be (RFC 7303, section 3).

use koppeltaal_fhir::{Format, ReadOptions, Rule, Severity};

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
fn a_text_in_another_encoding_is_told_the_encoding_that_it_declares_and_what_to_do() {
    let latin = |text: String| text.chars().map(|letter| letter as u8).collect::<Vec<_>>();
    for encoding in ["ISO-8859-1", "windows-1252"] {
        let error = ReadOptions::tolerant().xml(&latin(text(encoding))).expect_err("not UTF-8");
        let said = format!(
            "not well-formed: not UTF-8 but {encoding}, as it declares: only UTF-8 is read; \
             convert the text to UTF-8 first (line 1, column "
        );
        assert!(error.to_string().starts_with(&said), "{error}");
        let error = ReadOptions::tolerant().resource_type(Format::Xml, &latin(text(encoding)));
        assert!(error.expect_err("not UTF-8").to_string().starts_with(&said));
    }
    let wide: Vec<u8> =
        format!("\u{FEFF}{}", text("utf-16")).encode_utf16().flat_map(u16::to_le_bytes).collect();
    for format in Format::ALL {
        let error = ReadOptions::tolerant().read(format, &wide).expect_err("not UTF-8").to_string();
        assert!(
            error.contains("not UTF-8 but UTF-16, by its byte order mark: only UTF-8 is read"),
            "{error}"
        );
    }
    let error = ReadOptions::tolerant().xml(&latin(text("utf-8"))).expect_err("not UTF-8");
    let said = "not well-formed: not UTF-8, in most cases Latin-1 or Windows-1252: only UTF-8 is read; convert the text to \
                UTF-8 first (line 1, column ";
    assert!(error.to_string().starts_with(said), "{error}");
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
