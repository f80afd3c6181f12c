//! Narratives that are HTML: made XHTML, on request.
//!
//! JSON carries a narrative as text, and some senders put there what their editor gave: `<br>`, upper-case
//! names, `&` as it is, attributes without quotes, Word's `<o:p>`. Such a narrative cannot be written as XML.
//! The repair reads it roughly as a browser would, and writes tags, attributes and characters as XML wants
//! them; the text itself stays. It is one pass without recursion. The result is checked like any narrative
//! before it is used.

mod html;
mod kind;

use std::fmt::Write as _;

use html::{CLOSING, RAW, VOID};
use kind::Repair;

use crate::markup::named_character;
use crate::xhtml::{XHTML_NAMESPACE, Xhtml};
use crate::xml::{escape_attribute, is_unprefixed_name, is_xml_character};

impl Xhtml {
    /// The narrative as XHTML, made of HTML, and for each kind of repair what is expected and what was there.
    pub(crate) fn repaired(&self, depth: usize) -> Option<(Self, Vec<(&'static str, &'static str)>)> {
        let (markup, repairs) = repair(self.as_str(), depth)?;
        Some((Self::from_markup(markup), repairs.into_iter().map(Repair::describe).collect()))
    }
}

/// The narrative as XHTML, and what was done to it. `None` if elements stand deeper than `depth` in each
/// other.
fn repair(markup: &str, depth: usize) -> Option<(String, Vec<Repair>)> {
    let mut mender = Mender { out: String::with_capacity(markup.len()), ..Mender::default() };
    let mut rest = markup.trim();
    while !rest.is_empty() {
        rest = if rest.starts_with('<') {
            mender.markup(rest)
        } else {
            mender.text(rest, rest.find('<').unwrap_or(rest.len()))
        };
        if mender.open.len() > depth {
            return None;
        }
    }
    if !mender.open.is_empty() {
        mender.did(Repair::Open);
        mender.close_to(0);
    }
    let Mender { mut out, mut repairs, roots, is_div, .. } = mender;
    if roots != 1 || !is_div {
        repairs.push(Repair::Wrapped);
        out = format!("<div xmlns=\"{XHTML_NAMESPACE}\">{out}</div>");
    }
    repairs.sort_unstable();
    repairs.dedup();
    Some((out, repairs))
}

#[derive(Default)]
struct Mender<'m> {
    out: String,
    /// The names of the elements that are open, as they were written.
    open: Vec<&'m str>,
    repairs: Vec<Repair>,
    /// Ends that are known not to follow, so that each is searched for in vain only once.
    absent: Vec<&'static str>,
    /// How many elements and texts stand outside of elements, two at most.
    roots: usize,
    /// Whether the first of them is a `div`.
    is_div: bool,
}

impl<'m> Mender<'m> {
    fn did(&mut self, repair: Repair) {
        if !self.repairs.contains(&repair) {
            self.repairs.push(repair);
        }
    }

    /// Notes an element or text, and whether it is a `div`.
    fn root(&mut self, is_div: bool) {
        if self.open.is_empty() && self.roots < 2 {
            self.is_div = self.roots == 0 && is_div;
            self.roots += 1;
        }
    }

    /// Takes what starts with a `<`; returns what follows.
    fn markup(&mut self, rest: &'m str) -> &'m str {
        if let Some(behind) = rest.strip_prefix("<!--") {
            return self.comment(behind);
        }
        if let Some(content) = rest.strip_prefix("<![CDATA[")
            && let Some(length) = self.find(content, "]]>")
        {
            let (content, behind) = (&content[..length], &content[length + "]]>".len()..]);
            self.root(false);
            self.out.push_str("<![CDATA[");
            self.characters(content);
            self.out.push_str("]]>");
            return behind;
        }
        if rest.starts_with("<!") || rest.starts_with("<?") {
            self.did(Repair::Remark);
            return rest.split_once('>').map_or("", |(_, behind)| behind);
        }
        if let Some(name) = rest.strip_prefix("</") {
            return self.end_tag(name);
        }
        if rest[1..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            return self.start_tag(&rest[1..]);
        }
        self.root(false);
        self.did(Repair::Character);
        self.out.push_str("&lt;");
        &rest[1..]
    }

    fn comment(&mut self, rest: &'m str) -> &'m str {
        let (content, behind) = rest.split_once("-->").unwrap_or_else(|| {
            self.repairs.push(Repair::Remark);
            (rest, "")
        });
        self.out.push_str("<!--");
        if content.contains("--") || content.ends_with('-') {
            self.did(Repair::Remark);
            self.characters(&content.replace('-', "\u{2010}"));
        } else {
            self.characters(content);
        }
        self.out.push_str("-->");
        behind
    }

    /// Where this end is, in upper or lower case. At most one search per end runs to the end of the text in
    /// vain.
    fn find(&mut self, rest: &str, end: &'static str) -> Option<usize> {
        if self.absent.contains(&end) {
            return None;
        }
        let found =
            rest.as_bytes().windows(end.len()).position(|part| part.eq_ignore_ascii_case(end.as_bytes()));
        if found.is_none() {
            self.absent.push(end);
        }
        found
    }

    /// Takes text of this length; returns what follows.
    fn text(&mut self, rest: &'m str, length: usize) -> &'m str {
        let (text, behind) = rest.split_at(length);
        if !text.trim().is_empty() {
            self.root(false);
        }
        let escaped = self.references(text);
        self.characters(&escaped.replace('<', "&lt;").replace("]]>", "]]&gt;"));
        behind
    }

    /// The text, in which each `&` is part of a reference that XML knows.
    fn references(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('&') {
            out.push_str(&rest[..at]);
            let reference = &rest[at..];
            if let Some((character, length)) = named_character(reference) {
                self.did(Repair::Character);
                out.push(character);
                rest = &reference[length..];
            } else {
                let is_known = is_reference(reference);
                out.push_str(if is_known { "&" } else { "&amp;" });
                if !is_known {
                    self.did(Repair::Character);
                }
                rest = &reference[1..];
            }
        }
        out.push_str(rest);
        out
    }

    /// Writes characters, without those that XML cannot hold.
    fn characters(&mut self, text: &str) {
        let before = self.out.len();
        self.out.extend(text.chars().filter(|character| is_xml_character(*character)));
        if self.out.len() - before != text.len() {
            self.did(Repair::Forbidden);
        }
    }

    /// Closes elements until `left` are open.
    fn close_to(&mut self, left: usize) {
        while self.open.len() > left
            && let Some(name) = self.open.pop()
        {
            let _ = write!(self.out, "</{}>", name.to_ascii_lowercase());
        }
    }

    fn end_tag(&mut self, rest: &'m str) -> &'m str {
        let (name, behind) = rest.split_once('>').unwrap_or((rest, ""));
        let name = name.trim();
        match self.open.iter().rposition(|open| open.eq_ignore_ascii_case(name)) {
            Some(place) => {
                if place + 1 < self.open.len() {
                    self.did(Repair::Open);
                }
                if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
                    self.did(Repair::Case);
                }
                self.close_to(place);
            }
            None => self.did(if name.contains(':') { Repair::Prefix } else { Repair::End }),
        }
        behind
    }

    /// Takes a start tag. `rest` starts with its name.
    fn start_tag(&mut self, rest: &'m str) -> &'m str {
        let is_end = |c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/' | '<' | '=' | '"' | '\'');
        let (written, mut rest) = rest.split_at(rest.find(is_end).unwrap_or(rest.len()));
        let name = written.to_ascii_lowercase();
        if name != written {
            self.did(Repair::Case);
        }
        let mut attributes: Vec<(String, String)> = Vec::new();
        let is_closed = loop {
            rest = rest.trim_start();
            if let Some(behind) = rest.strip_prefix('>') {
                rest = behind;
                break false;
            }
            if let Some(behind) = rest.strip_prefix("/>") {
                rest = behind;
                break true;
            }
            if rest.is_empty() || rest.starts_with('<') {
                self.did(Repair::Open);
                break false;
            }
            rest = self.attribute(rest, &mut attributes);
        };
        if !is_unprefixed_name(&name) {
            // What is inside stays.
            self.did(Repair::Prefix);
            return rest;
        }
        let raw = match RAW.iter().find(|(raw, _)| *raw == name).filter(|_| !is_closed) {
            None => None,
            Some((_, end)) => match self.find(rest, end) {
                // Without an end it would hide all that follows. What is inside stays.
                None => {
                    self.did(Repair::Open);
                    return rest;
                }
                found => found,
            },
        };
        self.close_implied(&name);
        self.root(name == "div");
        self.out.push('<');
        self.out.push_str(&name);
        for (name, value) in attributes {
            let mut escaped = Vec::new();
            if escape_attribute(&mut escaped, &value).is_ok() {
                let _ = write!(self.out, " {name}=\"{}\"", String::from_utf8_lossy(&escaped));
            }
        }
        if is_closed || VOID.contains(&&*name) {
            if !is_closed {
                self.did(Repair::Void);
            }
            self.out.push_str("/>");
            return rest;
        }
        self.out.push('>');
        self.open.push(written);
        if let Some(length) = raw {
            return self.text(rest, length);
        }
        rest
    }

    /// Closes open elements that cannot hold an element of this name.
    fn close_implied(&mut self, name: &str) {
        for (_, closed, between) in CLOSING.iter().filter(|(opening, ..)| opening.contains(&name)) {
            let is = |names: &[&str], open: &str| names.iter().any(|name| name.eq_ignore_ascii_case(open));
            let place = self.open.iter().rposition(|open| is(closed, open) || is(between, open));
            if let Some(place) = place.filter(|place| is(closed, self.open[*place])) {
                self.did(Repair::Open);
                self.close_to(place);
            }
        }
    }

    /// Takes one attribute; returns what follows.
    fn attribute(&mut self, rest: &'m str, attributes: &mut Vec<(String, String)>) -> &'m str {
        let is_end = |c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/' | '=');
        // A lone `/`, `=` or quote is no name.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let (written, behind) =
            rest.split_at(rest[first..].find(is_end).map_or(rest.len(), |end| first + end));
        let name = written.to_ascii_lowercase();
        let after_name = behind.trim_start();
        let (value, behind, is_quoted) = match after_name.strip_prefix('=') {
            None => (written, behind, false),
            Some(value) => quoted(value.trim_start()),
        };
        let is_declaration = name == "xmlns" || name.starts_with("xmlns:");
        let is_kept = match name.as_str() {
            "xmlns" => value == XHTML_NAMESPACE,
            "xml:lang" | "xml:space" => true,
            _ => is_unprefixed_name(&name),
        };
        let is_again = attributes.iter().any(|(other, _)| *other == name);
        if name != written {
            self.did(Repair::Case);
        }
        if !is_quoted || is_again || !is_kept && !is_declaration {
            self.did(Repair::Attribute);
        }
        if !is_kept {
            self.did(Repair::Prefix);
        } else if !is_again && attributes.len() < MOST_ATTRIBUTES {
            let value = self.references(value);
            let plain = crate::xml::unescape(&value, false).map(std::borrow::Cow::into_owned);
            let value = plain.unwrap_or_else(|_| value.clone());
            attributes.push((name, value));
        }
        behind
    }
}

/// More attributes than any element of XHTML has. The bound is needed because they are searched one by one.
const MOST_ATTRIBUTES: usize = 64;

/// The value at the start of a text, what follows it, and whether it has quotes.
fn quoted(text: &str) -> (&str, &str, bool) {
    for quote in ['"', '\''] {
        if let Some(value) = text.strip_prefix(quote)
            && let Some((value, behind)) = value.split_once(quote)
        {
            return (value, behind, true);
        }
    }
    let end = text.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(text.len());
    let (value, behind) = text.split_at(end);
    (value, behind, false)
}

/// Whether a reference that XML knows is at the start.
fn is_reference(text: &str) -> bool {
    let window = &text.as_bytes()[..text.len().min(12)];
    let length = memchr::memchr(b';', window).map(|length| length + 1);
    length
        .and_then(|length| text.get(..length))
        .is_some_and(|reference| crate::xml::unescape(reference, false).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repaired(markup: &str) -> String {
        let (out, _) = repair(markup, 96).expect("not deep");
        roxmltree::Document::parse(&out).unwrap_or_else(|error| panic!("{error}: {out}"));
        out
    }

    #[test]
    fn html_becomes_xhtml() {
        for (html, xhtml) in [
            ("<div>a<br>b<hr>c</div>", "<div>a<br/>b<hr/>c</div>"),
            ("<DIV><P Class=x>a</p></DIV>", "<div><p class=\"x\">a</p></div>"),
            ("<div>Bos & Zn &nbsp;&copy; &lt; 1 < 2</div>", "<div>Bos &amp; Zn \u{A0}© &lt; 1 &lt; 2</div>"),
            (
                "<div><input disabled value='a&b\"'></div>",
                "<div><input disabled=\"disabled\" value=\"a&amp;b&quot;\"/></div>",
            ),
            (
                "<div><p>een<p>twee<ul><li>a<li>b</ul></div>",
                "<div><p>een</p><p>twee</p><ul><li>a</li><li>b</li></ul></div>",
            ),
            (
                "<div><table><tr><td>1<td>2<tr><td>3</table></div>",
                "<div><table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table></div>",
            ),
            (
                "<div><table><thead><tr><th>a<tbody><tr><td>1<tbody><tr><td>2<tfoot><tr><td>3</table></div>",
                "<div><table><thead><tr><th>a</th></tr></thead><tbody><tr><td>1</td></tr></tbody>\
                 <tbody><tr><td>2</td></tr></tbody><tfoot><tr><td>3</td></tr></tfoot></table></div>",
            ),
            (
                "<div><table><caption>a<colgroup><col><col><tr><td>1</table></div>",
                "<div><table><caption>a</caption><colgroup><col/><col/></colgroup>\
                 <tr><td>1</td></tr></table></div>",
            ),
            (
                "<div><table><tbody><tr><td><table><tbody><tr><td>1</table><td>2</table></div>",
                "<div><table><tbody><tr><td><table><tbody><tr><td>1</td></tr></tbody></table></td>\
                 <td>2</td></tr></tbody></table></div>",
            ),
            (
                "<div><video><source src=a><track src=b>x</video>y</div>",
                "<div><video><source src=\"a\"/><track src=\"b\"/>x</video>y</div>",
            ),
            ("<div><b><i>x</b></i></div>", "<div><b><i>x</i></b></div>"),
            ("<div>x<o:p>&nbsp;</o:p></div>", "<div>x\u{A0}</div>"),
            ("<div w:a='1' id=a id=b>x</div>", "<div id=\"a\">x</div>"),
            ("<div><!-- a -- b -->x<!doctype html></div>", "<div><!-- a \u{2010}\u{2010} b -->x</div>"),
            ("<div>a\u{1}b\u{FFFF}c</div>", "<div>abc</div>"),
            ("<div><style>a > b < c</style></div>", "<div><style>a > b &lt; c</style></div>"),
            (
                "<div><a href=http://x.example/?a=1&b=2>x</a>",
                "<div><a href=\"http://x.example/?a=1&amp;b=2\">x</a></div>",
            ),
            ("Alleen tekst", "<div xmlns=\"http://www.w3.org/1999/xhtml\">Alleen tekst</div>"),
            ("<p>a</p><p>b</p>", "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>a</p><p>b</p></div>"),
        ] {
            assert_eq!(repaired(html), xhtml, "{html}");
        }
    }

    #[test]
    fn a_style_without_an_end_hides_nothing() {
        let (out, _) = repair("<div><STYLE>p</style><p>after</p></div>", 9).expect("a narrative");
        assert!(out.contains("<style>p</style><p>after</p>"), "{out}");
        let (out, repairs) = repair("<div><style><p>after</p></div>", 9).expect("a narrative");
        assert!(out.contains("<p>after</p>") && !out.contains("style"), "{out}");
        assert!(repairs.contains(&Repair::Open));
    }

    #[test]
    fn what_is_xhtml_stays_as_it_is() {
        for xhtml in [
            "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>a &amp; b &#233;</p><!-- c --></div>",
            "<div><![CDATA[a & b < c]]><img src=\"#a\" alt=\"\"/></div>",
        ] {
            assert_eq!(repair(xhtml, 96), Some((xhtml.to_owned(), Vec::new())));
        }
    }

    #[test]
    fn no_text_breaks_the_repair() {
        use proptest::prelude::*;

        let pieces = proptest::collection::vec(
            proptest::sample::select(vec![
                "<",
                ">",
                "/",
                "</",
                "/>",
                "=",
                "\"",
                "'",
                "&",
                ";",
                "<!--",
                "-->",
                "<![CDATA[",
                "]]>",
                "<?",
                "<!",
                "div",
                "<div>",
                "</div>",
                "<p>",
                "<br>",
                "a",
                " ",
                "é",
                "\u{1}",
                "x:",
                "<x:y>",
                "<td>",
                "<li",
                "<script>",
                "xmlns",
                "--",
            ]),
            0..40,
        );
        proptest!(|(pieces in pieces)| {
            let html = pieces.concat();
            if let Some((out, _)) = repair(&html, 96) {
                prop_assert!(roxmltree::Document::parse(&out).is_ok(), "{html:?} became {out:?}");
            }
        });
        assert_eq!(repair(&"<b>".repeat(100_000), 96), None);
    }
}
