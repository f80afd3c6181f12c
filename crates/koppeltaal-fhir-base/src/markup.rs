//! Markup that stands as text: narratives and signatures in JSON, or made by an application. To stand in an
//! XML document without changing its meaning, it must be one well-formed element that declares its own
//! namespace.

use std::borrow::Cow;

use crate::findings::FindingList;
use crate::limits::Limits;
use crate::primitives::is_xml_space;
use crate::xhtml::{Refusal, XHTML_NAMESPACE, Xhtml};
use crate::xml::fragment::{self, NARRATIVE, SIGNATURE};
use crate::xml::unescape;

/// A narrative that can stand in XML.
pub struct XmlNarrative<'m> {
    /// One div, with the declaration of its namespace, and no named characters but the five of XML.
    pub markup: Cow<'m, str>,
    /// What FHIR does not allow in it, without places.
    pub findings: FindingList,
}

/// The result of examining a well-formed narrative.
#[derive(Debug)]
pub struct Examination {
    /// What FHIR does not allow in it, without places.
    pub findings: FindingList,
    /// Whether the markup can stand in XML as it is.
    pub is_xml: bool,
}

/// Makes a narrative XML: named characters become themselves, the namespace is declared.
pub fn narrative(markup: &str, limits: Limits) -> Result<XmlNarrative<'_>, Refusal> {
    let resolved = resolve_named_characters(markup.trim_matches(is_xml_space));
    let fragment = fragment::read(&resolved, NARRATIVE, limits)?;
    let div = |whole: &str| {
        let div = whole.get(fragment.place.clone()).unwrap_or_default();
        match div.strip_prefix("<div").filter(|_| fragment.is_bare) {
            Some(after_name) => format!("<div xmlns=\"{XHTML_NAMESPACE}\"{after_name}"),
            None => div.to_owned(),
        }
    };
    let markup = match resolved {
        Cow::Borrowed(whole) if !fragment.is_bare => {
            Cow::Borrowed(whole.get(fragment.place).unwrap_or_default())
        }
        whole => Cow::Owned(div(&whole)),
    };
    Ok(XmlNarrative { markup, findings: fragment.findings })
}

impl Xhtml {
    /// What is wrong with the markup, if it is not what FHIR allows in a narrative.
    pub(crate) fn examine(&self, limits: Limits) -> Result<Examination, Refusal> {
        let narrative = narrative(self.as_str(), limits)?;
        let is_xml = narrative.markup == self.as_str();
        Ok(Examination { findings: narrative.findings, is_xml })
    }
}

/// Fails unless the markup is one `Signature` of XML signatures.
pub fn check_signature(markup: &str, limits: Limits) -> Result<(), Refusal> {
    fragment::read(markup, SIGNATURE, limits).map(drop)
}

/// Parts in which `&` has no meaning, by their start and end.
const OPAQUE: [(&str, &str); 3] = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")];

/// Turns `&nbsp;` and its kin into characters. The five references of XML, numeric ones, and everything that
/// is no reference stay as they are.
fn resolve_named_characters(markup: &str) -> Cow<'_, str> {
    if memchr::memchr(b'&', markup.as_bytes()).is_none() {
        return Cow::Borrowed(markup);
    }
    let mut out = String::with_capacity(markup.len());
    let mut rest = markup;
    while let Some(at) = memchr::memchr2(b'&', b'<', rest.as_bytes()) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let opaque = OPAQUE.iter().find(|(start, _)| special.starts_with(start));
        let length = match opaque {
            Some((start, end)) => {
                let content = &special[start.len()..];
                content.find(end).map_or(special.len(), |length| start.len() + length + end.len())
            }
            None => match named_character(special) {
                Some((character, length)) => {
                    out.push(character);
                    rest = &special[length..];
                    continue;
                }
                None => 1,
            },
        };
        out.push_str(&special[..length]);
        rest = &special[length..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// No name of a character is longer.
const LONGEST_NAME: usize = 40;

/// The character that the reference at the start of a text names (`&nbsp;`), and the length of the reference.
/// `None` for the five of XML, which stay.
pub fn named_character(text: &str) -> Option<(char, usize)> {
    let window = &text.as_bytes()[..text.len().min(LONGEST_NAME)];
    let length = memchr::memchr(b';', window)? + 1;
    let reference = text.get(..length)?;
    let name = reference.strip_prefix('&')?;
    if name.starts_with('#') || matches!(name, "lt;" | "gt;" | "amp;" | "quot;" | "apos;") {
        return None;
    }
    let character = unescape(reference, true).ok()?.chars().next()?;
    // HTML 5 has more names for the characters of markup. Resolved, they would become markup.
    (!matches!(character, '<' | '>' | '&' | '"' | '\'')).then_some((character, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xml(markup: &str) -> Result<String, String> {
        narrative(markup, Limits::default())
            .map(|narrative| narrative.markup.into_owned())
            .map_err(Refusal::into_problem)
    }

    #[test]
    fn a_narrative_is_changed_only_where_xml_needs_it() {
        const DECLARED: &str = "<div xmlns=\"http://www.w3.org/1999/xhtml\">";
        for (markup, inside) in [
            ("<div>a&nbsp;b &amp; c &#233;</div>", "a\u{A0}b &amp; c &#233;"),
            ("<div><!-- Bos & Zn &nbsp; --></div>", "<!-- Bos & Zn &nbsp; -->"),
            ("<div><![CDATA[1 < 2 & &nbsp;]]>&eacute;</div>", "<![CDATA[1 < 2 & &nbsp;]]>é"),
            ("<div><?merk a & b?></div>", "<?merk a & b?>"),
            (" \n<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div> ", "x"),
            ("<!-- voor --><div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>", "x"),
        ] {
            assert_eq!(xml(markup), Ok(format!("{DECLARED}{inside}</div>")), "{markup}");
        }
        let prefixed = "<h:div xmlns:h=\"http://www.w3.org/1999/xhtml\"><h:p>x</h:p></h:div>";
        assert_eq!(xml(prefixed).as_deref(), Ok(prefixed));
    }

    #[test]
    fn what_is_no_xml_is_refused_as_in_a_document() {
        for (markup, problem) in [
            ("<div>\u{1}</div>", "U+0001"),
            ("<div>\u{FFFE}</div>", "U+FFFE"),
            ("<div><2b/></div>", "name"),
            ("<div><p id='a' id='b'/></div>", "twice"),
            ("<div><w:p/></div>", "`w` is not declared"),
            ("<div w:a=''/>", "`w` is not declared"),
            ("<div xmlns:w=''/>", "no namespace"),
            ("<div>a & b</div>", "`&`"),
            ("<div>&onbekend;</div>", "reference"),
            ("<div>&LT;b&GT;</div>", "reference"),
            ("<div/><div/>", "more than one"),
            ("<div/>na", "behind"),
            ("voor<div/>", "should start"),
            ("<p/>", "not a <div"),
            ("<div xmlns=''/>", "not a <div"),
            ("<?xml version='1.0'?><div/>", "declaration"),
            ("<div><br></div>", "</br>"),
            ("<div>", "ends inside"),
            ("", "should start"),
        ] {
            let refusal = xml(markup).expect_err("refused");
            assert!(refusal.contains(problem), "{markup}: {refusal}");
        }
    }

    #[test]
    fn the_depth_of_markup_has_the_limit_of_documents() {
        let deep = |levels: usize| format!("<div>{}{}</div>", "<b>".repeat(levels), "</b>".repeat(levels));
        let limits = Limits { depth: 9, ..Limits::default() };
        assert!(narrative(&deep(8), limits).is_ok());
        assert!(matches!(narrative(&deep(9), limits), Err(Refusal::Limit(_))));
    }
}
