//! [`Progress`]: what the reader remembers while it reads the members of one object, which come in any order.

use crate::structure::{FieldSchema, FieldSet, TypeSchema};

/// Which fields of one object have been read, and what the object still has to be checked for.
#[derive(Default)]
pub(super) struct Progress {
    /// Fields whose member was read.
    pub values: FieldSet,
    /// Fields whose `_` member was read.
    pub companions: FieldSet,
    /// Fields, or groups of alternatives, that are present in any way.
    pub present: FieldSet,
    /// Alternatives that were chosen: the first of their choice.
    pub chosen: FieldSet,
    /// Chosen alternatives that said nothing so far: neither value, id nor extension.
    pub silent: FieldSet,
    /// Alternatives that were refused because another one of their choice came first.
    pub refused: FieldSet,
    /// Where the search for the next name starts.
    pub hint: usize,
    pub id_seen: bool,
    pub type_seen: bool,
    /// Nulls, and items that do not fit their list. There are rarely any.
    pub gaps: Option<Box<Gaps>>,
}

/// Places that hold nothing.
#[derive(Default)]
pub(super) struct Gaps {
    /// Lists of primitives with a null among their values or companions, and where the first of these nulls
    /// is.
    pub nulls: Vec<(usize, usize)>,
    /// Lists of primitives of which an item is kept elsewhere.
    pub misfits: FieldSet,
    /// Items of the list at hand that do not fit it, as the text of an array without its brackets.
    pub items: String,
}

impl Progress {
    /// The chosen alternative of a field's choice, if it said nothing so far.
    #[cold]
    pub(super) fn silent_alternative(&self, schema: &TypeSchema, index: usize) -> Option<usize> {
        let first = usize::from(schema.fields[index].choice?);
        (first..schema.end_of_group(index)).find(|other| self.silent.contains(*other))
    }

    pub(super) fn gaps(&mut self) -> &mut Gaps {
        self.gaps.get_or_insert_default()
    }

    /// Notes a null in a list of primitives.
    #[cold]
    pub(super) fn null_item(&mut self, field: &FieldSchema, offset: usize) {
        let index = usize::from(field.index);
        let nulls = &mut self.gaps().nulls;
        if !nulls.iter().any(|(known, _)| *known == index) {
            nulls.push((index, offset));
        }
    }

    /// Notes a null where an object should be.
    #[cold]
    pub(super) fn null_structure(&mut self) {
        self.gaps();
    }

    /// Whether an item of the list at hand does not fit it.
    pub(super) fn has_misfits(&self) -> bool {
        self.gaps.as_ref().is_some_and(|gaps| !gaps.items.is_empty())
    }

    /// Notes an item that does not fit its list.
    #[cold]
    pub(super) fn misfit(&mut self, field: &FieldSchema, raw: &str) {
        let gaps = self.gaps();
        gaps.misfits.insert(usize::from(field.index));
        if !gaps.items.is_empty() {
            gaps.items.push(',');
        }
        gaps.items.push_str(raw);
    }
}
