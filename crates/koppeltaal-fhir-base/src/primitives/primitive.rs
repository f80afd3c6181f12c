//! [`Primitive`]: a value with the id and extensions that FHIR lets every primitive carry.
//!
//! Absent is a `Primitive` without value, id and extension, so a field needs no further `Option`. Text that
//! cannot be read as its type is kept beside the missing value and written back as it came.

use std::borrow::Cow;
use std::fmt;

use super::scalar::{self, ParseError, Reading, Scalar, ScalarKind};
use crate::member;
use crate::structure::{EXTENSION, FieldSchema, Shape, Slot, Structure, TypeSchema, Walker, growth};
use crate::unknown::{Unknown, UnknownNode};

/// The rare companions of a primitive value, boxed so that a primitive without them pays one pointer only.
#[derive(Debug, Clone, PartialEq)]
pub struct Companions<E> {
    pub id: Option<String>,
    pub extension: Vec<E>,
    /// The text as read, when the value is missing because of it or would be written differently.
    pub text: Option<String>,
    pub unknown: Unknown,
}

/// The memory of companions, without what is in their texts and lists.
pub const COMPANIONS_COST: usize = size_of::<Companions<()>>();

impl<E> Default for Companions<E> {
    fn default() -> Self {
        Self { id: None, extension: Vec::new(), text: None, unknown: Unknown::default() }
    }
}

impl<E> Companions<E> {
    fn is_default(&self) -> bool {
        self.id.is_none() && self.extension.is_empty() && self.text.is_none() && self.unknown.is_empty()
    }
}

impl<E: Structure + Default> Structure for Companions<E> {
    fn schema(&self) -> &'static TypeSchema {
        static SCHEMA: TypeSchema =
            TypeSchema::element("Element", &[FieldSchema::list(0, member!("extension"), Shape::Structure)]);
        &SCHEMA
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    fn set_id(&mut self, id: String) {
        self.id = Some(id);
    }

    fn unknown(&self) -> &Unknown {
        &self.unknown
    }

    fn unknown_mut(&mut self) -> &mut Unknown {
        &mut self.unknown
    }

    fn walk(&self, walker: &mut dyn Walker) {
        if !self.extension.is_empty() {
            walker.structures(&self.schema().fields[EXTENSION], &self.extension);
        }
    }

    fn slot(&mut self, index: usize) -> Slot<'_> {
        if index == EXTENSION { Slot::Structures(&mut self.extension) } else { Slot::None }
    }
}

/// The companions of a primitive of any model, as readers and writers see them.
pub trait AnyCompanions: Structure {
    /// The text as read, when the value is missing because of it or would be written differently.
    fn text(&self) -> Option<&str>;
    fn has_extension(&self) -> bool;

    /// Whether there is nothing besides the text.
    fn is_bare(&self) -> bool {
        self.id().is_none() && !self.has_extension() && self.unknown().is_empty()
    }

    /// Whether JSON has a place for any of it. It has none for unknown attributes and text.
    fn is_json(&self) -> bool {
        self.id().is_some() || self.has_extension() || self.unknown().iter().any(UnknownNode::is_json)
    }
}

impl<E: Structure + Default> AnyCompanions for Companions<E> {
    fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    fn has_extension(&self) -> bool {
        !self.extension.is_empty()
    }
}

/// A primitive: an optional value, an optional id, and extensions of type `E`, which is that of the model.
/// Each model has an alias with its own.
#[derive(Clone, PartialEq)]
pub struct Primitive<T, E> {
    /// The value. `None` when there is none, or when the text that was read is not of this type (see
    /// [`text`](Self::text)).
    pub value: Option<T>,
    companions: Option<Box<Companions<E>>>,
}

impl<T, E> Default for Primitive<T, E> {
    fn default() -> Self {
        Self { value: None, companions: None }
    }
}

impl<T: fmt::Debug, E: fmt::Debug> fmt::Debug for Primitive<T, E> {
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

impl<T, E> Primitive<T, E> {
    /// A primitive with this value and nothing else.
    pub fn new(value: T) -> Self {
        Self { value: Some(value), companions: None }
    }

    /// The value, if there is one.
    pub fn get(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// Whether there is nothing at all: no value, id, extension or unreadable text, nor an XML element
    /// without any of them (`<status/>`), which the schema allows.
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
    pub fn extension(&self) -> &[E] {
        self.companions.as_ref().map_or(&[], |companions| &companions.extension)
    }

    /// Adds an extension to the element.
    pub fn push_extension(&mut self, extension: E) {
        self.companions_mut().extension.push(extension);
    }

    /// Removes the extensions that `keep` refuses.
    pub fn retain_extension(&mut self, keep: impl FnMut(&E) -> bool) {
        if let Some(companions) = &mut self.companions {
            companions.extension.retain(keep);
        }
        self.drop_empty_companions();
    }

    fn companions_mut(&mut self) -> &mut Companions<E> {
        self.companions.get_or_insert_default()
    }

    fn drop_empty_companions(&mut self) {
        if self.companions.as_ref().is_some_and(|companions| companions.is_default()) {
            self.companions = None;
        }
    }
}

#[allow(private_bounds, reason = "the set of primitive types is the standard's, users do not add to it")]
impl<T: Scalar, E> Primitive<T, E> {
    /// The value as text; for a value that could not be read as its type, the text that was there.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match &self.value {
            Some(value) => Some(value.to_text()),
            None => self.companions.as_ref()?.text.as_deref().map(Cow::Borrowed),
        }
    }
}

impl<T: AsRef<str>, E> Primitive<T, E> {
    /// The value as a string slice.
    pub fn as_str(&self) -> Option<&str> {
        self.value.as_ref().map(T::as_ref)
    }
}

impl<T: Scalar, E> From<T> for Primitive<T, E> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Scalar, E> From<Option<T>> for Primitive<T, E> {
    fn from(value: Option<T>) -> Self {
        Self { value, companions: None }
    }
}

impl<T: for<'a> From<&'a str>, E> From<&str> for Primitive<T, E> {
    fn from(value: &str) -> Self {
        Self::new(value.into())
    }
}

impl<T: Scalar, E> std::str::FromStr for Primitive<T, E> {
    type Err = ParseError;

    /// Reads text that the schema allows, also when it breaks the prose of the standard: a time without an
    /// offset, a code with double blanks.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        scalar::parse(text).map(Self::new)
    }
}

impl<T: Scalar, E> fmt::Display for Primitive<T, E> {
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
pub enum Verdict {
    Valid,
    /// Valid, but not as it would be written: the text is kept beside the value.
    Unusual,
    Lax,
    Invalid,
}

/// A [`Primitive`] of any type, as readers and writers see it.
pub trait AnyPrimitive {
    fn kind(&self) -> ScalarKind;
    /// Sets the value from its text; text that is no value is kept.
    fn set(&mut self, text: Cow<'_, str>) -> Verdict;
    /// The text to write: as read, as long as that still means the value.
    fn wire_text(&self) -> Option<Cow<'_, str>>;
    /// The canonical text of the value, if there is a value.
    fn canonical_text(&self) -> Option<Cow<'_, str>>;
    fn verdict(&self) -> Verdict;
    fn companions(&self) -> Option<&dyn AnyCompanions>;
    fn companions_mut(&mut self) -> &mut dyn AnyCompanions;
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
        self.companions().is_some_and(|companions| companions.is_bare() && companions.text().is_none())
            && self.canonical_text().is_none()
    }
}

impl<T: Scalar, E: Structure + Default> AnyPrimitive for Primitive<T, E> {
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
            Primitive::companions_mut(self).text = Some(text);
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

    fn companions(&self) -> Option<&dyn AnyCompanions> {
        Some(self.companions.as_deref()?)
    }

    fn companions_mut(&mut self) -> &mut dyn AnyCompanions {
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
#[allow(clippy::len_without_is_empty, reason = "nobody asks")]
pub trait AnyPrimitiveList {
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

impl<T: Scalar, E: Structure + Default> AnyPrimitiveList for Vec<Primitive<T, E>> {
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
        growth(self) * size_of::<Primitive<T, E>>()
    }

    fn item_size(&self) -> usize {
        size_of::<Primitive<T, E>>()
    }
}
