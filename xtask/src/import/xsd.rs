//! Reads XSD files into trees of their declarations: one file, or a file with all that it includes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// An element of an XSD file. Documentation is left out.
#[derive(Debug)]
pub(crate) struct Node {
    /// The name without prefix.
    pub(crate) name: String,
    /// The line on which it starts, for errors.
    pub(crate) line: usize,
    /// The child elements.
    pub(crate) children: Vec<Node>,
    attributes: Vec<(String, String)>,
}

/// One XSD file.
#[derive(Debug)]
pub(crate) struct File {
    /// The plain file name.
    pub(crate) name: String,
    /// The `xs:schema` element.
    pub(crate) schema: Node,
}

impl Node {
    /// The value of an attribute, if it is there.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of an attribute that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<&str> {
        self.attribute(name)
            .with_context(|| format!("line {}: xs:{} has no attribute `{name}`", self.line, self.name))
    }

    /// The children of one name.
    pub(crate) fn children_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first child of one name.
    pub(crate) fn child<'a>(&'a self, name: &'a str) -> Option<&'a Node> {
        self.children_named(name).next()
    }

    /// Refuses children of any other name, so that nothing in a schema is silently ignored.
    pub(crate) fn only_children(&self, names: &[&str]) -> Result<()> {
        for child in &self.children {
            ensure!(
                names.contains(&child.name.as_str()),
                "line {}: xs:{} in xs:{}, expected only {}",
                child.line,
                child.name,
                self.name,
                names.join(", ")
            );
        }
        Ok(())
    }
}

/// Reads a file and all files that it includes, each once, since includes go in circles. Imports of other
/// namespaces are not followed.
pub(crate) fn load_all(directory: &Path, start: &str) -> Result<Vec<File>> {
    let mut files = Vec::new();
    let mut seen = BTreeSet::from([start.to_owned()]);
    let mut waiting = vec![start.to_owned()];
    while let Some(name) = waiting.pop() {
        let path = directory.join(&name);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let schema = parse(&text).with_context(|| name.clone())?;
        for include in schema.children_named("include") {
            let included = include.required("schemaLocation").with_context(|| name.clone())?;
            if seen.insert(included.to_owned()) {
                waiting.push(included.to_owned());
            }
        }
        files.push(File { name, schema });
    }
    files.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(files)
}

/// Reads the text of one XSD file into a tree.
pub(crate) fn parse(text: &str) -> Result<Node> {
    // Ten of the official files start with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = LineCounter { text, position: 0, line: 1 };
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Node> = Vec::new();
    loop {
        let line = lines.at(reader.buffer_position());
        let event = reader.read_event().with_context(|| format!("line {line}: not well-formed XML"))?;
        let finished = match event {
            Event::Start(start) if start.local_name().as_ref() == "annotation" => {
                let end = start.to_end().into_owned();
                reader.read_to_end(end.name()).with_context(|| format!("line {line}: xs:annotation"))?;
                continue;
            }
            Event::Start(start) => {
                open.push(node(&start, line)?);
                continue;
            }
            Event::Empty(start) => node(&start, line)?,
            Event::End(_) => match open.pop() {
                Some(node) => node,
                None => bail!("line {line}: an end tag without its start tag"),
            },
            Event::Eof => bail!("line {line}: the file ends before its root element does"),
            _ => continue,
        };
        match open.last_mut() {
            Some(parent) => parent.children.push(finished),
            None => {
                ensure!(finished.name == "schema", "the root is `{}`, expected xs:schema", finished.name);
                return Ok(finished);
            }
        }
    }
}

fn node(start: &BytesStart<'_>, line: usize) -> Result<Node> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.with_context(|| format!("line {line}: a malformed attribute"))?;
        let value = attribute
            .normalized_value(XmlVersion::Explicit1_0)
            .with_context(|| format!("line {line}: a malformed attribute value"))?;
        attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
    }
    Ok(Node { name: start.local_name().as_ref().to_owned(), line, children: Vec::new(), attributes })
}

/// Turns byte positions into line numbers. Each position must not be before the last one.
struct LineCounter<'a> {
    text: &'a str,
    position: usize,
    line: usize,
}

impl LineCounter<'_> {
    fn at(&mut self, position: u64) -> usize {
        let position = usize::try_from(position).unwrap_or(usize::MAX).clamp(self.position, self.text.len());
        let passed = &self.text.as_bytes()[self.position..position];
        self.line += passed.iter().filter(|byte| **byte == b'\n').count();
        self.position = position;
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_a_tree_without_documentation() {
        let text = "\u{feff}<?xml version='1.0'?>\r\n<x:schema>\r\n<x:element name='a&lt;b'>\r\n\
                    <x:annotation><x:documentation>words</x:documentation></x:annotation>\
                    </x:element></x:schema>";
        let schema = parse(text).expect("well formed");
        let element = schema.child("element").expect("one element");
        assert_eq!((element.required("name").ok(), element.line), (Some("a<b"), 3));
        assert!(element.children.is_empty());
        assert!(schema.only_children(&["element"]).is_ok());
        let error = schema.only_children(&["import"]).expect_err("elements are not expected");
        assert_eq!(error.to_string(), "line 3: xs:element in xs:schema, expected only import");
    }

    #[test]
    fn errors_name_the_line() {
        for (text, expected) in [
            ("<schema>\n<element>\n</schema>", "line 3"),
            ("<schema>\n", "line 2"),
            ("<schema>\n<element name=a/></schema>", "line 2"),
            ("<other/>", "expected xs:schema"),
        ] {
            let message = format!("{:#}", parse(text).expect_err(text));
            assert!(message.contains(expected), "{message}");
        }
    }
}
