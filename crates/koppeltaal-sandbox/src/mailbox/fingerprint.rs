//! [`Fingerprint`]: tells whether the content of a resource has changed since it was last posted.

use std::sync::LazyLock;

use koppeltaal_fhir::{Resource, WriteError};
use memchr::memchr2;
use memchr::memmem::Finder;
use sha2::{Digest as _, Sha256};

/// A digest. It stays the same across releases, because data files have it.
pub(crate) type Fingerprint = [u8; 32];

/// The digest of the JSON that the content is written as, so that JSON and XML senders agree. Ids of elements
/// do not count: deployed connectors make new ones each time they write what they read.
pub(super) fn fingerprint(resource: &Resource) -> Result<Fingerprint, WriteError> {
    let json = resource.to_json()?;
    let mut hash = Sha256::new();
    without_ids(json.as_bytes(), |part| hash.update(part));
    Ok(hash.finalize().into())
}

/// Passes on the JSON in parts, without its members `id` whose value is text. The JSON has to be as the model
/// writes it: correct, and without white space.
fn without_ids(json: &[u8], mut give: impl FnMut(&[u8])) {
    static MEMBER: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(br#""id":""#));
    let (mut given, mut place) = (0, 0);
    while let Some(found) = MEMBER.find(&json[place..]) {
        let start = place + found;
        place = start + MEMBER.needle().len();
        // Inside a text the first quote would be escaped; a longer name that ends in `id` has another
        // character before it.
        if !matches!(json[..start].last(), Some(b'{' | b',')) {
            continue;
        }
        let after = end_of_text(json, place - 1);
        // The member goes with one comma: the one after it, or else the one before it.
        let is_followed = json.get(after) == Some(&b',');
        let is_last = !is_followed && start > given && json[start - 1] == b',';
        give(&json[given..start - usize::from(is_last)]);
        given = after + usize::from(is_followed);
        place = given;
    }
    give(&json[given..]);
}

/// The place after the text whose opening quote is at `start`.
fn end_of_text(json: &[u8], start: usize) -> usize {
    let mut place = start + 1;
    while let Some(found) = memchr2(b'"', b'\\', &json[place..]) {
        place += found;
        if json[place] == b'"' {
            return place + 1;
        }
        place = json.len().min(place + 2);
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use koppeltaal_fhir::ReadOptions;

    use super::*;

    fn without(json: &str) -> String {
        let mut left = Vec::new();
        without_ids(json.as_bytes(), |part| left.extend_from_slice(part));
        String::from_utf8(left).expect("text")
    }

    #[test]
    fn ids_are_left_out_wherever_they_stand() {
        for (json, left) in [
            (r#"{"id":"1"}"#, "{}"),
            (r#"{"id":"1","a":2}"#, r#"{"a":2}"#),
            (r#"{"a":2,"id":"1"}"#, r#"{"a":2}"#),
            (
                r#"{"a":2,"id":"1","b":[{"id":"x\"\\","c":true},{"id":"y"}]}"#,
                r#"{"a":2,"b":[{"c":true},{}]}"#,
            ),
            (r#"{"a":{"id":"1"},"id":"2"}"#, r#"{"a":{}}"#),
        ] {
            assert_eq!(without(json), left);
        }
    }

    #[test]
    fn texts_that_look_like_ids_stay() {
        for json in [
            r#"{"a":"\"id\":\"1\""}"#,
            r#"{"a":["id","1"],"grid":"1","_id":{"x":1}}"#,
            r#"{"a":"id"}"#,
            r#"{"a":"\\","b":"id"}"#,
            r#"{"a,\"id":"1","b":[",\"id\":\"1\""]}"#,
        ] {
            assert_eq!(without(json), json);
        }
    }

    #[test]
    fn json_that_is_cut_off_is_no_trouble() {
        let whole = r#"{"a":"\"","id":"1","b":[{"id":"x\\"}]}"#;
        for end in 0..whole.len() {
            without(&whole[..end]);
        }
    }

    #[test]
    fn both_formats_have_one_fingerprint_and_other_content_another() {
        let read = |json: bool, text: &str| {
            let read = if json {
                ReadOptions::tolerant().json(text.as_bytes())
            } else {
                ReadOptions::tolerant().xml(text.as_bytes())
            };
            let document = read.expect("a resource").document;
            fingerprint(&document.into_resource().expect("a resource")).expect("it can be written")
        };
        let json = read(
            true,
            r#"{"birthDate":"1970-03-30","id":"7","resourceType":"Patient","name":[{"id":"n","family":["Duinroos"]}]}"#,
        );
        let xml = r#"<Patient xmlns="http://hl7.org/fhir"><name id="m"><family value="Duinroos"/></name><birthDate value="1970-03-30"/></Patient>"#;
        assert_eq!(read(false, xml), json);
        assert_ne!(read(false, &xml.replace("Duinroos", "Duindoorn")), json);
    }
}
