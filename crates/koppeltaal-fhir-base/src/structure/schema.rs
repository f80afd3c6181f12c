//! [`TypeSchema`]: the name of a type of the standard, and its elements in order.

use super::field_set::FieldSet;

/// The structure of a type: its name in the standard, and its elements in schema order.
pub struct TypeSchema {
    pub name: &'static str,
    /// Whether it is a resource: has a `resourceType` in JSON, a name of its own in XML.
    pub is_resource: bool,
    pub fields: &'static [FieldSchema],
    /// The mandatory fields; of a mandatory choice its first alternative.
    pub mandatory: FieldSet,
    /// Whether the id is a URI, as that of a bundle, and not a label inside a resource.
    pub has_uri_as_id: bool,
    /// Whether it is a bundle that is a resource, whose entries have a limit.
    pub is_bundle: bool,
    /// For each hash of a name the first field that has it, or [`NO_FIELD`].
    places: [u8; PLACES],
}

/// Size of the hash table of a type's field names: a power of two.
const PLACES: usize = 64;
const NO_FIELD: u8 = u8::MAX;

/// The place of a name's key in [`TypeSchema::places`].
#[inline]
const fn place(key: u32) -> usize {
    // Fibonacci hashing: the upper bits of the product depend on all bits of the key.
    (key.wrapping_mul(0x9E37_79B9) >> (u32::BITS - PLACES.trailing_zeros())) as usize
}

/// The index of the field `extension` in types that have it.
pub const EXTENSION: usize = 0;

/// One element of a type. A choice has one of these per alternative.
pub struct FieldSchema {
    pub name: &'static str,
    /// The name as JSON has it before the value: in quotes, with its colon.
    pub member: &'static str,
    /// The field's own place in [`TypeSchema::fields`].
    pub index: u8,
    pub mandatory: bool,
    pub repeats: bool,
    /// For an alternative of a choice: the index of the first alternative. Mandatory then applies to the
    /// whole choice.
    pub choice: Option<u8>,
    pub shape: Shape,
    /// A few bytes of the name, which tell most names apart at one comparison.
    key: u32,
}

/// Length, first, last and one byte in the middle.
#[inline]
const fn name_key(name: &[u8]) -> u32 {
    let length = name.len();
    if length == 0 {
        return 0;
    }
    u32::from_le_bytes([length as u8, name[0], name[length / 2], name[length - 1]])
}

/// What an element holds, as far as a format cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Primitive,
    /// A restriction of Quantity: a structure without extensions.
    Unextended,
    Structure,
    Resource,
    Xhtml,
    /// An XML attribute (`url` of an extension): a plain string.
    Attribute,
    /// A primitive that is the text of the XML element itself (`content` of Binary).
    Text,
    /// A primitive that the schema wants as text of the XML element, and senders write as `value`.
    IdReference,
    /// A number that .NET, and with it every Koppeltaal server, writes as text in JSON.
    Count,
    /// A primitive that holds the markup of an XML signature.
    Signature,
}

impl Shape {
    /// Whether JSON can have a `_` member beside the value.
    pub fn has_companions(self) -> bool {
        matches!(self, Self::Primitive | Self::IdReference | Self::Count | Self::Signature)
    }
}

impl TypeSchema {
    /// A resource.
    pub const fn resource(name: &'static str, fields: &'static [FieldSchema]) -> Self {
        Self::new(name, true, fields)
    }

    /// A bundle that is a resource.
    pub const fn bundle(name: &'static str, fields: &'static [FieldSchema]) -> Self {
        Self { is_bundle: true, ..Self::new(name, true, fields) }
    }

    /// A part of a resource: a data type, a component.
    pub const fn element(name: &'static str, fields: &'static [FieldSchema]) -> Self {
        Self::new(name, false, fields)
    }

    /// A bundle.
    pub const fn feed(name: &'static str, fields: &'static [FieldSchema]) -> Self {
        Self { has_uri_as_id: true, ..Self::new(name, true, fields) }
    }

    /// A part of a bundle.
    pub const fn feed_part(name: &'static str, fields: &'static [FieldSchema]) -> Self {
        Self { has_uri_as_id: true, ..Self::new(name, false, fields) }
    }

    const fn new(name: &'static str, is_resource: bool, fields: &'static [FieldSchema]) -> Self {
        let mut mandatory = FieldSet(0);
        let mut places = [NO_FIELD; PLACES];
        let mut index = 0;
        while index < fields.len() {
            let field = &fields[index];
            assert!(field.index as usize == index, "a field's index is its place in the list");
            let place = place(field.key);
            if places[place] == NO_FIELD {
                places[place] = index as u8;
            }
            if field.mandatory && field.group() == index {
                mandatory.0 |= 1 << index;
            }
            index += 1;
        }
        Self { name, is_resource, fields, mandatory, has_uri_as_id: false, is_bundle: false, places }
    }

    /// The mandatory fields that are not in `present`.
    #[inline]
    pub fn missing(&self, present: FieldSet) -> impl Iterator<Item = &'static FieldSchema> {
        self.fields_in(FieldSet(self.mandatory.0 & !present.0))
    }

    /// The fields that are in a set, in schema order.
    #[inline]
    pub fn fields_in(&self, FieldSet(mut left): FieldSet) -> impl Iterator<Item = &'static FieldSchema> {
        let fields = self.fields;
        std::iter::from_fn(move || {
            let field = fields.get(left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(field)
        })
    }

    /// The index behind the field at `index`, or behind the last alternative of its choice.
    pub fn end_of_group(&self, index: usize) -> usize {
        let group = self.fields[index].group();
        self.fields.iter().rposition(|field| field.group() == group).map_or(index + 1, |last| last + 1)
    }

    /// The index of the field `name`. `hint` is where it probably is, because both formats mostly keep schema
    /// order.
    #[inline]
    pub fn find(&self, name: &str, hint: usize) -> Option<usize> {
        let key = name_key(name.as_bytes());
        let is_it = |field: &FieldSchema| field.key == key && field.name == name;
        if self.fields.get(hint).is_some_and(is_it) {
            return Some(hint);
        }
        let first = usize::from(self.places[place(key)]);
        if is_it(self.fields.get(first)?) {
            return Some(first);
        }
        // Two names of the type share the place.
        self.fields.iter().position(is_it)
    }
}

/// The name of a field as [`FieldSchema::member`] has it.
#[macro_export]
macro_rules! member {
    ($name:literal) => {
        concat!("\"", $name, "\":")
    };
}

impl FieldSchema {
    /// `member` is made by [`member!`].
    pub const fn optional(index: u8, member: &'static str, shape: Shape) -> Self {
        let name = member.split_at(member.len() - 2).0.split_at(1).1;
        Self {
            name,
            member,
            index,
            mandatory: false,
            repeats: false,
            choice: None,
            shape,
            key: name_key(name.as_bytes()),
        }
    }

    pub const fn mandatory(index: u8, member: &'static str, shape: Shape) -> Self {
        Self { mandatory: true, ..Self::optional(index, member, shape) }
    }

    pub const fn list(index: u8, member: &'static str, shape: Shape) -> Self {
        Self { repeats: true, ..Self::optional(index, member, shape) }
    }

    pub const fn mandatory_list(index: u8, member: &'static str, shape: Shape) -> Self {
        Self { mandatory: true, repeats: true, ..Self::optional(index, member, shape) }
    }

    /// The field's own index, or that of the first alternative of its choice.
    pub const fn group(&self) -> usize {
        match self.choice {
            Some(first) => first as usize,
            None => self.index as usize,
        }
    }

    /// Makes this an alternative of the choice whose alternatives are at `first` to `last`.
    pub const fn alternative_of(self, first: u8, last: u8) -> Self {
        assert!(first <= self.index && self.index <= last, "an alternative is among those of its choice");
        Self { choice: Some(first), ..self }
    }
}
