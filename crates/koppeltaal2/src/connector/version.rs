//! Versions of resources as HTTP writes them: in `ETag`, `If-Match` and `Location`.

use http::HeaderValue;

use crate::connector::trace::is_id;

/// The version in an `ETag`: `W/"3"`, and what servers write instead: `"3"`, `3`.
pub(crate) fn from_etag(text: &str) -> Option<&str> {
    let text = text.trim();
    let text = text.strip_prefix("W/").or_else(|| text.strip_prefix("w/")).unwrap_or(text);
    let text = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    Some(text).filter(|text| is_id(text))
}

/// The value of `If-Match` for a version.
pub(crate) fn if_match(version: &str) -> Option<HeaderValue> {
    if !is_id(version) {
        return None;
    }
    HeaderValue::from_str(&format!("W/\"{version}\"")).ok()
}

/// The id in a `Location`: `{base}/{Type}/{id}`, with or without `/_history/{version}`.
pub(crate) fn id_from_location<'a>(location: &'a str, resource_type: &str) -> Option<&'a str> {
    let path = location.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let mut parts = path.rsplit('/');
    let mut last = parts.next()?;
    let mut before = parts.next()?;
    if before == "_history" {
        (last, before) = (parts.next()?, parts.next()?);
    }
    (before == resource_type && is_id(last)).then_some(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_version_is_read_from_every_way_to_write_an_etag() {
        for text in ["W/\"3\"", "\"3\"", "3", " W/\"3\" ", "w/\"3\""] {
            assert_eq!(from_etag(text), Some("3"), "{text}");
        }
        for text in ["", "W/\"\"", "W/\"3", "\"a b\"", "*"] {
            assert_eq!(from_etag(text), None, "{text}");
        }
    }

    #[test]
    fn the_id_of_what_was_created_is_read_from_its_location() {
        for location in
            ["https://a.example/fhir/Task/7/_history/1", "Task/7", "/fhir/Task/7/", "Task/7/_history/1?x"]
        {
            assert_eq!(id_from_location(location, "Task"), Some("7"), "{location}");
        }
        for location in ["", "7", "Patient/7", "Task/", "Task/_history/1", "Task/a b"] {
            assert_eq!(id_from_location(location, "Task"), None, "{location}");
        }
    }

    proptest! {
        #[test]
        fn a_version_that_is_written_reads_the_same(version in "[A-Za-z0-9.-]{1,64}") {
            let header = if_match(&version).expect("a version");
            prop_assert_eq!(from_etag(header.to_str().expect("text")), Some(&*version));
        }

        #[test]
        fn whatever_a_server_writes_is_a_version_or_nothing(text in "\\PC{0,80}") {
            prop_assert!(from_etag(&text).is_none_or(is_id));
            prop_assert!(id_from_location(&text, "Task").is_none_or(is_id));
        }

        #[test]
        fn what_cannot_be_a_version_is_no_header(text in "\\PC{0,70}") {
            prop_assert_eq!(if_match(&text).is_some(), is_id(&text));
        }
    }
}
