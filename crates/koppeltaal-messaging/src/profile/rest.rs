//! [`Rest`]: the part of an element that a profile has no field for.

use koppeltaal_fhir::datatypes::Extension;

use super::extension::{Extensions, Place};

/// The part of a DSTU1 element that its profile has no field for: narrative, contained resources, elements
/// outside the profile, unknown elements, and how a field was written where the profile would write it
/// differently.
///
/// A value that an application makes has no rest: `..Default::default()` fills it in. To set something
/// outside the profile, change the DSTU1 resource: `let mut fhir = patient.into_fhir()`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rest<T>(Option<Box<Remainder<T>>>);

#[derive(Debug, Clone, PartialEq)]
struct Remainder<T> {
    element: T,
    extensions: Vec<Place>,
}

impl<T> Default for Rest<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Rest<T> {
    /// Whether the fields of the profile hold everything that was read.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The DSTU1 element without what the fields of the profile took; `None` if nothing is left.
    pub fn element(&self) -> Option<&T> {
        self.0.as_ref().map(|remainder| &remainder.element)
    }

    /// The URLs of the profile's extensions that were read from a quirk; once for each extension.
    pub(crate) fn quirks(&self) -> impl Iterator<Item = &'static str> {
        let places = self.0.as_ref().map(|remainder| remainder.extensions.as_slice()).unwrap_or_default();
        places.iter().filter_map(|place| match place {
            Place::Taken(url, Some(as_read)) if as_read.is_quirk => Some(*url),
            Place::ParentValue(url, _) => Some(*url),
            Place::Taken(..) | Place::Kept => None,
        })
    }

    /// The DSTU1 element to write a profile's values into: the rest of the one that was read, or else
    /// `blank`.
    pub(crate) fn open(self, blank: T) -> (T, Extensions) {
        match self.0 {
            None => (blank, Extensions::default()),
            Some(remainder) => (remainder.element, Extensions::resume(remainder.extensions)),
        }
    }
}

impl<T: PartialEq> Rest<T> {
    /// Splits what is left of an element into the extensions that no field took and the rest. An element that
    /// equals `blank` leaves no rest.
    pub(crate) fn new(element: T, extensions: Extensions, blank: &T) -> (Vec<Extension>, Self) {
        let (kept, extensions) = extensions.finish_reading();
        let is_blank = element == *blank && extensions.is_empty();
        let remainder = (!is_blank).then(|| Box::new(Remainder { element, extensions }));
        (kept, Self(remainder))
    }
}
