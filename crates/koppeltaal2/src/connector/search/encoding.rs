//! How values stand in a search: escaped for FHIR, then encoded for a URL.

use std::fmt::Write as _;

/// A value in which no letter has a meaning of FHIR's searches (R4 section 3.1.1.4.5).
pub(crate) fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for letter in value.chars() {
        if matches!(letter, '\\' | '|' | ',' | '$') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

/// The query of a URL. Only what is plain in every query stays, and `/`, which references have.
pub(crate) fn query(parameters: &[(String, String)]) -> String {
    let mut query = String::new();
    for (name, value) in parameters {
        if !query.is_empty() {
            query.push('&');
        }
        encode(name, &mut query);
        query.push('=');
        encode(value, &mut query);
    }
    query
}

fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b',' => {
                out.push(char::from(byte));
            }
            // Writing to a String does not fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
}

/// Whether two criteria ask for the same: a server may encode or order the parameters in another way.
pub(crate) fn is_same_criteria(one: &str, other: &str) -> bool {
    one == other || parts(one) == parts(other)
}

fn parts(criteria: &str) -> (&str, Vec<(String, String)>) {
    let (resource_type, query) = criteria.split_once('?').unwrap_or((criteria, ""));
    let mut pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    pairs.sort_unstable();
    (resource_type.trim_start_matches('/'), pairs)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn criteria_are_the_same_in_another_order_or_encoding() {
        assert!(is_same_criteria("Task?status=ready&owner=Patient/7", "Task?owner=Patient%2F7&status=ready"));
        assert!(!is_same_criteria("Task?status=ready", "Task?status=ready&status=ready"));
        assert!(!is_same_criteria("Task?status=ready", "Patient?status=ready"));
    }

    proptest! {
        #[test]
        fn a_query_means_what_went_in(pairs in proptest::collection::vec(("\\PC{1,10}", "\\PC{0,20}"), 0..5)) {
            let query = query(&pairs);
            prop_assert!(query.is_ascii());
            let read: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
            prop_assert_eq!(read, pairs);
        }

        #[test]
        fn an_escaped_value_reads_as_one_value(value in "\\PC{0,30}") {
            let (mut read, mut escaped) = (String::new(), false);
            for letter in escape(&value).chars() {
                prop_assert!(escaped || !matches!(letter, '|' | ',' | '$'));
                if letter == '\\' && !escaped {
                    escaped = true;
                } else {
                    escaped = false;
                    read.push(letter);
                }
            }
            prop_assert_eq!(read, value);
        }
    }
}
