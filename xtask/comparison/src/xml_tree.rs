//! XML as trees, and the differences between two of them.
//!
//! Shares no code with koppeltaal-fhir on purpose: quick-xml resolves namespaces, references and white space
//! here. [`parse`] removes what the standard calls insignificant. The rest must be equal.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use quick_xml::NsReader;
use quick_xml::escape::{resolve_html5_entity, resolve_xml_entity};
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};

use crate::difference::{Difference, MOST};

const ATOM: &str = "http://www.w3.org/2005/Atom";
const FHIR: &str = "http://hl7.org/fhir";
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";
const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";
const TOMBSTONE: &str = "http://purl.org/atompub/tombstones/1.0";
const XHTML: &str = "http://www.w3.org/1999/xhtml";

/// An element. Names carry their namespace as `{uri}name`, FHIR's and "none" excepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    namespace: String,
    name: String,
    attributes: BTreeMap<String, String>,
    children: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Element(Element),
    Text(String),
    /// Only inside narratives; elsewhere comments are dropped.
    Comment(String),
}

/// Parses a document and removes what carries no meaning.
pub fn parse(text: &str) -> Result<Element, String> {
    let mut root = tree(text.strip_prefix('\u{FEFF}').unwrap_or(text), false)?;
    normalize(&mut root);
    Ok(root)
}

/// Parses the narrative in a JSON string: HTML's named entities are known, the namespace may be missing.
pub fn parse_markup(text: &str) -> Result<Element, String> {
    tree(text, true)
}

fn tree(text: &str, markup: bool) -> Result<Element, String> {
    let mut reader = NsReader::from_str(text);
    let mut open = vec![Element::new(String::new(), String::new())];
    let resolve = if markup { resolve_html5_entity } else { resolve_xml_entity };
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        match event {
            Event::Start(start) => {
                let element = element(&reader, &start, markup)?;
                open.push(element);
            }
            Event::Empty(start) => {
                let element = element(&reader, &start, markup)?;
                innermost(&mut open)?.children.push(Node::Element(element));
            }
            Event::End(_) => {
                let element = open.pop().ok_or("an end tag too many")?;
                innermost(&mut open)?.children.push(Node::Element(element));
            }
            Event::Text(text) => innermost(&mut open)?.push_text(&text.xml10_content()),
            Event::CData(text) => innermost(&mut open)?.push_text(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let inside = innermost(&mut open)?;
                match reference.resolve_char_ref().map_err(|error| error.to_string())? {
                    Some(character) => inside.push_text(character.encode_utf8(&mut [0; 4])),
                    None => inside
                        .push_text(resolve(&reference).ok_or_else(|| format!("entity {}", &*reference))?),
                }
            }
            Event::Comment(comment) => {
                innermost(&mut open)?.children.push(Node::Comment(comment.to_string()));
            }
            Event::PI(_) | Event::Decl(_) => {}
            Event::DocType(_) => return Err("a DOCTYPE".to_owned()),
            Event::Eof => break,
        }
    }
    if open.len() != 1 {
        return Err("the text ends inside an element".to_owned());
    }
    let mut roots = innermost(&mut open)?.children.drain(..).filter(|node| !node.is_blank());
    match (roots.next(), roots.next()) {
        (Some(Node::Element(root)), None) => Ok(root),
        _ => Err("not exactly one root element".to_owned()),
    }
}

fn innermost(open: &mut [Element]) -> Result<&mut Element, String> {
    open.last_mut().ok_or_else(|| "content outside the root".to_owned())
}

fn element(reader: &NsReader<&[u8]>, start: &BytesStart<'_>, markup: bool) -> Result<Element, String> {
    let (namespace, name) = reader.resolver().resolve_element(start.name());
    let namespace = match uri(namespace)? {
        none if none.is_empty() && markup => XHTML.to_owned(),
        uri => uri,
    };
    let mut element = Element::new(namespace, name.as_ref().to_owned());
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let (namespace, name) = reader.resolver().resolve_attribute(attribute.key);
        let key = qualified(&uri(namespace)?, name.as_ref());
        let resolve = if markup { resolve_html5_entity } else { resolve_xml_entity };
        let value = attribute.normalized_value_with(quick_xml::XmlVersion::Implicit1_0, 1, resolve);
        let value = value.map_err(|error| error.to_string())?.into_owned();
        if element.attributes.insert(key, value).is_some() {
            return Err(format!("an attribute of {} twice", element.name));
        }
    }
    Ok(element)
}

fn uri(namespace: ResolveResult<'_>) -> Result<String, String> {
    match namespace {
        ResolveResult::Unbound => Ok(String::new()),
        ResolveResult::Bound(Namespace(uri)) => Ok(uri.to_owned()),
        ResolveResult::Unknown(prefix) => Err(format!("the prefix {prefix:?} is not declared")),
    }
}

fn qualified(namespace: &str, name: &str) -> String {
    if namespace.is_empty() || namespace == FHIR { name.to_owned() } else { format!("{{{namespace}}}{name}") }
}

impl Node {
    /// Whether it is a comment, or text that is only white space.
    fn is_blank(&self) -> bool {
        match self {
            Self::Element(_) => false,
            Self::Text(text) => text.trim_ascii().is_empty(),
            Self::Comment(_) => true,
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Element(element) => format!("<{}>", qualified(&element.namespace, &element.name)),
            Self::Text(text) => format!("\"{text}\""),
            Self::Comment(comment) => format!("<!--{comment}-->"),
        }
    }
}

impl Element {
    fn new(namespace: String, name: String) -> Self {
        Self { namespace, name, attributes: BTreeMap::new(), children: Vec::new() }
    }

    fn push_text(&mut self, more: &str) {
        if let Some(Node::Text(text)) = self.children.last_mut() {
            text.push_str(more);
        } else {
            self.children.push(Node::Text(more.to_owned()));
        }
    }

    fn is(&self, namespace: &str, names: &[&str]) -> bool {
        self.namespace == namespace && names.contains(&self.name.as_str())
    }
}

/// Removes what has no meaning outside narratives and signatures, of which every character counts.
fn normalize(element: &mut Element) {
    if element.namespace == XHTML || element.namespace == SIGNATURE {
        return;
    }
    element.attributes.retain(|name, _| !name.starts_with(&format!("{{{INSTANCE}}}")));
    let children = std::mem::take(&mut element.children);
    for child in children {
        match child {
            Node::Element(mut child) => {
                normalize(&mut child);
                element.children.push(Node::Element(child));
            }
            // Text around a comment is one text.
            Node::Text(text) => element.push_text(&text),
            Node::Comment(_) => {}
        }
    }
    element.children.retain(|child| !child.is_blank());
    if element.is(FHIR, &["Binary"]) {
        for child in &mut element.children {
            if let Node::Text(text) = child {
                text.retain(|character| !character.is_ascii_whitespace());
            }
        }
    }
    let is_text = element.attributes.get("type").is_some_and(|kind| kind == "text");
    if is_text && element.is(ATOM, &["title"]) {
        element.attributes.remove("type");
    }
    // Atom's children come in any order, but the entries are a list.
    if element.is(ATOM, &["feed", "entry", "author"]) || element.is(TOMBSTONE, &["deleted-entry"]) {
        element.children.sort_by_cached_key(|child| match child {
            Node::Element(child) if child.name == "deleted-entry" => {
                "<{http://www.w3.org/2005/Atom}entry>".to_owned()
            }
            Node::Element(_) => child.describe(),
            Node::Text(_) | Node::Comment(_) => String::new(),
        });
    }
}

/// All places where two trees differ, in document order, up to [`MOST`].
pub fn compare(left: &Element, right: &Element) -> Vec<Difference> {
    let mut differences = Vec::new();
    if (&left.namespace, &left.name) == (&right.namespace, &right.name) {
        compare_elements(left, right, &left.name, &mut differences);
    } else {
        let name = |element: &Element| Some(format!("<{}>", qualified(&element.namespace, &element.name)));
        differences.push(Difference::new("", name(left), name(right)));
    }
    differences
}

fn compare_elements(left: &Element, right: &Element, path: &str, differences: &mut Vec<Difference>) {
    if differences.len() >= MOST {
        return;
    }
    for (name, value) in &left.attributes {
        if right.attributes.get(name) != Some(value) {
            let found = right.attributes.get(name).cloned();
            differences.push(Difference::new(format!("{path}/@{name}"), Some(value.clone()), found));
        }
    }
    for (name, value) in right.attributes.iter().filter(|(name, _)| !left.attributes.contains_key(*name)) {
        differences.push(Difference::new(format!("{path}/@{name}"), None, Some(value.clone())));
    }
    for index in 0..left.children.len().max(right.children.len()) {
        match (left.children.get(index), right.children.get(index)) {
            (Some(Node::Element(one)), Some(Node::Element(other)))
                if (&one.namespace, &one.name) == (&other.namespace, &other.name) =>
            {
                let path = child_path(left, index, path);
                compare_elements(one, other, &path, differences);
            }
            (Some(one), Some(other)) if one == other => {}
            (one, other) => {
                let place = if one.is_some() {
                    child_path(left, index, path)
                } else {
                    child_path(right, index, path)
                };
                let describe = |node: Option<&Node>| node.map(Node::describe);
                differences.push(Difference::new(place, describe(one), describe(other)));
                // Two texts or two comments are compared. After any other pair the rest is not comparable.
                if !matches!(
                    (one, other),
                    (Some(Node::Text(_)), Some(Node::Text(_)))
                        | (Some(Node::Comment(_)), Some(Node::Comment(_)))
                ) {
                    return;
                }
            }
        }
    }
}

/// The path of a child: its name, and its place among children of that name if there are several.
fn child_path(parent: &Element, index: usize, path: &str) -> String {
    let mut place = format!("{path}/");
    match &parent.children[index] {
        Node::Text(_) => place.push_str("text()"),
        Node::Comment(_) => place.push_str("comment()"),
        Node::Element(child) => {
            place.push_str(&child.name);
            let is_same = |node: &&Node| matches!(node, Node::Element(other) if other.name == child.name);
            if parent.children.iter().filter(is_same).count() > 1 {
                let _ = write!(place, "[{}]", parent.children[..index].iter().filter(is_same).count());
            }
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differences(left: &str, right: &str) -> Vec<String> {
        let left = parse(left).expect("left");
        let right = parse(right).expect("right");
        compare(&left, &right).iter().map(|difference| difference.path.clone()).collect()
    }

    fn patient(inside: &str) -> String {
        format!("<Patient xmlns='http://hl7.org/fhir'>{inside}</Patient>")
    }

    #[test]
    fn layout_prefixes_attribute_order_comments_and_schema_hints_make_no_difference() {
        let left = "<?xml version='1.0'?><Patient xmlns='http://hl7.org/fhir'><name id='a' value='b'/><x value='1 2'/></Patient>";
        let right = "\u{FEFF}<!-- c --><f:Patient xmlns:f='http://hl7.org/fhir' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' \
            xsi:schemaLocation='a b'>\n <f:name value=\"b\" id='&#97;'></f:name> <!-- d -->\n<f:x value='1\n2'/></f:Patient>";
        assert_eq!(differences(left, right), Vec::<String>::new());
    }

    #[test]
    fn a_lost_attribute_element_or_text_is_found() {
        assert_eq!(
            differences(&patient("<a value='1' id='x'/>"), &patient("<a value='1'/>")),
            ["Patient/a/@id"]
        );
        assert_eq!(
            differences(&patient("<a value='1'/>"), &patient("<a value='1' id='x'/>")),
            ["Patient/a/@id"]
        );
        assert_eq!(differences(&patient("<a/><a/><b/>"), &patient("<a/><b/>")), ["Patient/a[1]"]);
        assert_eq!(differences(&patient("<a/>"), &patient("<a/><b/>")), ["Patient/b"]);
        assert_eq!(differences(&patient("<a>text</a>"), &patient("<a/>")), ["Patient/a/text()"]);
    }

    #[test]
    fn changed_order_digits_names_and_namespaces_are_found() {
        assert_eq!(differences(&patient("<a/><b/>"), &patient("<b/><a/>")), ["Patient/a"]);
        assert_eq!(
            differences(&patient("<a value='1.0'/>"), &patient("<a value='1.00'/>")),
            ["Patient/a/@value"]
        );
        assert_eq!(differences(&patient("<a/>"), &patient("<a xmlns='urn:x'/>")), ["Patient/a"]);
        assert_eq!(differences(&patient(""), "<Patient/>"), [""]);
        let breaks = (patient("<a value='1&#10;2'/>"), patient("<a value='1\n2'/>"));
        assert_eq!(differences(&breaks.0, &breaks.1), ["Patient/a/@value"]);
    }

    #[test]
    fn every_character_of_a_narrative_counts() {
        let narrative = |inside: &str| patient(&format!("<text><div xmlns='{XHTML}'>{inside}</div></text>"));
        let same = (
            narrative("<p a='1' b='2'>x&#160;&amp;</p>"),
            narrative("<p b='2' a='1'>x\u{A0}<![CDATA[&]]></p>"),
        );
        assert_eq!(differences(&same.0, &same.1), Vec::<String>::new());
        for (left, right, path) in [
            ("<p>a b</p>", "<p>a  b</p>", "Patient/text/div/p/text()"),
            ("<p/> <p/>", "<p/><p/>", "Patient/text/div/text()"),
            ("<!-- a --><p/>", "<p/>", "Patient/text/div/comment()"),
            ("<!-- a --><p/>", "<!-- b --><p/>", "Patient/text/div/comment()"),
            ("<p class='x'/>", "<p/>", "Patient/text/div/p/@class"),
        ] {
            assert_eq!(differences(&narrative(left), &narrative(right)), [path], "{left} {right}");
        }
    }

    #[test]
    fn atom_children_come_in_any_order_but_entries_and_links_keep_theirs() {
        let feed = |inside: &str| format!("<feed xmlns='{ATOM}' xmlns:at='{TOMBSTONE}'>{inside}</feed>");
        let left = feed(
            "<title type='text'>a</title><id>b</id><entry><id>1</id></entry><at:deleted-entry ref='2'/>",
        );
        let right = feed("<entry><id>1</id></entry><id>b</id><at:deleted-entry ref='2'/><title>a</title>");
        assert_eq!(differences(&left, &right), Vec::<String>::new());
        let swapped = feed("<title>a</title><id>b</id><at:deleted-entry ref='2'/><entry><id>1</id></entry>");
        assert_eq!(differences(&left, &swapped), ["feed/entry"]);
        let links = (feed("<link rel='a'/><link rel='b'/>"), feed("<link rel='b'/><link rel='a'/>"));
        assert_eq!(differences(&links.0, &links.1), ["feed/link[0]/@rel", "feed/link[1]/@rel"]);
    }

    #[test]
    fn markup_from_json_may_lack_its_namespace_and_use_html_entities() {
        let bare = parse_markup("<div>a&nbsp;b</div>").expect("markup");
        let full =
            parse_markup("<h:div xmlns:h='http://www.w3.org/1999/xhtml'>a&#xA0;b</h:div>").expect("markup");
        assert_eq!(compare(&bare, &full), []);
        assert!(parse("<div>a&nbsp;b</div>").is_err());
        assert!(parse_markup("<div>").is_err());
        assert!(parse_markup("<div/><div/>").is_err());
        assert!(parse_markup("<div/>text").is_err());
    }
}
