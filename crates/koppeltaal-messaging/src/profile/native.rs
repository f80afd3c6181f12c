//! Moves the values of DSTU1 elements into a profile and back.
//!
//! `take_*` leaves in the element what the value does not hold. `put_*` changes the element only if it has
//! another value. Taking a value and putting it back therefore gives the same element.

use std::mem;

use koppeltaal_fhir::Primitive;
use koppeltaal_fhir::datatypes::{CodeableConcept, Coding, ResourceReference};

use super::{CodeSystem, Reference};

/// A profile's value and the DSTU1 element that holds it.
pub(crate) trait Value<F>: PartialEq + Sized {
    /// The value that an element has.
    fn read(element: &F) -> Option<Self>;

    /// Gives the element this value. Its id, extensions and unknown elements stay.
    fn write(&self, element: &mut F);
}

impl<T: Clone + PartialEq> Value<Primitive<T>> for T {
    fn read(element: &Primitive<T>) -> Option<Self> {
        element.value.clone()
    }

    fn write(&self, element: &mut Primitive<T>) {
        element.value = Some(self.clone());
    }
}

impl Value<ResourceReference> for Reference {
    fn read(element: &ResourceReference) -> Option<Self> {
        let reference = Self::from(element);
        (reference != Self::default()).then_some(reference)
    }

    fn write(&self, element: &mut ResourceReference) {
        element.reference.value.clone_from(&self.reference);
        element.display.value.clone_from(&self.display);
    }
}

impl<E: CodeSystem> Value<Coding> for E {
    fn read(element: &Coding) -> Option<Self> {
        E::from_coding(element)
    }

    fn write(&self, element: &mut Coding) {
        let (id, extension, unknown) =
            (element.id.take(), mem::take(&mut element.extension), mem::take(&mut element.unknown));
        *element = Coding { id, extension, unknown, ..self.to_coding() };
    }
}

impl<E: CodeSystem> Value<CodeableConcept> for E {
    fn read(element: &CodeableConcept) -> Option<Self> {
        E::from_concept(element)
    }

    /// Replaces all codings and the text: they describe the old value.
    fn write(&self, element: &mut CodeableConcept) {
        element.coding = vec![self.to_coding()];
        element.text = Primitive::default();
    }
}

/// Whether writing the value to a new element gives this element. Then nothing needs to be left in it.
fn is_plain<F: Default + PartialEq, V: Value<F>>(value: &V, element: &F) -> bool {
    fresh(value) == *element
}

fn fresh<F: Default, V: Value<F>>(value: &V) -> F {
    let mut element = F::default();
    value.write(&mut element);
    element
}

/// Takes the value of an element that occurs at most once.
pub(crate) fn take_one<F: Default + PartialEq, V: Value<F>>(element: &mut Option<F>) -> Option<V> {
    let value = V::read(element.as_ref()?)?;
    if element.as_ref().is_some_and(|element| is_plain(&value, element)) {
        *element = None;
    }
    Some(value)
}

/// Puts back what [`take_one`] took.
pub(crate) fn put_one<F: Default, V: Value<F>>(element: &mut Option<F>, value: Option<V>) {
    if element.as_ref().and_then(V::read) != value {
        match value {
            Some(value) => value.write(element.get_or_insert_default()),
            None => *element = None,
        }
    }
}

/// Takes the values of an element that repeats. Elements without a value stay.
pub(crate) fn take_list<F: Default + PartialEq, V: Value<F>>(elements: &mut Vec<F>) -> Vec<V> {
    let values: Vec<V> = elements.iter().filter_map(V::read).collect();
    if values.len() == elements.len()
        && values.iter().zip(&*elements).all(|(value, element)| is_plain(value, element))
    {
        elements.clear();
    }
    values
}

/// Puts back what [`take_list`] took. An element that was read is reused for the same value.
pub(crate) fn put_list<F: Default, V: Value<F>>(elements: &mut Vec<F>, values: Vec<V>) {
    let mut as_read = mem::take(elements);
    for value in values {
        if let Some(found) = as_read.iter().position(|element| V::read(element).as_ref() == Some(&value)) {
            let mut passed: Vec<F> = as_read.drain(..=found).collect();
            let element = passed.pop();
            // Elements without a value keep their places; removed values go.
            elements.extend(passed.into_iter().filter(|element| V::read(element).is_none()));
            elements.extend(element);
        } else {
            elements.push(fresh(&value));
        }
    }
    elements.extend(as_read.into_iter().filter(|element| V::read(element).is_none()));
}

/// Takes the first of several, for a profile that allows only one.
pub(crate) fn take_first<F>(elements: &mut Vec<F>) -> Option<F> {
    if elements.is_empty() { None } else { Some(elements.remove(0)) }
}

/// Puts back what [`take_first`] took.
pub(crate) fn put_first<F>(elements: &mut Vec<F>, value: Option<F>) {
    if let Some(value) = value {
        elements.insert(0, value);
    }
}

/// Takes the value of an element that means `default` when it is absent, and leaves the default in its place.
pub(crate) fn take_or<T: Clone>(element: &mut Primitive<T>, default: T) -> T {
    match &mut element.value {
        Some(value) => mem::replace(value, default),
        None => default,
    }
}

/// Puts back what [`take_or`] took.
pub(crate) fn put_or<T: PartialEq>(element: &mut Primitive<T>, default: &T, value: T) {
    if element.value.as_ref().unwrap_or(default) != &value {
        element.value = Some(value);
    }
}

/// Takes all components, each as a struct of the profile.
pub(crate) fn take_groups<F, G: From<F>>(elements: &mut Vec<F>) -> Vec<G> {
    mem::take(elements).into_iter().map(G::from).collect()
}
