//! Moves the values of extensions to the fields of a profile and back.
//!
//! A value that fits leaves its place: the extension stays in the list without it. [`Places`] knows these
//! extensions, so that the values go back to where they were, and all others stay untouched.

use koppeltaal_r4::Primitive;
use koppeltaal_r4::datatypes::{Extension, ExtensionValue, Reference};
use koppeltaal_r4::primitives::Id;

/// An extension that is a field of profiles.
#[derive(Debug)]
pub(crate) struct ExtensionElement {
    /// The URLs that are read. The first is written.
    pub(crate) urls: &'static [&'static str],
    /// The type of the value.
    pub(crate) value: &'static str,
    /// The types that a reference may point to.
    pub(crate) targets: &'static [&'static str],
}

/// The extensions whose values are in fields.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    /// For each one the URL of its element and its index in the list.
    taken: Vec<(&'static str, usize)>,
    /// The indexes of those that got no value back.
    emptied: Vec<usize>,
    /// What has no place yet.
    added: Vec<Extension>,
}

/// A field that holds the values of an extension.
pub(crate) trait ExtensionField: Default {
    /// Takes the value if it fits and there is room for it.
    fn take(&mut self, value: &mut Option<ExtensionValue>) -> bool;
    /// The values.
    fn into_values(self) -> impl Iterator<Item = ExtensionValue>;
}

/// A type of values of extensions.
trait ValueType: Sized {
    fn from_value(value: ExtensionValue) -> Result<Self, ExtensionValue>;
    fn into_value(self) -> ExtensionValue;
}

impl ExtensionElement {
    /// Whether an extension is one of these.
    pub(crate) fn has_url(&self, url: &str) -> bool {
        self.urls.contains(&url)
    }
}

impl Places {
    /// Takes the values of an extension out of the list.
    pub(crate) fn take<F: ExtensionField>(
        &mut self,
        list: &mut [Extension],
        element: &'static ExtensionElement,
    ) -> F {
        let mut field = F::default();
        for (index, extension) in list.iter_mut().enumerate() {
            if element.has_url(&extension.url) && field.take(&mut extension.value) {
                self.taken.push((element.urls[0], index));
            }
        }
        field
    }

    /// Puts the values back. Those beyond the places that were taken follow at the end of the list.
    pub(crate) fn put<F: ExtensionField>(
        &mut self,
        list: &mut [Extension],
        element: &'static ExtensionElement,
        field: F,
    ) {
        let url = element.urls[0];
        let mut values = field.into_values();
        for (_, index) in self.taken.iter().filter(|(taken, _)| *taken == url) {
            match (values.next(), list.get_mut(*index)) {
                (Some(value), Some(extension)) => extension.value = Some(value),
                _ => self.emptied.push(*index),
            }
        }
        let extension = |value| Extension { url: url.to_owned(), value: Some(value), ..Extension::default() };
        self.added.extend(values.map(extension));
    }

    /// Removes the extensions that got no value back, and adds the new ones.
    pub(crate) fn finish(mut self, list: &mut Vec<Extension>) {
        self.emptied.sort_unstable();
        let mut indexes = 0..;
        list.retain(|_| indexes.next().is_some_and(|index| self.emptied.binary_search(&index).is_err()));
        list.extend(self.added);
    }
}

/// Takes a value of the type. One of another type stays.
fn fitting<T: ValueType>(value: &mut Option<ExtensionValue>) -> Option<T> {
    match T::from_value(value.take()?) {
        Ok(fitting) => Some(fitting),
        Err(other) => {
            *value = Some(other);
            None
        }
    }
}

impl<T: ValueType> ExtensionField for Vec<T> {
    fn take(&mut self, value: &mut Option<ExtensionValue>) -> bool {
        let length = self.len();
        self.extend(fitting(value));
        self.len() > length
    }

    fn into_values(self) -> impl Iterator<Item = ExtensionValue> {
        self.into_iter().map(T::into_value)
    }
}

impl ExtensionField for Option<Reference> {
    fn take(&mut self, value: &mut Option<ExtensionValue>) -> bool {
        if self.is_some() {
            return false;
        }
        *self = fitting(value);
        self.is_some()
    }

    fn into_values(self) -> impl Iterator<Item = ExtensionValue> {
        self.into_iter().map(ValueType::into_value)
    }
}

impl ExtensionField for Primitive<Id> {
    fn take(&mut self, value: &mut Option<ExtensionValue>) -> bool {
        if !self.is_absent() {
            return false;
        }
        match fitting(value) {
            Some(id) => *self = id,
            None => return false,
        }
        true
    }

    fn into_values(self) -> impl Iterator<Item = ExtensionValue> {
        (!self.is_absent()).then(|| self.into_value()).into_iter()
    }
}

impl ValueType for Reference {
    fn from_value(value: ExtensionValue) -> Result<Self, ExtensionValue> {
        match value {
            ExtensionValue::Reference(reference) => Ok(*reference),
            other => Err(other),
        }
    }

    fn into_value(self) -> ExtensionValue {
        ExtensionValue::Reference(Box::new(self))
    }
}

/// A primitive that holds nothing does not fit: a field could not tell it from one that is not there.
impl ValueType for Primitive<Id> {
    fn from_value(value: ExtensionValue) -> Result<Self, ExtensionValue> {
        match value {
            ExtensionValue::Id(id) if !id.is_absent() => Ok(id),
            other => Err(other),
        }
    }

    fn into_value(self) -> ExtensionValue {
        ExtensionValue::Id(self)
    }
}
