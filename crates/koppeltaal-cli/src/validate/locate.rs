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
        let rules = profiles::ELEMENTS.iter().flat_map(|(_, rules)| rules.iter());
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

/// Counts lines and columns, both from 1, columns in characters, in one pass over a text.
#[derive(Debug)]
pub(super) struct Counter<'text> {
    text: &'text [u8],
    offset: usize,
    position: Position,
}

impl<'text> Counter<'text> {
    pub(super) fn new(text: &'text [u8]) -> Self {
        Self { text, offset: 0, position: Position { line: 1, column: 1 } }
    }

    /// The position of a byte. Offsets come in order.
    pub(super) fn position(&mut self, offset: usize) -> Position {
        let offset = offset.clamp(self.offset, self.text.len());
        for byte in &self.text[self.offset..offset] {
            let Position { line, column } = &mut self.position;
            match byte {
                b'\n' => (*line, *column) = (line.saturating_add(1), 1),
                // A byte that continues a character.
                0x80..=0xBF => {}
                _ => *column = column.saturating_add(1),
            }
        }
        self.offset = offset;
        self.position
    }
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
        let Position { line, column } = Counter::new(text.as_bytes()).position(offset);
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
    fn positions_count_lines_and_characters_from_one() {
        let text = "één\ntwéé drie".as_bytes();
        let mut counter = Counter::new(text);
        let places = [0, 5, text.len() - 4, 999].map(|offset| counter.position(offset));
        let expected = [(1, 1), (1, 4), (2, 6), (2, 10)];
        assert_eq!(places, expected.map(|(line, column)| Position { line, column }));
    }

    #[test]
    fn text_that_is_not_well_formed_is_read_as_far_as_it_goes() {
        let deep = "[".repeat(100_000);
        for text in ["", "{", "{\"a\"", "{\"a\":[", "[1,", "\"\\", "{\"a\" 1}", "}{", deep.as_str()] {
            assert_eq!(Outline::of(Format::Json, text.as_bytes()).offset("b[1].c"), 0, "{text:.20}");
        }
        for text in ["", "<", "</a>", "<a>&", "<a><b></a>", "<a"] {
            assert_eq!(Outline::of(Format::Xml, text.as_bytes()).offset("c[1].d"), 0, "{text}");
        }
        assert_eq!(Outline::of(Format::Json, b" {\"a\": 1, \"b\": {").offset("b"), 15);
    }
}
