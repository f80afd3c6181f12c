//! [`Extensions`]: the extensions of an element while a profile is read from them or written to them.
//!
//! A profile writes its own extensions in the order of its schema, and the unknown ones after them. Where a
//! message has another order, or a quirk in a value, this remembers the places, so that the extensions are
//! written as they were read.

use std::mem;

use koppeltaal_fhir::datatypes::{Extension, ExtensionValue};

use super::form::Form;

/// The place of one extension that was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Place {
    /// An extension that a field took, by the profile's URL. Has the extension as it was read if the profile
    /// would write it differently.
    Taken(&'static str, Option<Box<AsRead>>),
    /// An extension that no field took.
    Kept,
    /// Not an extension but the value of the parent, from which a field was read: a quirk of Koppeltaal 1.0.
    ParentValue(&'static str, Box<ExtensionValue>),
}

/// An extension that a profile would write differently.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AsRead {
    pub(crate) extension: Extension,
    /// Whether the type of the value or the URL is not the profile's. A display of the sender's own is not
    /// a quirk.
    pub(crate) is_quirk: bool,
}

/// The extensions of an element, with their places.
#[derive(Default)]
pub(crate) struct Extensions {
    slots: Vec<Slot>,
    /// Extensions that are written and had no place when the element was read.
    new: Vec<Extension>,
    parent_value: Option<(&'static str, Box<ExtensionValue>)>,
    /// How many fields have been read. If they take the extensions in order, the message is in the order of
    /// the schema.
    fields: usize,
}

struct Slot {
    place: Place,
    /// While reading: the extension that no field took yet. While writing: the extension to write here.
    extension: Option<Extension>,
    /// The number of the field that took the extension.
    field: usize,
}

/// Reading.
impl Extensions {
    /// Takes the extensions from an element, so that fields can take theirs.
    pub(crate) fn take_from(extensions: &mut Vec<Extension>) -> Self {
        let slot = |extension| Slot { place: Place::Kept, extension: Some(extension), field: usize::MAX };
        Self { slots: mem::take(extensions).into_iter().map(slot).collect(), ..Self::default() }
    }

    /// Takes the value of the first extension of this URL that holds one.
    pub(crate) fn take<V>(&mut self, url: &'static str, form: impl Form<V>) -> Option<V> {
        self.fields += 1;
        let field = self.fields;
        self.slots.iter_mut().find_map(|slot| slot.take(url, field, form))
    }

    /// Takes the value of the first extension of this URL, else the value of the extension that it is nested
    /// in. That is a quirk of Koppeltaal 1.0.
    pub(crate) fn take_or_parent_value<V>(
        &mut self,
        url: &'static str,
        form: impl Form<V>,
        parent: &mut Option<ExtensionValue>,
    ) -> Option<V> {
        self.fields += 1;
        let field = self.fields;
        self.slots.iter_mut().find_map(|slot| slot.take(url, field, form)).or_else(|| {
            let value = read_value(form, parent.as_ref()?)?;
            self.parent_value = parent.take().map(|value| (url, Box::new(value)));
            Some(value)
        })
    }

    /// Takes the values of all extensions of this URL.
    pub(crate) fn take_list<V>(&mut self, url: &'static str, form: impl Form<V>) -> Vec<V> {
        self.fields += 1;
        let field = self.fields;
        self.slots.iter_mut().filter_map(|slot| slot.take(url, field, form)).collect()
    }

    /// Takes the first `most` extensions of this URL, each as a profile of its own.
    pub(crate) fn take_groups<G: From<Extension>>(&mut self, url: &'static str, most: usize) -> Vec<G> {
        self.fields += 1;
        let field = self.fields;
        let taken = self.slots.iter_mut().filter_map(|slot| slot.take_whole(url, field));
        taken.take(most).map(G::from).collect()
    }

    /// Returns the extensions that no field took, and the places, unless those are where the profile puts
    /// them anyway.
    pub(crate) fn finish_reading(self) -> (Vec<Extension>, Vec<Place>) {
        let in_order = self.slots.is_sorted_by_key(|slot| slot.field);
        let as_written =
            self.slots.iter().all(|slot| matches!(slot.place, Place::Taken(_, None) | Place::Kept));
        let mut kept = Vec::new();
        let mut places = Vec::new();
        for slot in self.slots {
            kept.extend(slot.extension);
            places.push(slot.place);
        }
        if in_order && as_written {
            places.clear();
        }
        places.extend(self.parent_value.map(|(url, value)| Place::ParentValue(url, value)));
        (kept, places)
    }
}

/// Writing.
impl Extensions {
    /// Prepares the places that were read.
    pub(crate) fn resume(places: Vec<Place>) -> Self {
        let mut extensions = Self::default();
        for place in places {
            match place {
                Place::ParentValue(url, value) => extensions.parent_value = Some((url, value)),
                place => extensions.slots.push(Slot { place, extension: None, field: 0 }),
            }
        }
        extensions
    }

    /// Writes a value as the extension of this URL.
    pub(crate) fn put<V: PartialEq>(&mut self, url: &'static str, form: impl Form<V>, value: Option<V>) {
        let Some(value) = value else { return };
        match self.slots.iter_mut().find(|slot| slot.is_open(url)) {
            Some(slot) => slot.extension = Some(rewritten(slot.as_read(), url, form, &value)),
            None => self.new.push(written(url, form, &value)),
        }
    }

    /// Writes a value that [`take_or_parent_value`](Self::take_or_parent_value) took. A value that was
    /// changed becomes an extension.
    pub(crate) fn put_or_parent_value<V: PartialEq>(
        &mut self,
        url: &'static str,
        form: impl Form<V>,
        value: Option<V>,
        parent: &mut Option<ExtensionValue>,
    ) {
        match self.parent_value.take() {
            Some((_, as_read)) if read_value(form, &as_read) == value => *parent = Some(*as_read),
            _ => self.put(url, form, value),
        }
    }

    /// Writes values, each as an extension of this URL. An extension that was read is reused for the same
    /// value.
    pub(crate) fn put_list<V: PartialEq>(&mut self, url: &'static str, form: impl Form<V>, values: Vec<V>) {
        for value in values {
            let next = self.slots.iter().position(|slot| slot.is_open(url) && slot.may_hold(form, &value));
            match next {
                Some(index) => {
                    let slot = &mut self.slots[index];
                    slot.extension = Some(rewritten(slot.as_read(), url, form, &value));
                }
                None => self.new.push(written(url, form, &value)),
            }
        }
    }

    /// Writes profiles, each as an extension of this URL.
    pub(crate) fn put_groups(&mut self, url: &'static str, groups: impl IntoIterator<Item: Into<Extension>>) {
        for group in groups {
            match self.slots.iter_mut().find(|slot| slot.is_open(url)) {
                Some(slot) => slot.extension = Some(group.into()),
                None => self.new.push(group.into()),
            }
        }
    }

    /// Returns all extensions, those that were written and those that no field took, each in its old place if
    /// it had one.
    pub(crate) fn finish_writing(self, kept: Vec<Extension>) -> Vec<Extension> {
        if self.slots.is_empty() {
            let mut all = self.new;
            all.extend(kept);
            return all;
        }
        let mut kept = kept.into_iter();
        let mut all = Vec::with_capacity(self.slots.len() + self.new.len());
        for slot in self.slots {
            match slot.place {
                Place::Taken(..) => all.extend(slot.extension),
                Place::Kept => all.extend(kept.next()),
                Place::ParentValue(..) => {}
            }
        }
        all.extend(self.new);
        all.extend(kept);
        all
    }
}

impl Slot {
    fn take<V>(&mut self, url: &'static str, field: usize, form: impl Form<V>) -> Option<V> {
        let extension = self.extension.as_ref().filter(|extension| is_url_of(&extension.url, url))?;
        let value = form.read(extension)?;
        let written = written(url, form, &value);
        let as_read = self.extension.take().filter(|extension| *extension != written).map(|extension| {
            let same_type = match (&extension.value, &written.value) {
                (Some(read), Some(written)) => mem::discriminant(read) == mem::discriminant(written),
                _ => false,
            };
            let is_quirk = !same_type || extension.url != url;
            Box::new(AsRead { extension, is_quirk })
        });
        self.place = Place::Taken(url, as_read);
        self.field = field;
        Some(value)
    }

    fn take_whole(&mut self, url: &'static str, field: usize) -> Option<Extension> {
        let extension = self.extension.take_if(|extension| is_url_of(&extension.url, url))?;
        self.place = Place::Taken(url, None);
        self.field = field;
        Some(extension)
    }

    /// Whether this is the place of an extension of this URL, and nothing has been written here yet.
    fn is_open(&self, url: &str) -> bool {
        self.extension.is_none() && matches!(self.place, Place::Taken(taken, _) if taken == url)
    }

    /// Whether a value of a list may be written here. The id of one value must not become that of another.
    fn may_hold<V: PartialEq>(&self, form: impl Form<V>, value: &V) -> bool {
        match &self.place {
            Place::Taken(_, Some(as_read)) => form.read(&as_read.extension).as_ref() == Some(value),
            Place::Taken(_, None) => true,
            Place::Kept | Place::ParentValue(..) => false,
        }
    }

    fn as_read(&mut self) -> Option<Extension> {
        match &mut self.place {
            Place::Taken(_, as_read) => as_read.take().map(|as_read| as_read.extension),
            Place::Kept | Place::ParentValue(..) => None,
        }
    }
}

/// Whether the URL `own` of an extension is `url`, or only the name after its `#`: a quirk of some senders.
pub(crate) fn is_url_of(own: &str, url: &str) -> bool {
    own == url || url.split_once('#').is_some_and(|(_, name)| own == name)
}

fn read_value<V>(form: impl Form<V>, value: &ExtensionValue) -> Option<V> {
    form.read(&Extension { value: Some(value.clone()), ..Extension::default() })
}

fn written<V>(url: &str, form: impl Form<V>, value: &V) -> Extension {
    Extension { url: url.to_owned(), value: Some(form.write(value)), ..Extension::default() }
}

/// The extension as it was read, if it has this value; else with the new value, its id and extensions kept.
fn rewritten<V: PartialEq>(
    as_read: Option<Extension>,
    url: &str,
    form: impl Form<V>,
    value: &V,
) -> Extension {
    match as_read {
        None => written(url, form, value),
        Some(extension) if form.read(&extension).as_ref() == Some(value) => extension,
        Some(mut extension) => {
            extension.value = Some(form.write(value));
            extension.unknown.extract(|node| node.name().starts_with("value"));
            extension
        }
    }
}
