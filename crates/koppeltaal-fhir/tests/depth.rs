//! The limit of depth: it is the same in both formats, and a document written at the limit is read again.

use koppeltaal_fhir::{Limits, ReadError, ReadOptions};

/// The limit of depth here.
const DEPTH: usize = 12;

/// Nested text: what comes before the nested part, the start of a level, the innermost part, and the ends of
/// a level and of the whole.
struct Nesting {
    name: &'static str,
    start: &'static str,
    level: &'static str,
    innermost: &'static str,
    end_of_level: &'static str,
    end: &'static str,
    /// How many levels are read.
    levels: usize,
}

const NESTINGS: &[Nesting] = &[
    Nesting {
        name: "extensions of extensions",
        start: r#"{"resourceType":"Patient","extension":["#,
        level: r#"{"url":"urn:a","extension":["#,
        innermost: r#"{"url":"urn:b","valueString":"b"}"#,
        end_of_level: "]}",
        end: "]}",
        levels: DEPTH - 1,
    },
    Nesting {
        name: "extensions of the values of extensions",
        start: r#"{"resourceType":"Patient","extension":["#,
        level: r#"{"url":"urn:a","_valueString":{"extension":["#,
        innermost: r#"{"url":"urn:b","valueString":"b"}"#,
        end_of_level: "]}}",
        end: "]}",
        levels: DEPTH / 2 - 1,
    },
    Nesting {
        name: "groups of a questionnaire",
        start: r#"{"resourceType":"Questionnaire","group":"#,
        level: r#"{"group":["#,
        innermost: r#"{"title":"b"}"#,
        end_of_level: "]}",
        end: "}",
        levels: DEPTH - 1,
    },
    Nesting {
        name: "questions in groups of questions",
        start: r#"{"resourceType":"Questionnaire","group":{"question":["#,
        level: r#"{"group":[{"question":["#,
        innermost: r#"{"text":"b"}"#,
        end_of_level: "]}]}",
        end: "]}}",
        levels: DEPTH / 2 - 1,
    },
    Nesting {
        name: "contained resources",
        start: r#"{"resourceType":"Patient","contained":["#,
        level: r#"{"resourceType":"Patient","contained":["#,
        innermost: r#"{"resourceType":"Patient","active":true}"#,
        end_of_level: "]}",
        end: "]}",
        levels: DEPTH - 1,
    },
    Nesting {
        name: "what nobody knows",
        start: r#"{"resourceType":"Patient","whoKnows":"#,
        level: r#"{"a":"#,
        innermost: r#"{"b":"c"}"#,
        end_of_level: "}",
        end: "}",
        levels: DEPTH - 1,
    },
];

impl Nesting {
    fn json(&self, levels: usize) -> String {
        let (inside, outside) = (self.level.repeat(levels), self.end_of_level.repeat(levels));
        [self.start, &inside, self.innermost, &outside, self.end].concat()
    }
}

/// How deep the text that `text` makes can be nested before it exceeds the limit.
fn levels(text: impl Fn(usize) -> String, read: impl Fn(&[u8]) -> Result<(), ReadError>) -> usize {
    let is_read = |levels: &usize| match read(text(*levels).as_bytes()) {
        Ok(()) => true,
        Err(ReadError::Limit { .. }) => false,
        Err(other) => panic!("{other}"),
    };
    (0..3 * DEPTH).take_while(is_read).last().expect("at least the innermost")
}

#[test]
fn both_formats_read_the_same_depth_of_every_nesting() {
    let limited = || ReadOptions::tolerant().limits(Limits { depth: DEPTH, ..Limits::default() });
    let mut read = Vec::new();
    for nesting in NESTINGS {
        let json = levels(|levels| nesting.json(levels), |text| limited().json(text).map(drop));
        let xml = |levels| {
            let unlimited = ReadOptions::tolerant().json(nesting.json(levels).as_bytes()).expect("JSON");
            unlimited.document.to_xml().expect("writable")
        };
        let xml = levels(xml, |text| limited().xml(text).map(drop));
        read.push((nesting.name, json, xml));
        let deepest = limited().json(nesting.json(json).as_bytes()).expect("within the limit").document;
        let [json, xml] = [deepest.to_json(), deepest.to_xml()].map(|text| text.expect("writable"));
        assert_eq!(limited().json(json.as_bytes()).expect(nesting.name).document, deepest);
        assert_eq!(limited().xml(xml.as_bytes()).expect(nesting.name).document.to_xml(), Ok(xml));
    }
    let expected: Vec<_> =
        NESTINGS.iter().map(|nesting| (nesting.name, nesting.levels, nesting.levels)).collect();
    assert_eq!(read, expected);
}
