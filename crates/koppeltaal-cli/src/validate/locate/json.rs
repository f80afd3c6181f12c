//! The outline of JSON. An array is no step of a path: its values are members of the same name.

use super::Node;

/// How deep values may be nested; readers take less.
const DEPTH: usize = 200;

/// The outline of a text.
pub(super) fn outline(text: &str) -> Node {
    let mut scanner = Scanner { text: text.as_bytes(), at: 0 };
    scanner.blank();
    let mut root = Node { offset: scanner.at, ..Node::default() };
    scanner.value(&mut root, DEPTH);
    root
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn blank(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Steps over a byte, if it is the next one that is not blank.
    fn take(&mut self, byte: u8) -> bool {
        self.blank();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// The content of a string, escapes as they are written.
    fn string(&mut self) -> Option<String> {
        if !self.take(b'"') {
            return None;
        }
        let start = self.at;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    let content = String::from_utf8_lossy(&self.text[start..self.at]).into_owned();
                    self.at += 1;
                    return Some(content);
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at = self.text.len();
        None
    }

    /// Steps over a value and adds what it holds to `node`. Says whether there was one.
    fn value(&mut self, node: &mut Node, depth: usize) -> bool {
        self.blank();
        match self.peek() {
            Some(b'{') if depth > 0 => self.object(node, depth),
            Some(b'[') if depth > 0 => self.array(node, depth),
            Some(b'"') => self.string().is_some(),
            Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b'a'..=b'z' | b'A'..=b'Z') => {
                let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
                while self.peek().is_some_and(is_part) {
                    self.at += 1;
                }
                true
            }
            _ => false,
        }
    }

    fn object(&mut self, node: &mut Node, depth: usize) -> bool {
        self.at += 1;
        loop {
            self.blank();
            let offset = self.at;
            let Some(name) = self.string() else { break };
            if !self.take(b':') {
                return false;
            }
            self.blank();
            if name == "url" && self.peek() == Some(b'"') {
                node.url = self.string();
            } else if self.peek() == Some(b'[') {
                self.members(node, &name, depth - 1);
            } else {
                // An object's place is its own, any other value's that of the name.
                let offset = if self.peek() == Some(b'{') { self.at } else { offset };
                let mut child = Node { name, offset, ..Node::default() };
                let is_whole = self.value(&mut child, depth - 1);
                node.children.push(child);
                if !is_whole {
                    return false;
                }
            }
            if !self.take(b',') {
                break;
            }
        }
        self.take(b'}')
    }

    /// The values of an array that is the member of an object.
    fn members(&mut self, node: &mut Node, name: &str, depth: usize) {
        self.at += 1;
        loop {
            self.blank();
            let mut child = Node { name: name.to_owned(), offset: self.at, ..Node::default() };
            if !self.value(&mut child, depth.saturating_sub(1)) {
                break;
            }
            node.children.push(child);
            if !self.take(b',') {
                break;
            }
        }
        self.take(b']');
    }

    /// An array in an array, which no path leads into.
    fn array(&mut self, node: &mut Node, depth: usize) -> bool {
        self.at += 1;
        while self.value(&mut Node { offset: node.offset, ..Node::default() }, depth - 1) && self.take(b',') {
        }
        self.take(b']')
    }
}
