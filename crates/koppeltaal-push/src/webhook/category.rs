//! The `Category` header, which holds DSTU1's tags outside a bundle. Here, the domain of the message is read.
//!
//! A tag is `term; scheme="..."; label="..."`; several are separated by commas or stand in headers of their
//! own. Quoted values may hold commas and semicolons. The domain is in the term, after `Domain#`, and may
//! hold blanks.

use http::{HeaderMap, HeaderName};

use super::text;

const CATEGORY: HeaderName = HeaderName::from_static("category");

/// The beginning of the term of a domain tag, before the name of the domain. `koppeltaal-messaging` has it,
/// too, but a receiver of wake-ups does not need that crate.
const DOMAIN_TAG_PREFIX: &str = "http://ggz.koppeltaal.nl/fhir/Koppeltaal/Domain#";

/// The name of the domain in the first domain tag.
pub(super) fn domain(headers: &HeaderMap) -> Option<String> {
    headers.get_all(CATEGORY).iter().find_map(|value| {
        let value = text(value.as_bytes());
        split_unquoted(&value, ',').find_map(|tag| {
            let term = split_unquoted(tag, ';').next()?.trim();
            let name = unquoted(term).strip_prefix(DOMAIN_TAG_PREFIX)?;
            (!name.is_empty()).then(|| name.to_owned())
        })
    })
}

/// The parts of a text between separators outside quotes. A quote that is never closed reaches to the end.
fn split_unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    text.split(move |character| {
        if escaped {
            escaped = false;
            return false;
        }
        match character {
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => return !quoted && character == separator,
        }
        false
    })
}

/// A term without the quotes that a sender may put around it by mistake.
fn unquoted(term: &str) -> &str {
    term.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(term)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn domain_of(values: &[&[u8]]) -> Option<String> {
        let values = values.iter().map(|value| (CATEGORY, HeaderValue::from_bytes(value).unwrap()));
        domain(&values.collect())
    }

    const KIS: &str = "http://ggz.koppeltaal.nl/fhir/Koppeltaal/Domain#Kis";

    #[test]
    fn the_domain_is_read_from_every_way_to_write_the_tag() {
        let scheme = "scheme=\"http://hl7.org/fhir/tag/security\"";
        for header in [
            KIS.to_owned(),
            format!("{KIS}; {scheme}"),
            format!("{KIS};{scheme};label=\"Kis\""),
            format!("  {KIS} ; label=\"Kis, and more; here\"; {scheme}"),
            format!("\"{KIS}\"; {scheme}"),
            format!("http://hl7.org/fhir/tag/message; scheme=\"http://hl7.org/fhir/tag\", {KIS}; {scheme}"),
            format!("http://a.example; label=\"a \\\" , b\", {KIS}"),
            format!("{KIS}; label=\"never ends, {KIS}2"),
        ] {
            assert_eq!(domain_of(&[header.as_bytes()]).as_deref(), Some("Kis"), "{header}");
        }
    }

    #[test]
    fn the_tag_may_stand_in_a_later_header() {
        assert_eq!(domain_of(&[b"http://hl7.org/fhir/tag/message", KIS.as_bytes()]).as_deref(), Some("Kis"));
    }

    #[test]
    fn names_keep_their_blanks_and_letters() {
        let named = |name: &str| domain_of(&[format!("{KIS} {name}; label=\"x\"").as_bytes()]);
        assert_eq!(named("van Zorg").as_deref(), Some("Kis van Zorg"));
        assert_eq!(named("Zuid-\u{d6}st").as_deref(), Some("Kis Zuid-\u{d6}st"));
        let latin_1 = [KIS.as_bytes(), b" \xd6st"].concat();
        assert_eq!(domain_of(&[&latin_1]).as_deref(), Some("Kis \u{d6}st"));
    }

    #[test]
    fn other_tags_name_no_domain() {
        for header in
            ["", "Kis", "http://ggz.koppeltaal.nl/fhir/Koppeltaal/Domain#", ";;,,;", "x; label=\"", "\""]
        {
            assert_eq!(domain_of(&[header.as_bytes()]), None, "{header}");
        }
        let in_a_label = format!("http://a.example; label=\"{KIS}\"");
        assert_eq!(domain_of(&[in_a_label.as_bytes()]), None);
        assert_eq!(domain_of(&[]), None);
    }
}
