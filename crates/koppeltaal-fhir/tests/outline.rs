//! [`Outline`]: the places of the elements that paths name, in both formats.

use koppeltaal_fhir::{Format, Outline};

const XML: &str = r#"<feed xmlns="http://www.w3.org/2005/Atom">
  <entry><id>a</id></entry>
  <entry>
    <content type="text/xml">
      <CarePlan xmlns="http://hl7.org/fhir">
        <activity><prohibited value="false"/></activity>
        <activity>
          <extension url="http://example.org/CarePlan#ActivityStatus"/>
        </activity>
      </CarePlan>
    </content>
  </entry>
</feed>"#;

const JSON: &str = r#"{"resourceType": "Bundle", "entry": [{"id": "a \" [{"},
  {
    "content": {"resourceType": "CarePlan", "activity": [
      {"prohibited": false},
      {"extension": [
        {"valueCode": "x", "url": "ActivityStatus"}]}]}}]}"#;

fn at(format: Format, text: &str, path: &str) -> (u32, u32) {
    let is_held = |element: &str, url: &str| element == "status" && url.ends_with("ActivityStatus");
    let position = Outline::new(format, text.as_bytes()).position(path, is_held);
    (position.line, position.column)
}

#[test]
fn elements_are_found_by_their_paths_in_both_formats() {
    for (path, xml, json) in [
        ("", (1, 1), (1, 1)),
        ("entry[0].id", (2, 10), (1, 39)),
        ("entry[1]", (3, 3), (2, 3)),
        ("entry[1].content", (5, 7), (3, 16)),
        ("entry[1].content.activity[0].prohibited", (6, 19), (4, 8)),
        ("entry[1].content.activity[1]", (7, 9), (5, 7)),
        ("entry[1].content.activity[1].status", (8, 11), (6, 9)),
    ] {
        assert_eq!(at(Format::Xml, XML, path), xml, "{path}");
        assert_eq!(at(Format::Json, JSON, path), json, "{path}");
    }
}

#[test]
fn what_is_missing_stands_where_it_would_be() {
    let path = "entry[1].content.activity[1].startDate";
    assert_eq!(at(Format::Xml, XML, path), (7, 9));
    assert_eq!(at(Format::Json, JSON, path), (5, 7));
    assert_eq!(at(Format::Json, JSON, "entry[7].content"), (1, 1));
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_line() {
    assert_eq!(at(Format::Json, "\u{FEFF}{\"id\": \"a\"}", "id"), (1, 2));
}

#[test]
fn text_that_is_not_well_formed_is_read_as_far_as_it_goes() {
    let deep = "[".repeat(100_000);
    let deeper = "{\"a\":".repeat(100_000);
    for text in
        ["", "{", "{\"a\"", "{\"a\":[", "[1,", "\"\\", "{\"a\" 1}", "}{", deep.as_str(), deeper.as_str()]
    {
        assert_eq!(at(Format::Json, text, "b[1].c"), (1, 1), "{text:.20}");
    }
    let deep = "<a>".repeat(100_000);
    for text in ["", "<", "</a>", "<a>&", "<a><b></a>", "<a", deep.as_str()] {
        assert_eq!(at(Format::Xml, text, "c[1].d"), (1, 1), "{text:.20}");
    }
    assert_eq!(at(Format::Json, " {\"a\": 1, \"b\": {", "b"), (1, 16));
}
