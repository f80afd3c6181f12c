//! Where the `resourceType` of an object is, when it is not its first member.
//!
//! A resource cannot be read before its type is known, and the member may stand last. A search in each object
//! anew would pass over a nested resource once per level. Instead, one leap over the outermost object finds
//! the types of all objects in it.

use std::borrow::Cow;

use super::scan::{Result, ScanError, Scanner};
use crate::bytes;
use crate::weight::list_cost;

/// The types found so far.
#[derive(Default)]
pub(super) struct ResourceTypes {
    /// Where an object starts, and where the value of its `resourceType` does; sorted once the leap is over.
    places: Vec<(usize, usize)>,
    /// The part of the text that was leapt over last.
    known: std::ops::Range<usize>,
    /// Memory that was not accounted for yet.
    cost: usize,
}

impl ResourceTypes {
    /// The `resourceType` of the object that `scanner` is at; `None` if there is no such string in it.
    /// Objects and arrays may stand `depth` deep in each other.
    pub(super) fn of<'t>(&mut self, scanner: &Scanner<'t>, depth: usize) -> Result<Option<Cow<'t, str>>> {
        let mut object = scanner.clone();
        object.begin_object()?;
        let start = object.offset();
        // Mostly it comes first.
        if object.next_member(true)?.as_deref() == Some("resourceType") && object.at_string() {
            return object.string().map(Some);
        }
        if !self.known.contains(&start) {
            self.leap(scanner, start, depth)?;
        }
        let Ok(index) = self.places.binary_search_by_key(&start, |(object, _)| *object) else {
            return Ok(None);
        };
        object.move_to(self.places[index].1);
        object.string().map(Some)
    }

    /// Looks at brackets and quotes from an object's `{`, which ends at `start`, to its `}`. What stands
    /// between is read, and checked, later.
    fn leap(&mut self, scanner: &Scanner<'_>, start: usize, depth: usize) -> Result<()> {
        self.places.clear();
        let bytes = scanner.bytes();
        let ends_early = || scanner.ends_early();
        // For each object or array that is open: where it starts, and whether its type was found.
        let mut open: Vec<(usize, bool)> = vec![(start, false)];
        let mut at = start;
        loop {
            let is_full = open.len() >= depth;
            let Some((object, found)) = open.last_mut() else { break };
            let byte = *bytes.get(at).ok_or_else(ends_early)?;
            at += 1;
            match MEANINGS[usize::from(byte)] {
                Meaning::None => {}
                Meaning::Open if is_full => return Err(ScanError::too_deep(at)),
                Meaning::Open => open.push((at, false)),
                Meaning::Close => drop(open.pop()),
                Meaning::Quote => {
                    let end = string_end(bytes, at).ok_or_else(ends_early)?;
                    let is_type = bytes[at..end] == *b"resourceType";
                    at = end + 1;
                    if is_type
                        && let Some(value) = string_behind_colon(bytes, at)
                        && !std::mem::replace(found, true)
                    {
                        self.places.push((*object, value));
                    }
                }
            }
        }
        self.places.sort_unstable();
        self.known = start..at;
        self.cost += list_cost(self.places.len(), size_of::<(usize, usize)>());
        Ok(())
    }

    /// The memory taken since the last call.
    pub(super) fn take_cost(&mut self) -> usize {
        std::mem::take(&mut self.cost)
    }
}

/// What a byte outside of strings means for a leap.
#[derive(Clone, Copy)]
enum Meaning {
    None,
    Open,
    Close,
    Quote,
}

static MEANINGS: [Meaning; 256] = {
    let mut meanings = [Meaning::None; 256];
    meanings[b'{' as usize] = Meaning::Open;
    meanings[b'[' as usize] = Meaning::Open;
    meanings[b'}' as usize] = Meaning::Close;
    meanings[b']' as usize] = Meaning::Close;
    meanings[b'"' as usize] = Meaning::Quote;
    meanings
};

/// The place of the closing quote of a string. The text of the string starts at `at`.
#[inline]
fn string_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += bytes::plain_length(bytes.get(at..)?, [b'"', b'\\']);
        match bytes.get(at)? {
            b'"' => return Some(at),
            // The escaped byte is passed over with its backslash; whatever may follow it is no quote.
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The start of the string after a colon at `at`, if a colon and a string follow there.
fn string_behind_colon(bytes: &[u8], at: usize) -> Option<usize> {
    let skip = |at: usize| {
        let space = |byte: &&u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        at + bytes[at..].iter().take_while(space).count()
    };
    let colon = skip(at);
    let value = skip(bytes.get(colon).filter(|byte| **byte == b':').map(|_| colon + 1)?);
    (bytes.get(value) == Some(&b'"')).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The type of the object at each `{` of the text, in order.
    fn types(text: &str) -> Vec<Option<String>> {
        let mut types = ResourceTypes::default();
        let objects = text.match_indices('{').map(|(at, _)| at);
        objects
            .map(|at| {
                let mut scanner = Scanner::new(text);
                scanner.move_to(at);
                types.of(&scanner, 99).ok().flatten().map(Cow::into_owned)
            })
            .collect()
    }

    #[test]
    fn the_type_is_found_wherever_it_stands() {
        let text = r#"{"a": [1, {"b\"}": "]", "resourceType" : "In\u006eer"}], "c": "resourceType", "resourceType": "Outer"}"#;
        assert_eq!(types(text), [Some("Outer".to_owned()), Some("Inner".to_owned())]);
        assert_eq!(
            types(r#"{"resourceType": "A", "b": {"x": 1, "resourceType": "B"}}"#),
            [Some("A".into()), Some("B".into())]
        );
    }

    #[test]
    fn what_is_no_type_is_none() {
        for text in [r#"{}"#, r#"{"a":1}"#, r#"{"a":1,"resourceType":2}"#, r#"{"a":["resourceType","x"]}"#] {
            assert_eq!(types(text), [None], "{text}");
        }
        // The first of two counts, as for a reader that takes members in order.
        assert_eq!(types(r#"{"a":1,"resourceType":"A","resourceType":"B"}"#), [Some("A".into())]);
        assert!(ResourceTypes::default().of(&Scanner::new(r#"{"a":"open"#), 99).is_err());
    }
}
