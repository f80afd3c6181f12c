//! Finds the name of a choice. The XSD files declare its members (`deceasedBoolean`, `deceasedDateTime`), but
//! not the prefix that they share (`deceased`).

use anyhow::{Context as _, Result, ensure};

/// Finds the prefix of a choice from the names and types of its members.
///
/// Each name must be the prefix, followed by the type with its first letter in upper case.
/// `ResourceReference` is shortened to `Resource`. The longest common prefix would not do: `valueString` and
/// `valueSampledData` share `valueS`.
pub(crate) fn prefix<'a>(members: &[(&'a str, &str)]) -> Result<&'a str> {
    let mut found = None;
    for (name, type_name) in members {
        let suffix = suffix(type_name);
        let prefix =
            name.strip_suffix(suffix.as_str()).filter(|prefix| !prefix.is_empty()).with_context(|| {
                format!("choice member `{name}` of type {type_name}: expected a name that ends in `{suffix}`")
            })?;
        let first = *found.get_or_insert(prefix);
        ensure!(prefix == first, "choice member `{name}`: expected the prefix `{first}`, found `{prefix}`");
    }
    found.context("a choice without members")
}

fn suffix(type_name: &str) -> String {
    if type_name == "ResourceReference" {
        return "Resource".to_owned();
    }
    let mut letters = type_name.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::prefix;

    #[test]
    fn the_prefix_is_what_is_left_of_the_type_name() {
        let members = [("valueString", "string"), ("valueSampledData", "SampledData")];
        assert_eq!(prefix(&members).expect("a good choice"), "value");
        let members = [("reasonCodeableConcept", "CodeableConcept"), ("reasonResource", "ResourceReference")];
        assert_eq!(prefix(&members).expect("a good choice"), "reason");
    }

    #[test]
    fn names_that_do_not_fit_are_refused() {
        for (members, expected) in [
            (&[("valueText", "string")][..], "ends in `String`"),
            (&[("String", "string")], "ends in `String`"),
            (&[("valueString", "string"), ("itemDate", "date")], "expected the prefix `value`, found `item`"),
            (&[], "without members"),
        ] {
            let message = prefix(members).expect_err(expected).to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
