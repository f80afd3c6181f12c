//! Converts unknown elements and members between the formats.
//!
//! Nobody knows the type of an unknown element, so this follows the conventions of FHIR as far as they can
//! be seen from the outside: a `value` attribute is a string, several elements of one name are an array, and
//! markup, where text stands between elements, is one string, as a narrative is.

use std::collections::HashMap;

use crate::json::{Kind, Scanner, write_string};
use crate::xml::{Token, Tokens, escape_attribute, is_reserved_namespace, is_unprefixed_name};

/// The namespace of narratives and other rich text.
const XHTML: &str = "http://www.w3.org/1999/xhtml";

/// An element, as far as its markup tells.
#[derive(Default)]
struct Node<'t> {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Node<'t>>,
    text: String,
    /// Where its start tag begins.
    start: usize,
    /// Its source text, from the start tag to the end tag.
    source: &'t str,
}

impl Node<'_> {
    fn is_xhtml(&self) -> bool {
        self.attributes.iter().any(|(name, value)| name == "xmlns" && value == XHTML)
    }

    /// Its markup, if members could not hold the content: they would take elements out of the text around
    /// them. An element with nothing but XHTML in it stands for that XHTML, as in a sender's JSON.
    fn markup(&self) -> Option<&str> {
        let is_mixed = !self.children.is_empty() && !self.text.trim().is_empty();
        match self.children.as_slice() {
            _ if is_mixed || self.is_xhtml() => Some(self.source),
            [rich] if rich.is_xhtml() && self.attributes.is_empty() => Some(rich.source),
            _ => None,
        }
    }
}

/// The JSON value of an unknown element.
pub(crate) fn element_to_json(markup: &str) -> String {
    let mut out = Vec::new();
    match parse(markup) {
        Some(node) => write_node(&node, &mut out),
        // The reader saw that it is well-formed; should it not be, its text is still not lost.
        None => write_string(&mut out, markup),
    }
    String::from_utf8(out).unwrap_or_default()
}

fn parse(markup: &str) -> Option<Node<'_>> {
    let mut tokens = Tokens::of_fragment(markup);
    let mut open = vec![Node::default()];
    loop {
        match tokens.next().ok()? {
            Token::Start => {
                let tag = *tokens.tag();
                let (start, source) = (tokens.offset(), tokens.source());
                let mut node = Node { name: tag.name.to_owned(), start, source, ..Node::default() };
                for (name, raw) in tag.attributes() {
                    let value = raw.value().ok()?.into_owned();
                    node.attributes.push((name.to_owned(), value));
                }
                if tag.is_empty {
                    open.last_mut()?.children.push(node);
                } else {
                    open.push(node);
                }
            }
            Token::End => {
                let mut node = open.pop()?;
                node.source = tokens.source_from(node.start);
                open.last_mut()?.children.push(node);
            }
            Token::Text(text) => open.last_mut()?.text.push_str(&text),
            Token::Space(_) => {}
            Token::Eof => return open.pop()?.children.pop(),
        }
    }
}

/// The children grouped by name. The groups are in the order of their first children.
fn by_name<'a, 't>(children: &'a [Node<'t>]) -> Vec<Vec<&'a Node<'t>>> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut groups: Vec<Vec<&Node<'t>>> = Vec::new();
    for child in children {
        let place = *places.entry(&child.name).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(child),
            None => groups.push(vec![child]),
        }
    }
    groups
}

fn write_node(node: &Node<'_>, out: &mut Vec<u8>) {
    if let Some(markup) = node.markup() {
        return write_string(out, markup);
    }
    let text = node.text.trim();
    // A plain primitive: nothing but a value.
    if let [(name, value)] = node.attributes.as_slice()
        && name == "value"
        && node.children.is_empty()
        && text.is_empty()
    {
        return write_string(out, value);
    }
    if node.attributes.is_empty() && node.children.is_empty() && !text.is_empty() {
        return write_string(out, text);
    }
    out.push(b'{');
    let mut first = true;
    let mut member = |out: &mut Vec<u8>, name: &str| {
        if !std::mem::replace(&mut first, false) {
            out.push(b',');
        }
        write_string(out, name);
        out.push(b':');
    };
    for (name, value) in &node.attributes {
        member(out, name);
        write_string(out, value);
    }
    for same in by_name(&node.children) {
        let Some(first) = same.first() else { continue };
        member(out, &first.name);
        match same.as_slice() {
            [one] => write_node(one, out),
            several => {
                for (item, one) in several.iter().enumerate() {
                    out.push(if item == 0 { b'[' } else { b',' });
                    write_node(one, out);
                }
                out.push(b']');
            }
        }
    }
    if !text.is_empty() {
        member(out, "#text");
        write_string(out, text);
    }
    out.push(b'}');
}

/// The markup of an unknown JSON member. Fails with a character that XML cannot hold.
pub(crate) fn member_to_xml(name: &str, raw: &str) -> Result<String, char> {
    let mut out = Vec::new();
    write_member(name, &mut Scanner::new(raw), &mut out)?;
    Ok(String::from_utf8(out).unwrap_or_default())
}

fn write_member(name: &str, scanner: &mut Scanner<'_>, out: &mut Vec<u8>) -> Result<(), char> {
    // A name that cannot stand in a tag is replaced.
    let name = if is_unprefixed_name(name) { name } else { "member" };
    // The reader checked the text; a scanner that fails all the same ends the element.
    match scanner.kind() {
        Ok(Kind::Array) => {
            let mut first = scanner.begin_array().is_ok();
            while matches!(scanner.next_item(first), Ok(true)) {
                first = false;
                write_member(name, scanner, out)?;
            }
        }
        Ok(Kind::Object) => {
            write_object(name, scanner, out)?;
        }
        Ok(Kind::String) => write_value(name, &scanner.string().unwrap_or_default(), out)?,
        Ok(Kind::Number) => write_value(name, scanner.number().unwrap_or_default(), out)?,
        Ok(Kind::Boolean) => write_value(name, scanner.literal().unwrap_or_default(), out)?,
        Ok(Kind::Null) => drop(scanner.literal()),
        Err(_) => {}
    }
    Ok(())
}

/// Members that FHIR has as attributes in XML.
const ATTRIBUTES: [&str; 5] = ["id", "url", "value", "xmlns", "contentType"];

fn write_value(name: &str, value: &str, out: &mut Vec<u8>) -> Result<(), char> {
    out.extend_from_slice(format!("<{name} value=\"").as_bytes());
    escape_attribute(out, value)?;
    out.extend_from_slice(b"\"/>");
    Ok(())
}

fn write_object(name: &str, scanner: &mut Scanner<'_>, out: &mut Vec<u8>) -> Result<(), char> {
    let mut attributes = Vec::new();
    let mut content = Vec::new();
    let mut free = ATTRIBUTES;
    let mut first = scanner.begin_object().is_ok();
    while let Ok(Some(member)) = scanner.next_member(first) {
        first = false;
        let place = free.iter().position(|name| *name == member);
        if let Some(place) = place
            && matches!(scanner.kind(), Ok(Kind::String))
        {
            let value = scanner.string().unwrap_or_default();
            if member != "xmlns" || !is_reserved_namespace(&value) {
                // Each name once: a second member of the same name becomes an element.
                free[place] = "";
                attributes.extend_from_slice(format!(" {member}=\"").as_bytes());
                escape_attribute(&mut attributes, &value)?;
                attributes.push(b'"');
            } else {
                write_value(&member, &value, &mut content)?;
            }
        } else {
            write_member(&member, scanner, &mut content)?;
        }
    }
    out.extend_from_slice(format!("<{name}").as_bytes());
    out.extend_from_slice(&attributes);
    if content.is_empty() {
        out.extend_from_slice(b"/>");
        return Ok(());
    }
    out.push(b'>');
    out.extend_from_slice(&content);
    out.extend_from_slice(format!("</{name}>").as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_between_elements_keeps_its_order_in_json() {
        for (xml, json) in [
            (r#"<note value="a"/>"#, r#""a""#),
            ("<note>a</note>", r#""a""#),
            (r#"<note id="1">a</note>"#, r##"{"id":"1","#text":"a"}"##),
            ("<note><p>a</p><p>b</p></note>", r#"{"p":["a","b"]}"#),
            ("<note>a <b>b</b> c</note>", r#""<note>a <b>b</b> c</note>""#),
            ("<note><p>a <b>b</b> c</p><q/></note>", r#"{"p":"<p>a <b>b</b> c</p>","q":{}}"#),
        ] {
            assert_eq!(element_to_json(xml), json);
        }
    }

    #[test]
    fn xhtml_is_a_string_as_a_narrative_is() {
        let div = "<div xmlns='http://www.w3.org/1999/xhtml'><p>a <b>b</b></p></div>";
        let json = format!("\"{div}\"");
        assert_eq!(element_to_json(div), json);
        assert_eq!(element_to_json(&format!("<valueXhtml>\n  {div}\n</valueXhtml>")), json);
        assert_eq!(
            element_to_json(&format!("<text><status value='x'/>{div}</text>")),
            format!(r#"{{"status":"x","div":{json}}}"#)
        );
    }
}
