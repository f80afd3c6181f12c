//! The outline of XML. The element of a resource is no step of a path: the element around it has its place
//! and its children.

use super::Node;
use crate::limits::Limits;
use crate::xml::{Tag, Token, Tokens};

/// The outline of a text.
pub(super) fn outline(text: &str) -> Node<'_> {
    let mut tokens = Tokens::new(text);
    // The open elements, outermost first. The first node is the document, which holds the root.
    let mut open = vec![Node::default()];
    // The text was read before. If it is not XML after all, the outline ends there.
    while let Ok(token) = tokens.next() {
        match token {
            // Readers go no deeper.
            Token::Start if open.len() > Limits::default().depth => break,
            Token::Start => {
                let tag = tokens.tag();
                open.push(node(tag));
                if tag.is_empty {
                    close(&mut open);
                }
            }
            Token::End => close(&mut open),
            Token::Eof => break,
            Token::Text(_) | Token::Space(_) => {}
        }
    }
    while open.len() > 1 {
        close(&mut open);
    }
    // The root element is what paths begin at.
    open.pop().and_then(|mut document| document.children.pop()).unwrap_or_default()
}

fn node<'t>(tag: &Tag<'t>) -> Node<'t> {
    let name = match tag.name.rsplit_once(':').map_or(tag.name, |(_, name)| name) {
        // A deleted entry is an entry like any other in the path of a finding.
        "deleted-entry" => "entry",
        name => name,
    };
    let url = tag.attributes().find(|(name, _)| *name == "url").and_then(|(_, url)| url.value().ok());
    Node { name: name.into(), offset: tag.offset, url, children: Vec::new() }
}

/// Closes the innermost open element, and adds it to the one around it.
fn close<'t>(open: &mut Vec<Node<'t>>) {
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
