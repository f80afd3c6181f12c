//! [`Primitive`]: a value with the id and extensions that DSTU1 lets every primitive carry.
//!
//! Absent is a `Primitive` without value, id and extension, so a field needs no further `Option`. Text that
//! cannot be read as its type is kept beside the missing value and written back as it came.

use std::borrow::Cow;
use std::fmt;

use super::scalar::{self, ParseError, Reading, Scalar, ScalarKind};
use crate::generated::datatypes::Extension;
use crate::structure::{describe, growth};
use crate::unknown::{Unknown, UnknownNode};

/// The rare companions of a primitive value, boxed so that a primitive without them pays one pointer only.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Companions {
    pub(crate) id: Option<String>,
    pub(crate) extension: Vec<Extension>,
    /// The text as read, when the value is missing because of it or would be written differently.
    pub(crate) text: Option<String>,
    pub(crate) unknown: Unknown,
}

describe! { Companions "Element" element id:
    0 "extension" extension Structure list,
}

impl Companions {
    /// Whether there is nothing besides the text.
    pub(crate) fn is_bare(&self) -> bool {
        self.id.is_none() && self.extension.is_empty() && self.unknown.is_empty()
    }

    /// Whether JSON has a place for any of it. It has none for unknown attributes and text.
    pub(crate) fn is_json(&self) -> bool {
        self.id.is_some() || !self.extension.is_empty() || self.unknown.iter().any(UnknownNode::is_json)
    }
}

/// A DSTU1 primitive: an optional value, an optional id, and extensions.
///
/// ```
/// use koppeltaal_fhir::{Primitive, primitives::Uri};
///
/// let system: Primitive<Uri> = "http://fhir.nl/fhir/NamingSystem/bsn".into();
/// assert_eq!(system.as_str(), Some("http://fhir.nl/fhir/NamingSystem/bsn"));
/// assert!(Primitive::<bool>::default().is_absent());
/// ```
#[derive(Clone, PartialEq)]
pub struct Primitive<T> {
    /// The value. `None` when there is none, or when the text that was read is not of this type (see
    /// [`text`](Self::text)).
    pub value: Option<T>,
    companions: Option<Box<Companions>>,
}

impl<T> Default for Primitive<T> {
    fn default() -> Self {
        Self { value: None, companions: None }
    }
}

impl<T: fmt::Debug> fmt::Debug for Primitive<T> {
    /// Shows just the value where there is nothing else.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.value, &self.companions) {
            (Some(value), None) => value.fmt(f),
            (None, None) => f.write_str("-"),
            (value, Some(companions)) => {
                f.debug_struct("Primitive").field("value", value).field("companions", companions).finish()
            }
        }
    }
}

impl<T> Primitive<T> {
    /// A primitive with this value and nothing else.
    pub fn new(value: T) -> Self {
        Self { value: Some(value), companions: None }
    }

    /// The value, if there is one.
    pub fn get(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// Whether there is nothing at all: no value, id, extension or unreadable text, nor an XML element
    /// without any of them (`<status/>`), which the schema of DSTU1 allows.
    #[inline]
    pub fn is_absent(&self) -> bool {
        self.value.is_none() && self.companions.is_none()
    }

    /// The element's id: a label inside the resource, not the resource's logical id.
    pub fn id(&self) -> Option<&str> {
        self.companions.as_ref()?.id.as_deref()
    }

    /// Sets or removes the element's id.
    pub fn set_id(&mut self, id: Option<String>) {
        if id.is_some() || self.companions.is_some() {
            self.companions_mut().id = id;
        }
        self.drop_empty_companions();
    }

    /// The extensions of the element.
    pub fn extension(&self) -> &[Extension] {
        self.companions.as_ref().map_or(&[], |companions| &companions.extension)
    }

    /// Adds an extension to the element.
    pub fn push_extension(&mut self, extension: Extension) {
        self.companions_mut().extension.push(extension);
    }

    /// Removes the extensions that `keep` refuses.
    pub fn retain_extension(&mut self, keep: impl FnMut(&Extension) -> bool) {
        if let Some(companions) = &mut self.companions {
            companions.extension.retain(keep);
        }
        self.drop_empty_companions();
    }

    fn companions_mut(&mut self) -> &mut Companions {
        self.companions.get_or_insert_default()
    }

    fn drop_empty_companions(&mut self) {
        if self.companions.as_deref() == Some(&Companions::default()) {
            self.companions = None;
        }
    }
}

#[allow(private_bounds, reason = "the set of primitive types is the standard's, users do not add to it")]
impl<T: Scalar> Primitive<T> {
    /// The value as text; for a value that could not be read as its type, the text that was there.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match &self.value {
            Some(value) => Some(value.to_text()),
            None => self.companions.as_ref()?.text.as_deref().map(Cow::Borrowed),
        }
    }
}

impl<T: AsRef<str>> Primitive<T> {
    /// The value as a string slice.
    pub fn as_str(&self) -> Option<&str> {
        self.value.as_ref().map(T::as_ref)
    }
}

impl<T: Scalar> From<T> for Primitive<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Scalar> From<Option<T>> for Primitive<T> {
    fn from(value: Option<T>) -> Self {
        Self { value, companions: None }
    }
}

impl<T: for<'a> From<&'a str>> From<&str> for Primitive<T> {
    fn from(value: &str) -> Self {
        Self::new(value.into())
    }
}

impl<T: Scalar> std::str::FromStr for Primitive<T> {
    type Err = ParseError;

    /// Reads text that the schema allows, also when it breaks the prose of the standard: a time without an
    /// offset, a code with double blanks.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        scalar::parse(text).map(Self::new)
    }
}

impl<T: Scalar> fmt::Display for Primitive<T> {
    /// The value as it stands on the wire; nothing when there is none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text() {
            Some(text) => f.pad(&text),
            None => Ok(()),
        }
    }
}

/// How well a text follows the rules of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Valid,
    /// Valid, but not as it would be written: the text is kept beside the value.
    Unusual,
    Lax,
    Invalid,
}

/// A [`Primitive`] of any type, as readers and writers see it.
pub(crate) trait AnyPrimitive {
    fn kind(&self) -> ScalarKind;
    /// Sets the value from its text; text that is no value is kept.
    fn set(&mut self, text: Cow<'_, str>) -> Verdict;
    /// The text to write: as read, as long as that still means the value.
    fn wire_text(&self) -> Option<Cow<'_, str>>;
    /// The canonical text of the value, if there is a value.
    fn canonical_text(&self) -> Option<Cow<'_, str>>;
    fn verdict(&self) -> Verdict;
    fn companions(&self) -> Option<&Companions>;
    fn companions_mut(&mut self) -> &mut Companions;
    /// Forgets companions that turned out to hold nothing.
    fn settle(&mut self);
    fn is_absent(&self) -> bool;

    /// Whether JSON has nothing to say about it: no value, id or extension.
    fn is_absent_in_json(&self) -> bool {
        match self.companions() {
            None => self.is_absent(),
            Some(companions) => !companions.is_json() && self.wire_text().is_none(),
        }
    }

    /// Whether this is an element that holds nothing: there in XML, nothing to tell in JSON.
    fn is_empty_element(&self) -> bool {
        self.companions().is_some_and(|companions| companions.is_bare() && companions.text.is_none())
            && self.canonical_text().is_none()
    }
}

impl<T: Scalar> AnyPrimitive for Primitive<T> {
    fn kind(&self) -> ScalarKind {
        T::KIND
    }

    fn set(&mut self, text: Cow<'_, str>) -> Verdict {
        let (reading, kept) = match text {
            Cow::Owned(text) if T::KIND == ScalarKind::String => (T::read_owned(text), None),
            text => {
                let reading = T::read(&text);
                let same = match &reading {
                    Reading::Valid(value) | Reading::Lax(value) | Reading::Doubtful(value) => {
                        value.is_text(&text)
                    }
                    Reading::Unreadable => false,
                };
                (reading, (!same).then(|| text.into_owned()))
            }
        };
        let is_kept = kept.is_some();
        if let Some(text) = kept {
            self.companions_mut().text = Some(text);
        }
        match reading {
            Reading::Valid(value) => {
                self.value = Some(value);
                if is_kept { Verdict::Unusual } else { Verdict::Valid }
            }
            Reading::Lax(value) => {
                self.value = Some(value);
                Verdict::Lax
            }
            Reading::Doubtful(value) => {
                self.value = Some(value);
                Verdict::Invalid
            }
            Reading::Unreadable => {
                self.value = None;
                Verdict::Invalid
            }
        }
    }

    fn wire_text(&self) -> Option<Cow<'_, str>> {
        if let Some(text) = self.companions.as_ref().and_then(|companions| companions.text.as_deref()) {
            let means = match T::read(text) {
                Reading::Valid(value) | Reading::Lax(value) | Reading::Doubtful(value) => Some(value),
                Reading::Unreadable => None,
            };
            // The application may have changed the value since; then the text that was read no longer counts.
            if means == self.value {
                return Some(Cow::Borrowed(text));
            }
        }
        self.canonical_text()
    }

    fn canonical_text(&self) -> Option<Cow<'_, str>> {
        self.value.as_ref().map(T::to_text)
    }

    fn verdict(&self) -> Verdict {
        match self.wire_text() {
            None => Verdict::Valid,
            Some(text) => match T::read(&text) {
                Reading::Valid(_) => Verdict::Valid,
                Reading::Lax(_) => Verdict::Lax,
                Reading::Doubtful(_) | Reading::Unreadable => Verdict::Invalid,
            },
        }
    }

    fn companions(&self) -> Option<&Companions> {
        self.companions.as_deref()
    }

    fn companions_mut(&mut self) -> &mut Companions {
        Primitive::companions_mut(self)
    }

    fn settle(&mut self) {
        self.drop_empty_companions();
    }

    fn is_absent(&self) -> bool {
        Primitive::is_absent(self)
    }
}

/// The values of a repeating primitive, of any type.
pub(crate) trait AnyPrimitiveList {
    fn len(&self) -> usize;
    fn get(&self, index: usize) -> &dyn AnyPrimitive;
    /// The value at `index`; the list grows as needed (JSON pads with `null`).
    fn at(&mut self, index: usize) -> &mut dyn AnyPrimitive;
    /// Removes the values that are absent; tells where the first of them was.
    fn drop_absent(&mut self) -> Option<usize>;
    /// Bytes that the list will grow by for the next value.
    fn growth(&self) -> usize;
    /// Bytes that each value takes in the list.
    fn item_size(&self) -> usize;
}

impl<T: Scalar> AnyPrimitiveList for Vec<Primitive<T>> {
    fn len(&self) -> usize {
        Vec::len(self)
    }

    fn get(&self, index: usize) -> &dyn AnyPrimitive {
        &self[index]
    }

    fn at(&mut self, index: usize) -> &mut dyn AnyPrimitive {
        while index >= self.len() {
            self.reserve_exact(growth(self));
            self.push(Primitive::default());
        }
        &mut self[index]
    }

    fn drop_absent(&mut self) -> Option<usize> {
        let first = self.iter().position(Primitive::is_absent);
        self.retain(|value| !value.is_absent());
        first
    }

    fn growth(&self) -> usize {
        growth(self) * size_of::<Primitive<T>>()
    }

    fn item_size(&self) -> usize {
        size_of::<Primitive<T>>()
    }
}
