//! Changes that insert something into a file: an element of another file, an attribute, Atom, or a piece of
//! markup. Also the reverse: changes that remove the content or attributes of an element.

use crate::mutate::{Kind, Mutant, Region, Source};
use crate::random::Random;

/// Attributes of FHIR, Atom and XML, and some that belong to none of them.
const ATTRIBUTES: &[&str] = &[
    "foo=\"a\"",
    "id=\"x1\"",
    "id=\"\"",
    "id=\"has blank\"",
    "url=\"http://example.org/u\"",
    "value=\"a\"",
    "value=\"\"",
    "value=\" \"",
    "contentType=\"text/plain\"",
    "type=\"text\"",
    "type=\"html\"",
    "type=\" xhtml \"",
    "type=\"HTML\"",
    "rel=\"self\"",
    "href=\"http://example.org/h\"",
    "title=\"\"",
    "hreflang=\"nl\"",
    "hreflang=\"n l\"",
    "length=\"12\"",
    "length=\"0\"",
    "length=\"+3\"",
    "label=\"\"",
    "term=\"t\"",
    "scheme=\"s\"",
    "ref=\"http://example.org/r\"",
    "when=\"2015-04-01T10:00:00Z\"",
    "xml:lang=\"nl\"",
    "xml:lang=\"nederlands-nl\"",
    "xml:lang=\"\"",
    "xml:base=\"http://example.org/\"",
    "xml:space=\"preserve\"",
    "xml:id=\"i\"",
    "class=\"c\"",
    "xmlns:zz=\"urn:zz\" zz:a=\"1\"",
    "zz:a=\"1\"",
    "xmlns:zz=\"\"",
    "xmlns:zz=\"urn:zz\"",
    "xmlns=\"urn:zz\"",
    "xmlns:xml=\"urn:zz\"",
    "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"http://hl7.org/fhir x.xsd\"",
];

/// Elements of a feed and an entry, valid and invalid. Their values are ordinary; other changes damage
/// values.
const ATOM: &[&str] = &[
    "<title xmlns=\"http://www.w3.org/2005/Atom\"/>",
    "<title xmlns=\"http://www.w3.org/2005/Atom\" type=\"text\">a &amp; b</title>",
    "<title xmlns=\"http://www.w3.org/2005/Atom\" type=\"html\">&lt;b&gt;a&lt;/b&gt;</title>",
    "<title xmlns=\"http://www.w3.org/2005/Atom\" type=\"xhtml\"><div xmlns=\"http://www.w3.org/1999/xhtml\">a</div></title>",
    "<title xmlns=\"http://www.w3.org/2005/Atom\" type=\"xhtml\">a<p xmlns=\"http://www.w3.org/1999/xhtml\">b</p>c</title>",
    "<title xmlns=\"http://www.w3.org/2005/Atom\"><b xmlns=\"http://www.w3.org/1999/xhtml\"/><b xmlns=\"http://www.w3.org/1999/xhtml\"/></title>",
    "<title xmlns=\"http://www.w3.org/2005/Atom\"><ul xmlns=\"http://www.w3.org/1999/xhtml\"/></title>",
    "<title xmlns=\"http://www.w3.org/2005/Atom\"><title/></title>",
    "<summary xmlns=\"http://www.w3.org/2005/Atom\"/>",
    "<summary xmlns=\"http://www.w3.org/2005/Atom\" type=\"text\" xml:lang=\"nl\">kort</summary>",
    "<summary xmlns=\"http://www.w3.org/2005/Atom\" type=\"html\">&lt;p&gt;kort&lt;/p&gt;</summary>",
    "<summary xmlns=\"http://www.w3.org/2005/Atom\" type=\"xhtml\"><div xmlns=\"http://www.w3.org/1999/xhtml\">a</div></summary>",
    "<summary xmlns=\"http://www.w3.org/2005/Atom\"><p xmlns=\"http://www.w3.org/1999/xhtml\">a</p></summary>",
    "<summary xmlns=\"http://www.w3.org/2005/Atom\"><div xmlns=\"http://www.w3.org/1999/xhtml\" foo=\"a\"/></summary>",
    "<id xmlns=\"http://www.w3.org/2005/Atom\"/>",
    "<id xmlns=\"http://www.w3.org/2005/Atom\" xml:base=\"http://example.org/\"> urn:a </id>",
    "<id xmlns=\"http://www.w3.org/2005/Atom\" type=\"text\">urn:a</id>",
    "<updated xmlns=\"http://www.w3.org/2005/Atom\"/>",
    "<updated xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"nl\">2015-04-01T10:00:00</updated>",
    "<updated xmlns=\"http://www.w3.org/2005/Atom\">2015-04-01</updated>",
    "<published xmlns=\"http://www.w3.org/2005/Atom\">2015-04-01T24:00:00Z</published>",
    "<link xmlns=\"http://www.w3.org/2005/Atom\"/>",
    "<link xmlns=\"http://www.w3.org/2005/Atom\" href=\"http://example.org/\" rel=\"self\" type=\"text/xml\" title=\"t\" hreflang=\"nl\" length=\"12\"/>",
    "<link xmlns=\"http://www.w3.org/2005/Atom\" href=\"http://example.org/\">text</link>",
    "<link xmlns=\"http://www.w3.org/2005/Atom\" href=\"http://example.org/\"><link href=\"a\"/></link>",
    "<category xmlns=\"http://www.w3.org/2005/Atom\" term=\"a\" scheme=\"b\">text</category>",
    "<category xmlns=\"http://www.w3.org/2005/Atom\" term=\"a\"/>",
    "<author xmlns=\"http://www.w3.org/2005/Atom\"/>",
    "<author xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"nl\"><name/></author>",
    "<author xmlns=\"http://www.w3.org/2005/Atom\"><uri>u</uri><name>n</name><uri>v</uri></author>",
    "<author xmlns=\"http://www.w3.org/2005/Atom\"><name>n</name><email>a@example.org</email></author>",
    "<author xmlns=\"http://www.w3.org/2005/Atom\"><name xml:lang=\"nl\">n</name><uri xml:lang=\"nl\">u</uri></author>",
    "<author xmlns=\"http://www.w3.org/2005/Atom\"><uri xml:lang=\"nl\">u</uri></author>",
    "<content xmlns=\"http://www.w3.org/2005/Atom\"/>",
    "<content xmlns=\"http://www.w3.org/2005/Atom\">text</content>",
    "<content xmlns=\"http://www.w3.org/2005/Atom\" type=\"text/xml\" xml:lang=\"nl\">a<Binary xmlns=\"http://hl7.org/fhir\" contentType=\"a\">AAAA</Binary>b</content>",
    "<content xmlns=\"http://www.w3.org/2005/Atom\" src=\"a\"><Patient xmlns=\"http://hl7.org/fhir\"/></content>",
    "<content xmlns=\"http://www.w3.org/2005/Atom\"><feed><title>t</title><id>urn:a</id><updated>2015-04-01T10:00:00Z</updated></feed></content>",
    "<content xmlns=\"http://www.w3.org/2005/Atom\"><feed><title>t</title></feed></content>",
    "<content xmlns=\"http://www.w3.org/2005/Atom\"><Patient xmlns=\"http://hl7.org/fhir\"/><Patient xmlns=\"http://hl7.org/fhir\"/></content>",
    "<entry xmlns=\"http://www.w3.org/2005/Atom\"/>",
    "<entry xmlns=\"http://www.w3.org/2005/Atom\" xml:base=\"http://example.org/\"><title/></entry>",
    "<deleted-entry xmlns=\"http://purl.org/atompub/tombstones/1.0\" ref=\"urn:a\" when=\"2015-04-01T10:00:00Z\"><link rel=\"self\" href=\"http://example.org/\"/></deleted-entry>",
    "<deleted-entry xmlns=\"http://purl.org/atompub/tombstones/1.0\" ref=\"urn:a\" when=\"2015-04-01T10:00:00\"><link href=\"u\"/></deleted-entry>",
    "<deleted-entry xmlns=\"http://purl.org/atompub/tombstones/1.0\" ref=\"urn:a\" when=\"2015-04-01T10:00:00Z\"><link rel=\"self\" href=\"u\" type=\"a\"/></deleted-entry>",
    "<deleted-entry xmlns=\"http://purl.org/atompub/tombstones/1.0\" ref=\"urn:a\" when=\"2015-04-01T10:00:00Z\"><link rel=\"self\" href=\"u\">text</link></deleted-entry>",
    "<deleted-entry xmlns=\"http://purl.org/atompub/tombstones/1.0\" ref=\"urn:a\" when=\"2015-04-01T10:00:00Z\"><link rel=\" self\" href=\"u\"/></deleted-entry>",
    "<deleted-entry xmlns=\"http://purl.org/atompub/tombstones/1.0\" ref=\"urn:a\" when=\"2015-04-01T10:00:00Z\" xml:lang=\"nl\"><link rel=\"self\" href=\"u\"/></deleted-entry>",
    "<deleted-entry xmlns=\"http://purl.org/atompub/tombstones/1.0\" ref=\"\" when=\"2015-04-01\"/>",
    "<totalResults xmlns=\"http://a9.com/-/spec/opensearch/1.1/\">3</totalResults>",
    "<totalResults xmlns=\"http://a9.com/-/spec/opensearch/1.1/\"> -3 </totalResults>",
    "<totalResults xmlns=\"http://a9.com/-/spec/opensearch/1.1/\" foo=\"a\">3</totalResults>",
    "<totalResults xmlns=\"http://a9.com/-/spec/opensearch/1.1/\"/>",
    "<score xmlns=\"http://a9.com/-/opensearch/extensions/relevance/1.0/\">0.5</score>",
    "<score xmlns=\"http://a9.com/-/opensearch/extensions/relevance/1.0/\"> -.50 </score>",
    "<score xmlns=\"http://a9.com/-/opensearch/extensions/relevance/1.0/\">1e3</score>",
    "<score xmlns=\"http://a9.com/-/opensearch/extensions/relevance/1.0/\"/>",
    "<rights xmlns=\"http://www.w3.org/2005/Atom\">r</rights>",
    "<Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\"/>",
    "<Signature/>",
    "text",
    "&#32;",
    "<!-- c -->",
];

/// Pieces of markup that can be inserted anywhere.
const MARKUP: &[&str] = &[
    "<",
    ">",
    "&",
    "/",
    "\"",
    "'",
    "=",
    ";",
    "]]>",
    "&amp;",
    "&lt;",
    "&#65;",
    "&#x1F600;",
    "&#0;",
    "&#xFFFE;",
    "&#32;",
    "&nbsp;",
    "&;",
    "&#;",
    "&#x;",
    "<!-- c -->",
    "<!-- -- -->",
    "<!--->",
    "<![CDATA[c]]>",
    "<![CDATA[ ]]>",
    "<![CDATA[]]>",
    "<![CDATA[",
    "<?p d?>",
    "<?p?>",
    "<?1?>",
    "<?p:q d?>",
    "<?xml version=\"1.0\"?>",
    "<?",
    "<!DOCTYPE a>",
    "<x/>",
    "<x>",
    "</x>",
    "<1/>",
    "<x:y/>",
    "<x y=\"1\" y=\"2\"/>",
    " ",
    "\n",
    "\t",
    "\r\n",
    "text",
    "\u{1}",
    "\u{7F}",
    "\u{85}",
    "\u{A0}",
    "\u{FEFF}",
    "\u{FFFD}",
    "\u{FFFE}",
    "\u{FFFF}",
    "é",
    "\u{1F600}",
    "xmlns=\"\"",
    " a=\"b\"",
    ":",
];

impl Source {
    /// Removes the content of an element, its attributes, or both.
    pub(crate) fn emptied(&self, random: &mut Random) -> Option<Mutant> {
        let index = self.inner_element(random)?;
        let element = &self.elements[index];
        let inner = element.inner();
        let (of_content, of_attributes, sort) = match random.below(3) {
            0 => (true, false, "without its content"),
            1 => (false, true, "without its attributes"),
            _ => (true, true, "without anything"),
        };
        let mut changes = Vec::new();
        if of_attributes {
            changes.extend(element.attributes.iter().map(|(whole, _)| (whole.clone(), String::new())));
        }
        if of_content {
            changes.extend(inner.filter(|inner| !inner.is_empty()).map(|inner| (inner, String::new())));
        }
        if changes.is_empty() {
            return None;
        }
        Some(self.change(Kind::Empty, index, sort, self.splice(&changes)))
    }

    /// Inserts an element of another file beside an element of this one, or into it.
    pub(crate) fn grafted(&self, donor: &Self, random: &mut Random) -> Option<Mutant> {
        let graft = donor.inner_element(random)?;
        let piece = donor.text[donor.elements[graft].whole.clone()].to_owned();
        let name = donor.name(graft).to_owned();
        self.brought_in(Kind::Graft, piece, &name, random)
    }

    pub(crate) fn with_attribute(&self, random: &mut Random) -> Option<Mutant> {
        let index = random.below(self.elements.len());
        let attribute = random.pick(ATTRIBUTES)?;
        let at = self.elements[index].name.end;
        let text = self.splice(&[(at..at, format!(" {attribute}"))]);
        let mut mutant = self.change(Kind::Attribute, index, "attribute added", text);
        mutant.what.push_str(&format!(": {attribute}"));
        Some(mutant)
    }

    /// Inserts a piece of Atom into a feed: an element, or an attribute of an element that is not FHIR's.
    pub(crate) fn with_atom(&self, random: &mut Random) -> Option<Mutant> {
        let is_atom = |index: &usize| self.elements[*index].region == Region::Bundle;
        let own: Vec<usize> = (0..self.elements.len()).filter(is_atom).collect();
        let &index = random.pick(&own)?;
        if random.below(4) == 0 {
            let attribute = random.pick(ATTRIBUTES)?;
            let at = self.elements[index].name.end;
            let text = self.splice(&[(at..at, format!(" {attribute}"))]);
            let mut mutant = self.change(Kind::Atom, index, "attribute added", text);
            mutant.what.push_str(&format!(": {attribute}"));
            return Some(mutant);
        }
        let piece = random.pick(ATOM)?;
        // Mostly a child of the feed or an entry.
        let at = match self.elements[index].parent.filter(|_| random.below(6) > 0) {
            Some(_) => self.elements[index].whole.end,
            None => self.elements[index].inner()?.start,
        };
        let mut mutant =
            self.change(Kind::Atom, index, "element added", self.splice(&[(at..at, (*piece).to_owned())]));
        mutant.what.push_str(&format!(": {piece}"));
        Some(mutant)
    }

    /// Inserts a piece of markup anywhere.
    pub(crate) fn with_markup(&self, random: &mut Random) -> Option<Mutant> {
        let index = random.below(self.elements.len());
        let piece = random.pick(MARKUP)?;
        let whole = self.elements[index].whole.clone();
        // Near the element's start, where its tag is.
        let mut at = whole.start + random.below(whole.len().min(80) + 1);
        while !self.text.is_char_boundary(at) {
            at += 1;
        }
        let mut mutant =
            self.change(Kind::Markup, index, "markup added", self.splice(&[(at..at, (*piece).to_owned())]));
        mutant.what.push_str(&format!(": {piece:?} at byte {at}"));
        Some(mutant)
    }

    fn brought_in(&self, kind: Kind, piece: String, name: &str, random: &mut Random) -> Option<Mutant> {
        let index = self.inner_element(random)?;
        let element = &self.elements[index];
        let (at, sort) = match random.below(3) {
            0 => (element.whole.start, "element before"),
            1 => (element.whole.end, "element behind"),
            _ => (element.inner()?.start, "element inside"),
        };
        let mut mutant = self.change(kind, index, sort, self.splice(&[(at..at, piece)]));
        mutant.what.push_str(&format!(": {name}"));
        Some(mutant)
    }
}
