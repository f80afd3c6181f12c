//! [`Outline`]: where in a text the elements stand that findings name. A reader gives places in the text itself; a check of
//! the value that was read knows only the path.
//!
//! The text has been read before, so it is well-formed: what is not is passed over.

mod json;
mod xml;

use koppeltaal_fhir::{Format, Position};
use koppeltaal_messaging::profiles;

/// The elements of a text as a tree.
#[derive(Debug, Default)]
pub(super) struct Outline {
    root: Node,
}

/// An element or member.
#[derive(Debug, Default)]
struct Node {
    name: String,
    /// Where it begins, in bytes.
    offset: usize,
    /// Of an extension, its URL.
    url: Option<String>,
    children: Vec<Node>,
}

impl Outline {
    /// The outline of a text of a format, which has no byte order mark.
    pub(super) fn of(format: Format, text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let root = match format {
            Format::Json => json::outline(&text),
            Format::Xml => xml::outline(&text),
        };
        Self { root }
    }

    /// Where the element at a path begins, or what would hold it if it is not there.
    pub(super) fn offset(&self, path: &str) -> usize {
        let mut node = &self.root;
        for segment in path.split('.').filter(|segment| !segment.is_empty()) {
            let (name, index) = match segment.strip_suffix(']').and_then(|segment| segment.split_once('[')) {
                Some((name, index)) => (name, index.parse().unwrap_or_default()),
                None => (segment, 0),
            };
            match node.child(name, index) {
                Some(child) => node = child,
                None => break,
            }
        }
        node.offset
    }
}

impl Node {
    /// The child of a name: the element itself, or the extension that a profile of Koppeltaal holds it in.
    fn child(&self, name: &str, index: usize) -> Option<&Self> {
        if let Some(child) = self.children.iter().filter(|child| child.name == name).nth(index) {
            return Some(child);
        }
        let rules = profiles::RULES.iter().flat_map(|(_, rules)| rules.iter());
        let urls: Vec<_> =
            rules.filter(|rule| rule.name() == name).filter_map(|rule| rule.extension).collect();
        let holds = |child: &&Self| {
            let is_it = |url: &&str| child.url.as_deref().is_some_and(|own| is_url(own, url));
            child.name == "extension" && urls.iter().any(is_it)
        };
        self.children.iter().filter(holds).nth(index)
    }
}

/// Whether an extension has this URL, or just the name after its `#`.
fn is_url(own: &str, url: &str) -> bool {
    own == url || url.split_once('#').is_some_and(|(_, name)| own == name)
}

/// The line and column of a byte, both from 1, columns in characters.
pub(super) fn position(text: &[u8], offset: usize) -> Position {
    let before = &text[..offset.min(text.len())];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    // A character starts at each byte that does not continue one.
    let column = before[line_start..].iter().filter(|byte| **byte & 0xC0 != 0x80).count() + 1;
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Position { line: number(line), column: number(column) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = r#"<feed xmlns="http://www.w3.org/2005/Atom">
  <entry><id>a</id></entry>
  <entry>
    <content type="text/xml">
      <CarePlan xmlns="http://hl7.org/fhir">
        <activity><prohibited value="false"/></activity>
        <activity>
          <extension url="http://ggz.koppeltaal.nl/fhir/Koppeltaal/CarePlan#ActivityStatus"/>
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

    fn at(format: Format, text: &str, path: &str) -> String {
        let offset = Outline::of(format, text.as_bytes()).offset(path);
        let Position { line, column } = position(text.as_bytes(), offset);
        format!("{line}:{column}")
    }

    #[test]
    fn elements_are_found_by_their_paths_in_both_formats() {
        for (path, xml, json) in [
            ("", "1:1", "1:1"),
            ("entry[0].id", "2:10", "1:39"),
            ("entry[1]", "3:3", "2:3"),
            ("entry[1].content", "5:7", "3:16"),
            ("entry[1].content.activity[0].prohibited", "6:19", "4:8"),
            ("entry[1].content.activity[1]", "7:9", "5:7"),
            ("entry[1].content.activity[1].status", "8:11", "6:9"),
        ] {
            assert_eq!(at(Format::Xml, XML, path), xml, "{path}");
            assert_eq!(at(Format::Json, JSON, path), json, "{path}");
        }
    }

    #[test]
    fn what_is_missing_stands_where_it_would_be() {
        let path = "entry[1].content.activity[1].startDate";
        assert_eq!(at(Format::Xml, XML, path), "7:9");
        assert_eq!(at(Format::Json, JSON, path), "5:7");
        assert_eq!(at(Format::Json, JSON, "entry[7].content"), "1:1");
    }

    #[test]
    fn text_that_is_not_well_formed_does_no_harm() {
        for text in ["", "{", "{\"a\"", "{\"a\":[", "[1,", "\"\\", "{\"a\" 1}", "}{"] {
            assert_eq!(at(Format::Json, text, "a[1].b"), at(Format::Json, text, "a[1].b"), "{text}");
            assert_eq!(
                Outline::of(Format::Json, text.as_bytes()).offset("x"),
                Outline::of(Format::Json, text.as_bytes()).root.offset
            );
        }
        for text in ["", "<", "<a", "<a><b></a>", "</a>", "<a>&"] {
            assert_eq!(
                Outline::of(Format::Xml, text.as_bytes()).offset("x"),
                Outline::of(Format::Xml, text.as_bytes()).root.offset
            );
        }
    }
}
