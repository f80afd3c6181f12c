//! XML whose root may be an Atom feed, on the reader and the writer of elements that all versions share.

mod atom;
mod atom_parts;
mod content_form;
mod feed;
mod text_construct;
mod write_feed;

use std::any::Any;
use std::ops::{Deref, DerefMut};

use koppeltaal_fhir_base::WriteError;
use koppeltaal_fhir_base::document::{Content, Root as _};
use koppeltaal_fhir_base::findings::{Failure, Report};

use koppeltaal_fhir_base::xml::{Namespace, Reader, Writer};

pub(crate) use atom_parts::part_from_json;

use crate::bundle::Bundle;
use crate::document::DocumentRoot;

/// Reads one resource or feed. `is_utf8_known`: a byte order mark or the caller says that the text is UTF-8.
pub(crate) fn read<'t>(
    text: &'t str,
    is_utf8_known: bool,
    root: &mut DocumentRoot,
    report: Report<'t>,
) -> Result<Report<'t>, Failure> {
    let (reader, element) = Reader::at_root(text, is_utf8_known, report)?;
    let mut reader = FeedReader { reader, discards: false };
    if reader.report.model().feed() == Some(element.name) {
        reader.expect_namespace(&element, Namespace::Atom)?;
        root.set_bundle(reader.feed(&element)?);
    } else {
        reader.resource(&element, root.resource())?;
    }
    reader.reader.finish()
}

/// Writes a resource or a feed. `indent` spaces per level; 0 for none, and no line breaks.
pub(crate) fn write(content: Content<'_>, indent: usize, out: &mut Vec<u8>) -> Result<(), WriteError> {
    let mut writer = FeedWriter(Writer::new(indent, out));
    writer.expands_exponents = true;
    match content {
        Content::Resource(resource) => writer.any_resource(resource),
        Content::Bundle { bundle, .. } => {
            if let Some(bundle) = (bundle as &dyn Any).downcast_ref::<Bundle>() {
                writer.feed(bundle);
            }
        }
    }
    writer.0.finish()
}

/// A reader of elements that reads feeds too.
struct FeedReader<'t> {
    reader: Reader<'t>,
    /// Whether what is read will be thrown away: only the findings count.
    discards: bool,
}

impl<'t> Deref for FeedReader<'t> {
    type Target = Reader<'t>;

    fn deref(&self) -> &Reader<'t> {
        &self.reader
    }
}

impl DerefMut for FeedReader<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.reader
    }
}

/// A writer of elements that writes feeds too.
struct FeedWriter<'a>(Writer<'a>);

impl<'a> Deref for FeedWriter<'a> {
    type Target = Writer<'a>;

    fn deref(&self) -> &Writer<'a> {
        &self.0
    }
}

impl DerefMut for FeedWriter<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}
