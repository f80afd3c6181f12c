//! The outline of XML. The element of a resource is no step of a path: what holds it has its place and its children.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::Node;

/// The outline of a text.
pub(super) fn outline(text: &str) -> Node {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = false;
    // The open elements, outermost first; below them what holds the root.
    let mut open = vec![Node::default()];
    loop {
        let offset = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        match reader.read_event() {
            Ok(Event::Start(tag)) => open.push(node(&tag, offset)),
            Ok(Event::Empty(tag)) => {
                open.push(node(&tag, offset));
                close(&mut open);
            }
            Ok(Event::End(_)) => close(&mut open),
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    while open.len() > 1 {
        close(&mut open);
    }
    // The root element is what paths begin at.
    open.pop().and_then(|mut document| document.children.pop()).unwrap_or_default()
}

fn node(tag: &BytesStart<'_>, offset: usize) -> Node {
    // A deleted entry is an entry like any other in the path of a finding.
    let name = match tag.local_name().as_ref() {
        "deleted-entry" => "entry".to_owned(),
        name => name.to_owned(),
    };
    let url = tag.try_get_attribute("url").ok().flatten();
    let url = url.map(|url| url.value.into_owned());
    Node { name, offset, url, children: Vec::new() }
}

/// Hangs the innermost open element into the one that holds it.
fn close(open: &mut Vec<Node>) {
    if open.len() < 2 {
        return;
    }
    let Some(node) = open.pop() else { return };
    let is_document = open.len() == 1;
    let Some(holder) = open.last_mut() else { return };
    if !is_document && node.name.starts_with(|first: char| first.is_ascii_uppercase()) {
        holder.offset = node.offset;
        holder.children.extend(node.children);
    } else {
        holder.children.push(node);
    }
}
