//! How many bytes of memory JSON takes once it is read. These are estimates for bounds, so they err on the
//! high side.
//!
//! They matter because values take more than their text: `{"":0}` has six bytes and takes more than six
//! hundred.

use serde_json::{Map, Value};

/// The most that one text may take, in bytes.
pub(crate) const LIMIT: usize = 32 << 20;

/// What the allocator adds to each allocation.
const ALLOCATION: usize = 16;
/// A node of a map: eleven keys and values, and what links it to others.
const NODE: usize = 11 * (size_of::<String>() + size_of::<Value>()) + 112 + ALLOCATION;
/// Entries in a node at least, if it is not the only one.
const ENTRIES: usize = 5;
/// Values for which an array has room at least.
const SMALLEST_ARRAY: usize = 4;

/// The most that the values of a text take, without reading it.
pub(crate) fn upper_bound(text: &str) -> usize {
    const ENTRY: usize = NODE / ENTRIES + 2 * ALLOCATION;
    // An array grows by doubling, and is copied then.
    const ELEMENT: usize = 3 * size_of::<Value>();
    const { assert!(ENTRY >= ELEMENT) };
    let of = |byte| match byte {
        b'{' => NODE + ENTRY,
        b'[' => SMALLEST_ARRAY * size_of::<Value>() + 2 * ALLOCATION,
        b',' => ENTRY,
        _ => 1,
    };
    ALLOCATION + text.bytes().map(of).sum::<usize>()
}

/// What a value takes besides its own slot.
pub(crate) fn of_value(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => of_text(text),
        Value::Array(values) => of_values(values),
        Value::Object(map) => of_map(map),
    }
}

/// What the values of a list take.
pub(crate) fn of_values(values: &Vec<Value>) -> usize {
    ALLOCATION + values.capacity() * size_of::<Value>() + values.iter().map(of_value).sum::<usize>()
}

/// What the entries of a map take.
pub(crate) fn of_map(map: &Map<String, Value>) -> usize {
    let nodes = match map.len() {
        0 => 0,
        1..=11 => 1,
        entries => 1 + entries / ENTRIES,
    };
    nodes * NODE + map.iter().map(|(name, value)| of_text(name) + of_value(value)).sum::<usize>()
}

/// What the letters of a text take.
pub(crate) fn of_text(text: &String) -> usize {
    ALLOCATION + text.capacity()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            "[a-z,{\\[\"]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 200, 40, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..40).prop_map(Value::from),
                proptest::collection::btree_map("[a-z]{0,4}", inner, 0..40)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_value_takes_more_than_the_upper_bound_of_its_text(value in json()) {
            let text = value.to_string();
            let read: Value = serde_json::from_str(&text).expect("JSON");
            prop_assert!(of_value(&read) <= upper_bound(&text), "{text}");
        }
    }

    #[test]
    fn values_that_take_many_times_their_text_are_counted_in_full() {
        for (text, least) in [("{\"\":0}", 600), ("[0]", 128), ("[0,0,0,0,0]", 8 * 32)] {
            let read: Value = serde_json::from_str(text).expect("JSON");
            assert!((least..4 * least).contains(&of_value(&read)), "{text}: {}", of_value(&read));
        }
    }
}
