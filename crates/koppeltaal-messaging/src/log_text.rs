//! What the texts of errors show of a message: codes and types, nothing that can be data of a patient.

use std::fmt;

use crate::url::ResourceUrl;

/// The longest code that is shown. Koppeltaal's own have up to 36 characters.
const LONGEST_CODE: usize = 60;

/// A code in quotes, if it looks like one: ASCII letters and hyphens only, such as `CreateOrUpdatePatient`.
pub(crate) fn code(text: &str) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        let is_code = (1..=LONGEST_CODE).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-');
        match text {
            text if is_code => write!(f, "{text:?}"),
            "" => f.write_str("an empty code"),
            _ => f.write_str("a text that does not look like a code"),
        }
    })
}

/// The same for a code that may be absent.
pub(crate) fn code_or_none(text: &Option<String>) -> impl fmt::Display {
    fmt::from_fn(move |f| match text {
        Some(text) => write!(f, "{}", code(text)),
        None => f.write_str("(none)"),
    })
}

/// The types of these resources. Their ids are left out, because they may be those of patients.
pub(crate) fn types<'a>(urls: impl Iterator<Item = &'a ResourceUrl>) -> String {
    urls.map(ResourceUrl::resource_type).collect::<Vec<_>>().join(", ")
}
