//! The outline of JSON. An array is no step of a path: its values are members of the same name.

use super::Node;
use crate::json::{Kind, ScanResult, Scanner};
use crate::limits::Limits;

/// The outline of a text.
pub(super) fn outline(text: &str) -> Node<'_> {
    let mut outliner = Outliner { scanner: Scanner::new(text) };
    let mut root = Node::default();
    // The text was read before. If it is not JSON after all, the outline ends there.
    let _: ScanResult<()> = outliner.value(&mut root, Limits::default().depth);
    root
}

struct Outliner<'t> {
    scanner: Scanner<'t>,
}

impl<'t> Outliner<'t> {
    /// Takes the next value, which becomes the content of `node`.
    fn value(&mut self, node: &mut Node<'t>, depth: usize) -> ScanResult<()> {
        let kind = self.scanner.kind()?;
        if kind == Kind::Object && depth > 0 {
            node.offset = self.scanner.offset();
            self.object(node, depth - 1)
        } else {
            self.scanner.raw(depth, Limits::default().depth).map(drop)
        }
    }

    fn object(&mut self, node: &mut Node<'t>, depth: usize) -> ScanResult<()> {
        self.scanner.begin_object()?;
        for first in std::iter::once(true).chain(std::iter::repeat(false)) {
            let offset = self.next_name();
            let Some(name) = self.scanner.next_member(first)? else { break };
            match self.scanner.kind()? {
                Kind::String if name == "url" => node.url = Some(self.scanner.string()?),
                Kind::Array => {
                    self.scanner.begin_array()?;
                    let mut first = true;
                    while self.scanner.next_item(first)? {
                        first = false;
                        self.scanner.kind()?;
                        let offset = self.scanner.offset();
                        let mut item = Node { name: name.clone(), offset, ..Node::default() };
                        let whole = self.value(&mut item, depth);
                        node.children.push(item);
                        whole?;
                    }
                }
                _ => {
                    // The place of an object is its own start. The place of any other value is the start of
                    // its name.
                    let mut child = Node { name, offset, ..Node::default() };
                    let whole = self.value(&mut child, depth);
                    node.children.push(child);
                    whole?;
                }
            }
        }
        Ok(())
    }

    /// Where the name of the next member starts.
    fn next_name(&self) -> usize {
        let before = |byte: &&u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b',');
        let offset = self.scanner.offset();
        offset + self.scanner.bytes().iter().skip(offset).take_while(before).count()
    }
}
