//! Turns names of the standard into names of Rust.

use anyhow::{Result, ensure};
use proc_macro2::{Ident, Span};

use crate::schema::Cardinality;

/// A type's Rust name: `Patient.Contact` becomes `PatientContact`.
pub(crate) fn type_name(name: &str) -> String {
    name.split('.').map(upper_first).collect()
}

/// A field's Rust name in snake case, without the escape that keywords need.
pub(crate) fn field_name(name: &str) -> String {
    let mut snake = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

/// A field's identifier, escaped where Rust has a keyword of that name.
pub(crate) fn field_ident(name: &str) -> Ident {
    let snake = field_name(name);
    syn::parse_str(&snake).unwrap_or_else(|_| Ident::new_raw(&snake, Span::call_site()))
}

/// The member name of a choice's alternative: prefix and type, `ResourceReference` shortened to `Resource`.
pub(crate) fn alternative(prefix: &str, type_name: &str) -> String {
    format!("{prefix}{}", alternative_variant(type_name))
}

/// The variant name of a choice's alternative.
pub(crate) fn alternative_variant(type_name: &str) -> String {
    match type_name {
        "ResourceReference" => "Resource".to_owned(),
        other => upper_first(other),
    }
}

/// The variants of a code list, in order. Fails when two codes get the same name.
pub(crate) fn variants(list: &str, codes: &[String]) -> Result<Vec<String>> {
    let mut variants: Vec<String> = Vec::new();
    for code in codes {
        let variant = variant(code);
        ensure!(
            !variants.contains(&variant) && variant != "Unlisted",
            "code list {list}: `{code}` and another code both become `{variant}`; give one a name in names.rs"
        );
        variants.push(variant);
    }
    Ok(variants)
}

fn variant(code: &str) -> String {
    match code {
        "<" => return "Less".to_owned(),
        "<=" => return "LessOrEqual".to_owned(),
        ">=" => return "GreaterOrEqual".to_owned(),
        ">" => return "Greater".to_owned(),
        "=" => return "Equal".to_owned(),
        _ => {}
    }
    let joined: String =
        code.split(|character: char| !character.is_ascii_alphanumeric()).map(upper_first).collect();
    match joined.chars().next() {
        Some(first) if first.is_ascii_alphabetic() && joined != "Self" => joined,
        _ => format!("Code{joined}"),
    }
}

/// The word for a cardinality: a key word of `describe!`, and a constructor of `ElementDefinition`.
pub(crate) fn cardinality(cardinality: Cardinality) -> Ident {
    let word = match (cardinality.required, cardinality.repeats) {
        (false, false) => "optional",
        (true, false) => "mandatory",
        (false, true) => "list",
        (true, true) => "mandatory_list",
    };
    Ident::new(word, Span::call_site())
}

/// The text with its first letter in upper case.
pub(crate) fn upper_first(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_standard_become_names_of_rust() {
        assert_eq!(type_name("Patient.Contact"), "PatientContact");
        assert_eq!(field_name("birthDate"), "birth_date");
        assert_eq!(field_ident("type").to_string(), "r#type");
        assert_eq!(alternative("value", "ResourceReference"), "valueResource");
        assert_eq!(alternative("value", "dateTime"), "valueDateTime");
    }

    #[test]
    fn codes_become_variants_without_clashes() {
        let codes = ["in progress", "<=", "12", "entered-in-error"].map(str::to_owned);
        let names = variants("Test", &codes).expect("no clash");
        assert_eq!(names, ["InProgress", "LessOrEqual", "Code12", "EnteredInError"]);
        assert!(variants("Test", &["a b".to_owned(), "a-b".to_owned()]).is_err());
    }
}
