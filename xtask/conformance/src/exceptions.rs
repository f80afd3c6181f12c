//! Differences that are known, each with its reason.
//!
//! A row excuses one kind of difference at one place of one file. Everything else in that file must be equal.
//! A row that excuses nothing is a failure, so that the table stays true.

use std::cell::Cell;

use comparison::difference::Difference;

/// One row.
pub(crate) struct Exception {
    /// The id of the check, such as `lossless-xml-json-xml`; `*` at the end stands for any rest.
    check: &'static str,
    /// The file, as in the manifest; `*` stands for anything.
    file: &'static str,
    /// The place, as differences name it; `*` stands for anything.
    path: &'static str,
    excuse: Excuse,
    pub(crate) reason: &'static str,
}

impl Exception {
    /// Whether the two sides mean the same by the standard, so that nothing was lost.
    pub(crate) fn is_equal(&self) -> bool {
        matches!(self.excuse, Excuse::Blanks | Excuse::Hollow(_))
    }

    /// Whether xmllint is wrong and koppeltaal-fhir is right.
    pub(crate) fn is_judges_fault(&self) -> bool {
        LIBXML.contains(&self.reason)
    }
}

/// The relation of two sides that a row excuses.
#[derive(Clone, Copy)]
enum Excuse {
    /// They differ only in white space at their ends, which XML Schema strips: the file counts as equal.
    Blanks,
    /// An element without content was left out: the file counts as equal.
    Hollow(&'static str),
    /// What the original or reference has, and what came out; `*` stands for anything, an empty text for
    /// nothing.
    Becomes(&'static str, &'static str),
}

impl Excuse {
    fn covers(self, left: &str, right: &str) -> bool {
        match self {
            Self::Blanks => left.trim_ascii() == right.trim_ascii(),
            Self::Hollow(was) => matches(was, left) && right.is_empty(),
            Self::Becomes(was, is) => matches(was, left) && matches(is, right),
        }
    }
}

use Excuse::{Becomes, Blanks, Hollow};

const fn row(
    check: &'static str,
    file: &'static str,
    path: &'static str,
    excuse: Excuse,
    reason: &'static str,
) -> Exception {
    Exception { check, file, path, excuse, reason }
}

const BLANK: &str = "XML Schema strips blanks around a boolean, JSON has the literal alone";
const GOAL: &str = "fhir-atom.xsd wants <goal>g1</goal>, everybody else <goal value=\"g1\"/>; both are read, the latter is written";
const MANIFEST: &str = "the manifest calls the JSON valid without looking for missing elements; the schema refuses the same in XML";
const EXPONENT: &str = "XML has no exponent: it is written out";
const EMPTY_TITLE: &str = "an empty title says nothing, and JSON has no empty strings";
const EMPTY_ATTRIBUTE: &str = "the schema is right, which takes an empty text for a URI; FHIR's prose forbids empty attributes, and to the model a mandatory one that is empty is missing";
const LONG_YEAR: &str =
    "the schema is right, whose years may have more than four digits; the model's and Koppeltaal's may not";
const NAMES: &str = "xmllint is right by the letter: XML Schema 1.0 takes names from the second edition of XML 1.0, we from the fifth";
const LARGE_TOTAL: &str = "fhir-atom.xsd has an integer without bounds, DSTU1's JSON and the model have one of 32 bits; both are right";
/// The reasons that say libxml2 is wrong.
const LIBXML: [&str; 5] = [LIBXML_BLANK, LIBXML_URI, LIBXML_PATTERN, LIBXML_CDATA, LIBXML_BASE64];
const LIBXML_CDATA: &str =
    "to XML Schema a blank is a blank, in a CDATA section too; libxml2 counts the section as text";
const LIBXML_BASE64: &str =
    "base64 has no such characters; libxml2 passes over them (\"Ignore all stray characters\")";
const LIBXML_BLANK: &str = "XML Schema strips blanks around the value; libxml2 forgets to, for this type";
const LIBXML_URI: &str = "XML Schema 1.0 takes any text as anyURI; libxml2 wants the syntax of RFC 3986";
const LIBXML_PATTERN: &str = "libxml2 gives up on a long value and a pattern (\"Internal error\")";

/// The table. In a row for a mutant, the place is the change, and the sides are the verdicts of xmllint and
/// ours.
const EXCEPTIONS: &[Exception] = &[
    row(
        "strict-valid-json",
        "json/fhirplace-invalid-alert.json",
        "",
        Becomes("", "*[cardinality-min] status *"),
        MANIFEST,
    ),
    row(
        "strict-valid-json",
        "json/hapijpa-imagingstudy.json",
        "",
        Becomes("", "*[cardinality-min] subject *"),
        MANIFEST,
    ),
    row(
        "written-json",
        "json/fhirplace-invalid-alert.json",
        "",
        Becomes("valid", "*element subject*not expected*"),
        MANIFEST,
    ),
    row(
        "written-json",
        "json/hapijpa-imagingstudy.json",
        "",
        Becomes("valid", "*element uid*not expected*"),
        MANIFEST,
    ),
    row(
        "strict-refuses",
        "xml/koppeltaal-CreateOrUpdateCarePlan.xml",
        "",
        Becomes("refused", "accepted"),
        GOAL,
    ),
    row(
        "*xml",
        "xml/hapi-careplan-big-example.xml",
        "CarePlan/activity[*]/goal/@value",
        Becomes("", "g1"),
        GOAL,
    ),
    row(
        "*xml",
        "xml/hapi-careplan-big-example.xml",
        "CarePlan/activity[*]/goal/text()",
        Becomes("\"g1\"", ""),
        GOAL,
    ),
    row("*xml-json-xml", "xml/hapijpa-*bundle.xml", "feed/title", Hollow("<*title>"), EMPTY_TITLE),
    row(
        "*xml-json-xml",
        "xml/hl7src-organization-example-f00*-burgers-*.xml",
        "Organization/active/@value",
        Blanks,
        BLANK,
    ),
    row(
        "*json-xml-json",
        "json/json-edge-cases.json",
        "extension[2].valueDecimal",
        Becomes("6.0221416246424E23", "602214162464240000000000"),
        EXPONENT,
    ),
    row(
        "schema-mutants",
        "*",
        "* blank in front of @*",
        Becomes("*not a valid value of the atomic type*", "accepted"),
        LIBXML_BLANK,
    ),
    row(
        "schema-mutants",
        "*",
        "* blank behind of @*",
        Becomes("*not a valid value of the atomic type*", "accepted"),
        LIBXML_BLANK,
    ),
    row(
        "schema-mutants",
        "*",
        "*",
        Becomes("*not a valid value of the atomic type 'uri-primitive'*", "accepted"),
        LIBXML_URI,
    ),
    row(
        "schema-mutants",
        "*",
        "*",
        Becomes("*not a valid value of the atomic type 'xs:anyURI'*", "accepted"),
        LIBXML_URI,
    ),
    row(
        "schema-mutants",
        "*",
        "*",
        Becomes("*not a valid value of the atomic type 'URI'*", "accepted"),
        LIBXML_URI,
    ),
    row(
        "schema-mutants",
        "*",
        "*",
        Becomes("*Internal error: xmlSchemaValidateFacets*", "accepted"),
        LIBXML_PATTERN,
    ),
    row(
        "schema-mutants",
        "*",
        "*: \"<![CDATA[*]]>\" at byte *",
        Becomes("*Character content other than whitespace is not allowed*", "accepted"),
        LIBXML_CDATA,
    ),
    row("schema-mutants", "*", "*", Becomes("valid", "*[value-format]*expected base64*"), LIBXML_BASE64),
    row(
        "schema-mutants",
        "*",
        "* markup added: *",
        Becomes("*'* ' is not a valid value of the atomic type*", "accepted"),
        LIBXML_BLANK,
    ),
    row(
        "schema-mutants",
        "*",
        "* markup added: *",
        Becomes("*' *' is not a valid value of the atomic type*", "accepted"),
        LIBXML_BLANK,
    ),
    row(
        "schema-mutants",
        "*",
        "*",
        Becomes("*valid value of the atomic type 'xs:NMTOKEN'*", "accepted"),
        NAMES,
    ),
    row("schema-mutants", "*", "*", Becomes("*valid value of the atomic type 'xs:ID'*", "accepted"), NAMES),
    row(
        "schema-mutants",
        "*",
        "* of @* became \"\"",
        Becomes("valid", "*[cardinality-min]*"),
        EMPTY_ATTRIBUTE,
    ),
    row(
        "schema-mutants",
        "*",
        "* of @*: *-*-*T* became *-*-*T*",
        Becomes("valid", "*[value-format]*expected an instant*"),
        LONG_YEAR,
    ),
    row(
        "schema-mutants",
        "*",
        "*/totalResults *",
        Becomes("valid", "*[value-format]*expected an integer of 32 bits*"),
        LARGE_TOTAL,
    ),
];

/// The table during a run. It remembers which rows were needed.
pub(crate) struct Exceptions {
    rows: &'static [Exception],
    used: Vec<Cell<bool>>,
}

impl Exceptions {
    pub(crate) fn new() -> Self {
        Self::with(EXCEPTIONS)
    }

    fn with(rows: &'static [Exception]) -> Self {
        Self { rows, used: vec![Cell::new(false); rows.len()] }
    }

    /// The row that excuses a difference, if there is one.
    pub(crate) fn find(
        &self,
        check: &str,
        file: &str,
        difference: &Difference,
    ) -> Option<&'static Exception> {
        let (left, right) =
            (difference.left.as_deref().unwrap_or(""), difference.right.as_deref().unwrap_or(""));
        let index = self.rows.iter().position(|row| {
            matches(row.check, check)
                && matches(row.file, file)
                && matches(row.path, &difference.path)
                && row.excuse.covers(left, right)
        })?;
        self.used[index].set(true);
        Some(&self.rows[index])
    }

    /// The rows of the checks in `ran` that excused nothing, as texts.
    pub(crate) fn unused(&self, ran: &[&str]) -> Vec<String> {
        let rows = self
            .rows
            .iter()
            .zip(&self.used)
            .filter(|(row, used)| !used.get() && ran.iter().any(|check| matches(row.check, check)));
        rows.map(|(row, _)| format!("{} {} {}: {}", row.check, row.file, row.path, row.reason)).collect()
    }
}

/// Whether a text matches a pattern, in which `*` stands for any characters.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|tail| {
            tail.char_indices().map(|(at, _)| at).chain([tail.len()]).any(|at| matches(rest, &tail[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: &[Exception] = &[
        Exception { check: "a*", file: "x/*.xml", path: "p[*].q", excuse: Blanks, reason: "first" },
        Exception { check: "b", file: "y", path: "", excuse: Becomes("1*", ""), reason: "second" },
    ];

    fn difference(path: &str, left: &str, right: &str) -> Difference {
        Difference::new(path, Some(left.to_owned()), Some(right.to_owned()))
    }

    fn reason(table: &Exceptions, check: &str, file: &str, difference: &Difference) -> Option<&'static str> {
        table.find(check, file, difference).map(|row| row.reason)
    }

    #[test]
    fn a_row_excuses_its_own_kind_of_difference_at_its_place_only() {
        let table = Exceptions::with(ROWS);
        let reason = |check, file, difference| reason(&table, check, file, &difference);
        assert_eq!(reason("ab", "x/1.xml", difference("p[1].q", "1 2 ", "1 2")), Some("first"));
        assert_eq!(reason("ab", "x/1.xml", difference("p[1].q", "1  2", "1 2")), None);
        assert_eq!(reason("ab", "x/1.xml", difference("p[1].r", "1 2 ", "1 2")), None);
        assert_eq!(reason("ab", "x/1.json", difference("p[1].q", "1 2 ", "1 2")), None);
        assert_eq!(reason("b", "x/1.xml", difference("p[1].q", "1 2 ", "1 2")), None);
        assert_eq!(reason("b", "y", difference("", "12", "")), Some("second"));
        assert_eq!(reason("b", "y", difference("", "2", "")), None);
        assert_eq!(reason("b", "y", difference("", "1", "2")), None);
    }

    #[test]
    fn a_row_that_excuses_nothing_is_reported_if_its_check_ran() {
        let table = Exceptions::with(ROWS);
        assert_eq!(table.unused(&["a1", "b"]).len(), 2);
        assert_eq!(table.unused(&["c"]).len(), 0);
        table.find("b", "y", &difference("", "1", ""));
        assert_eq!(table.unused(&["a1", "b"]).len(), 1);
    }
}
