//! Between the formats, for what the model does not understand: unknown elements and members, and narratives.
//!
//! Nobody knows the type of an unknown element, so this follows the conventions of DSTU1 as far as they can be seen from
//! the outside: a `value` attribute is a string, several elements of one name are an array.

use crate::xhtml::XHTML_NAMESPACE;
use crate::xml::{Token, Tokens, escape_attribute, unescape};

/// A narrative as it stands in JSON, made XML: named entities become characters, the namespace is declared.
pub(crate) fn narrative_to_xml(markup: &str) -> Result<String, String> {
    let markup = resolve_named_entities(markup.trim())?;
    let is_bare = root_of(&markup)?.is_some_and(|root| root.name == "div" && root.namespace.is_none());
    let markup = if is_bare {
        let after_name = markup.strip_prefix("<div").ok_or("it does not start with <div")?;
        format!("<div xmlns=\"{XHTML_NAMESPACE}\"{after_name}")
    } else {
        markup
    };
    check_element(&markup, XHTML_NAMESPACE, "div")?;
    Ok(markup)
}

/// Fails unless the markup is one well-formed element of this name, in a namespace that it declares itself: only then can
/// it stand in another document without becoming something else there.
pub(crate) fn check_element(markup: &str, namespace: &str, name: &str) -> Result<(), String> {
    let root = root_of(markup)?;
    if root.is_none_or(|root| root.name != name || root.namespace.as_deref() != Some(namespace)) {
        return Err(format!("it is not a <{name} xmlns=\"{namespace}\">"));
    }
    check_fragment(markup)
}

/// The first element of some markup.
struct Root {
    /// Its name without prefix.
    name: String,
    /// The namespace that it is in by its own declarations.
    namespace: Option<String>,
}

fn root_of(markup: &str) -> Result<Option<Root>, String> {
    let mut tokens = Tokens::new(markup);
    let Token::Start = tokens.next().map_err(|error| error.problem)? else { return Ok(None) };
    let tag = tokens.tag();
    let (declaration, name) = match tag.name.split_once(':') {
        None => ("xmlns".to_owned(), tag.name),
        Some((prefix, name)) => (format!("xmlns:{prefix}"), name),
    };
    let declared = tag.attributes().find(|(attribute, _)| *attribute == declaration);
    let namespace = declared.map(|(_, raw)| raw.value()).transpose()?;
    Ok(Some(Root { name: name.to_owned(), namespace: namespace.map(std::borrow::Cow::into_owned) }))
}

/// `&nbsp;` and its kin become characters; the five references of XML and numeric ones stay.
fn resolve_named_entities(markup: &str) -> Result<String, String> {
    let mut out = String::with_capacity(markup.len());
    let mut rest = markup;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let end = rest[at..].find(';').ok_or("an `&` without a `;` after it")? + at + 1;
        let reference = &rest[at..end];
        let name = &reference[1..reference.len() - 1];
        if name.starts_with('#') || matches!(name, "lt" | "gt" | "amp" | "quot" | "apos") {
            out.push_str(reference);
        } else {
            out.push_str(&unescape(reference, true)?);
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    Ok(out)
}

/// Fails unless the markup is one well-formed element.
fn check_fragment(markup: &str) -> Result<(), String> {
    let mut tokens = Tokens::of_fragment(markup);
    let mut depth = 0_usize;
    let mut seen = false;
    loop {
        match tokens.next().map_err(|error| error.problem)? {
            Token::Start => {
                if depth == 0 && std::mem::replace(&mut seen, true) {
                    return Err("more than one element".to_owned());
                }
                depth += usize::from(!tokens.tag().is_empty);
            }
            Token::End => depth = depth.saturating_sub(1),
            Token::Text(text) if depth == 0 && !text.trim().is_empty() => {
                return Err("text outside the element".to_owned());
            }
            Token::Text(_) | Token::Space(_) => {}
            Token::Eof if seen && depth == 0 => return Ok(()),
            Token::Eof => return Err("it ends inside an element".to_owned()),
        }
    }
}

#[cfg(feature = "json")]
pub(crate) use unknown::{element_to_json, member_to_xml};

#[cfg(feature = "json")]
mod unknown {
    use std::collections::HashMap;

    use super::{Token, Tokens, escape_attribute};
    use crate::json::{Kind, Scanner, write_string};

    /// An element, as far as its form tells.
    #[derive(Default)]
    struct Node {
        name: String,
        attributes: Vec<(String, String)>,
        children: Vec<Node>,
        text: String,
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

    fn parse(markup: &str) -> Option<Node> {
        let mut tokens = Tokens::new(markup);
        let mut open: Vec<Node> = vec![Node::default()];
        loop {
            match tokens.next().ok()? {
                Token::Start => {
                    let tag = *tokens.tag();
                    let mut node = Node { name: tag.name.to_owned(), ..Node::default() };
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
                    let node = open.pop()?;
                    open.last_mut()?.children.push(node);
                }
                Token::Text(text) => open.last_mut()?.text.push_str(&text),
                Token::Space(_) => {}
                Token::Eof => return open.pop()?.children.pop(),
            }
        }
    }

    /// The children in groups of one name, in the order in which the names come up.
    fn by_name(children: &[Node]) -> Vec<Vec<&Node>> {
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut groups: Vec<Vec<&Node>> = Vec::new();
        for child in children {
            let place = *places.entry(&child.name).or_insert(groups.len());
            match groups.get_mut(place) {
                Some(group) => group.push(child),
                None => groups.push(vec![child]),
            }
        }
        groups
    }

    fn write_node(node: &Node, out: &mut Vec<u8>) {
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

    /// Whether a name can stand in a tag; one that cannot is written as the value of an element that can.
    fn is_xml_name(name: &str) -> bool {
        let starts_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        starts_well
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
    }

    fn write_member(name: &str, scanner: &mut Scanner<'_>, out: &mut Vec<u8>) -> Result<(), char> {
        let name = if is_xml_name(name) { name } else { "member" };
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

    fn write_value(name: &str, value: &str, out: &mut Vec<u8>) -> Result<(), char> {
        out.extend_from_slice(format!("<{name} value=\"").as_bytes());
        escape_attribute(out, value)?;
        out.extend_from_slice(b"\"/>");
        Ok(())
    }

    fn write_object(name: &str, scanner: &mut Scanner<'_>, out: &mut Vec<u8>) -> Result<(), char> {
        let mut attributes = Vec::new();
        let mut content = Vec::new();
        let mut first = scanner.begin_object().is_ok();
        while let Ok(Some(member)) = scanner.next_member(first) {
            first = false;
            let is_attribute = matches!(&*member, "id" | "url" | "value" | "xmlns" | "contentType");
            if is_attribute && matches!(scanner.kind(), Ok(Kind::String)) {
                attributes.extend_from_slice(format!(" {member}=\"").as_bytes());
                escape_attribute(&mut attributes, &scanner.string().unwrap_or_default())?;
                attributes.push(b'"');
            } else {
                write_member(&member, scanner, &mut content)?;
            }
        }
        out.extend_from_slice(format!("<{name}").as_bytes());
        out.extend_from_slice(&attributes);
        out.push(b'>');
        out.extend_from_slice(&content);
        out.extend_from_slice(format!("</{name}>").as_bytes());
        Ok(())
    }
}
