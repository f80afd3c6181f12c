//! [`Rest`]: what a profile has no field for.

use koppeltaal_fhir::datatypes::Extension;

use super::extension::{Extensions, Place};

/// What a DSTU1 element held beyond the fields of its profile: narrative, contained resources, elements outside the
/// profile, unknown elements, and how the fields were written where a profile would write them differently.
///
/// Values that an application makes have none: `..Default::default()` fills it in. Change the DSTU1 resource itself,
/// `let mut fhir = patient.into_fhir()`, to set what is outside the profile.
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
    /// Whether the profile's fields say all that was there.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The DSTU1 element without what the profile's fields took; `None` when nothing is left.
    pub fn element(&self) -> Option<&T> {
        self.0.as_ref().map(|remainder| &remainder.element)
    }

    /// The URLs of the profile's extensions that were read in another form than the profile's, each as often as it was.
    pub(crate) fn quirks(&self) -> impl Iterator<Item = &'static str> {
        let places = self.0.as_ref().map(|remainder| remainder.extensions.as_slice()).unwrap_or_default();
        places.iter().filter_map(|place| match place {
            Place::Taken(url, Some(as_read)) if as_read.is_quirk => Some(*url),
            Place::OwnValue(url, _) => Some(*url),
            Place::Taken(..) | Place::Kept => None,
        })
    }

    /// The DSTU1 element to fill with a profile's values: the rest of the one that was read, or a new one.
    pub(crate) fn open(self, blank: T) -> (T, Extensions) {
        match self.0 {
            None => (blank, Extensions::default()),
            Some(remainder) => (remainder.element, Extensions::resume(remainder.extensions)),
        }
    }
}

impl<T: PartialEq> Rest<T> {
    /// Splits what is left of an element into the extensions that no field took and the rest. There is no rest if the
    /// element is just what a new one is.
    pub(crate) fn of(element: T, extensions: Extensions, blank: &T) -> (Vec<Extension>, Self) {
        let (kept, extensions) = extensions.finish_reading();
        let is_blank = element == *blank && extensions.is_empty();
        let remainder = (!is_blank).then(|| Box::new(Remainder { element, extensions }));
        (kept, Self(remainder))
    }
}
