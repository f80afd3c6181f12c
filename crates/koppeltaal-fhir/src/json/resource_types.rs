//! Where the `resourceType` of an object is, when it is not its first member.
//!
//! A resource cannot be read before its type is known, and the member may stand last. Looking for it in each object anew
//! would pass over a nested resource once per level; here one leap over the outermost object finds those of all
//! objects in it.

use std::borrow::Cow;

use super::scan::{Result, Scanner};

/// The types found so far.
#[derive(Default)]
pub(super) struct ResourceTypes {
    /// Where an object starts, and where the value of its `resourceType` does; sorted once the leap is over.
    places: Vec<(usize, usize)>,
    /// The part of the text that was leapt over last.
    known: std::ops::Range<usize>,
}

impl ResourceTypes {
    /// The `resourceType` of the object that `scanner` is at; `None` if there is no such string in it.
    pub(super) fn of<'t>(&mut self, scanner: &Scanner<'t>) -> Result<Option<Cow<'t, str>>> {
        let mut object = scanner.clone();
        object.begin_object()?;
        let start = object.offset();
        // Mostly it comes first.
        if object.next_member(true)?.as_deref() == Some("resourceType") && object.at_string() {
            return object.string().map(Some);
        }
        if !self.known.contains(&start) {
            self.leap(scanner, start)?;
        }
        let Ok(index) = self.places.binary_search_by_key(&start, |(object, _)| *object) else {
            return Ok(None);
        };
        object.move_to(self.places[index].1);
        object.string().map(Some)
    }

    /// Looks at brackets and quotes from an object's `{` to its `}`. What stands between is read, and checked, later.
    fn leap(&mut self, scanner: &Scanner<'_>, start: usize) -> Result<()> {
        self.places.clear();
        let mut scanner = scanner.clone();
        // For each object or array that is open: where it starts, and whether its type was found.
        let mut open: Vec<(usize, bool)> = Vec::new();
        loop {
            match scanner.leap_to_bracket_or_string()? {
                b'"' => {
                    let is_type = scanner.leap_over_string("resourceType")?;
                    if is_type
                        && scanner.take(b':')
                        && scanner.at_string()
                        && let Some((object, found)) = open.last_mut()
                        && !std::mem::replace(found, true)
                    {
                        self.places.push((*object, scanner.offset()));
                    }
                }
                b'{' | b'[' => open.push((scanner.offset(), false)),
                _ => {
                    open.pop();
                    if open.is_empty() {
                        break;
                    }
                }
            }
        }
        self.places.sort_unstable();
        self.known = start..scanner.offset();
        Ok(())
    }
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
                types.of(&scanner).ok().flatten().map(Cow::into_owned)
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
        // The first of two counts, as it would for a reader that takes one after the other.
        assert_eq!(types(r#"{"a":1,"resourceType":"A","resourceType":"B"}"#), [Some("A".into())]);
        assert!(ResourceTypes::default().of(&Scanner::new(r#"{"a":"open"#)).is_err());
    }
}
