//! Seeded small changes to XML files: one element dropped, doubled, moved or misspelt, or one value damaged.
//! Changes that insert something are in module `insert`.
//!
//! A change is made in the text, at the byte ranges that a scan of the file gave, so everything around it
//! stays as its author wrote it. Most mutants are well-formed; the question is whether they are still valid.

use std::collections::BTreeMap;
use std::ops::Range;

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};

use crate::random::Random;

/// What is done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Drop,
    Duplicate,
    Reorder,
    Misspell,
    Damage,
    Empty,
    Graft,
    Attribute,
    Atom,
    Markup,
}

pub(crate) const KINDS: [Kind; 10] = [
    Kind::Drop,
    Kind::Duplicate,
    Kind::Reorder,
    Kind::Misspell,
    Kind::Damage,
    Kind::Empty,
    Kind::Graft,
    Kind::Attribute,
    Kind::Atom,
    Kind::Markup,
];

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Duplicate => "duplicate",
            Self::Reorder => "reorder",
            Self::Misspell => "misspell",
            Self::Damage => "damage",
            Self::Empty => "empty",
            Self::Graft => "graft",
            Self::Attribute => "attribute",
            Self::Atom => "atom",
            Self::Markup => "markup",
        }
    }
}

/// Which standard defines an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Region {
    Resource,
    Bundle,
    Narrative,
}

pub(crate) const REGIONS: [Region; 3] = [Region::Resource, Region::Bundle, Region::Narrative];

impl Region {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::Bundle => "bundle",
            Self::Narrative => "narrative",
        }
    }

    fn of(namespace: &ResolveResult<'_>) -> Self {
        match namespace {
            ResolveResult::Bound(Namespace("http://www.w3.org/1999/xhtml")) => Self::Narrative,
            ResolveResult::Bound(Namespace("http://hl7.org/fhir")) => Self::Resource,
            _ => Self::Bundle,
        }
    }
}

/// A file with one change.
pub(crate) struct Mutant {
    pub(crate) text: String,
    pub(crate) kind: Kind,
    pub(crate) region: Region,
    /// The path of the element and the change, for people.
    pub(crate) what: String,
    /// The sort of change, by which disagreements are grouped.
    pub(crate) sort: &'static str,
}

/// A file, with the places of its elements.
pub(crate) struct Source {
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) elements: Vec<Element>,
    /// Pairs of elements: each element with the next sibling that has another name.
    swappable: Vec<(usize, usize)>,
}

/// Where an element and its parts are in the text.
pub(crate) struct Element {
    pub(crate) parent: Option<usize>,
    pub(crate) region: Region,
    /// From `<` of the start tag to `>` of the end tag.
    pub(crate) whole: Range<usize>,
    /// The end of the start tag.
    tag_end: usize,
    /// The name in the start tag, and in the end tag if there is one.
    pub(crate) name: Range<usize>,
    end_name: Option<Range<usize>>,
    /// Each attribute from the blank before it to its closing quote, and its value alone. No namespace
    /// declarations.
    pub(crate) attributes: Vec<(Range<usize>, Range<usize>)>,
    /// The text of an element that has nothing else.
    text: Option<Range<usize>>,
}

impl Source {
    /// Scans a file, which must be well-formed.
    pub(crate) fn new(file: &str, text: &str) -> Result<Self, String> {
        // A reader counts its positions from behind the byte order mark.
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let mut reader = NsReader::from_str(text);
        let mut elements: Vec<Element> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        loop {
            let start = reader.buffer_position() as usize;
            let event = reader.read_event().map_err(|error| error.to_string())?;
            let end = reader.buffer_position() as usize;
            match &event {
                Event::Start(tag) | Event::Empty(tag) => {
                    if let Some(&parent) = open.last() {
                        elements[parent].text = None;
                    }
                    let region = Region::of(&reader.resolver().resolve_element(tag.name()).0);
                    let mut element = Element::new(text, tag, start..end, region);
                    element.parent = open.last().copied();
                    if matches!(event, Event::Start(_)) {
                        element.text = Some(end..end);
                        open.push(elements.len());
                    }
                    elements.push(element);
                }
                Event::End(tag) => {
                    let index = open.pop().ok_or("an end tag too many")?;
                    let element = &mut elements[index];
                    element.whole.end = end;
                    element.end_name = Some(start + 2..start + 2 + tag.name().as_ref().len());
                    element.text = element.text.take().map(|text| text.start..start);
                }
                Event::Comment(_) | Event::PI(_) | Event::CData(_) | Event::GeneralRef(_) => {
                    if let Some(&parent) = open.last() {
                        elements[parent].text = None;
                    }
                }
                Event::Eof => break,
                _ => {}
            }
        }
        let mut source =
            Self { file: file.to_owned(), text: text.to_owned(), elements, swappable: Vec::new() };
        source.swappable = source.find_swappable();
        Ok(source)
    }

    fn find_swappable(&self) -> Vec<(usize, usize)> {
        let mut children: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, element) in self.elements.iter().enumerate() {
            if let Some(parent) = element.parent {
                children.entry(parent).or_default().push(index);
            }
        }
        let mut swappable = Vec::new();
        for siblings in children.values() {
            let mut next_other = None;
            for pair in siblings.windows(2).rev() {
                if self.name(pair[0]) != self.name(pair[1]) {
                    next_other = Some(pair[1]);
                }
                swappable.extend(next_other.map(|other| (pair[0], other)));
            }
        }
        swappable
    }

    /// The file with one change of this kind; `None` if the file has nothing to change in that way. What is
    /// inserted comes from `donor`.
    pub(crate) fn mutant(&self, kind: Kind, donor: &Self, random: &mut Random) -> Option<Mutant> {
        match kind {
            Kind::Drop => {
                let index = self.inner_element(random)?;
                let whole = self.elements[index].whole.clone();
                Some(self.change(kind, index, "dropped", self.splice(&[(whole, String::new())])))
            }
            Kind::Duplicate => {
                let index = self.inner_element(random)?;
                let whole = self.elements[index].whole.clone();
                let copy = self.text[whole.clone()].to_owned();
                Some(self.change(kind, index, "doubled", self.splice(&[(whole.end..whole.end, copy)])))
            }
            Kind::Reorder => self.reorder(random),
            Kind::Misspell => self.misspell(random),
            Kind::Damage => self.damage(random),
            Kind::Empty => self.emptied(random),
            Kind::Graft => self.grafted(donor, random),
            Kind::Attribute => self.with_attribute(random),
            Kind::Atom => self.with_atom(random),
            Kind::Markup => self.with_markup(random),
        }
    }

    /// Whether it is a feed.
    pub(crate) fn is_feed(&self) -> bool {
        self.elements.first().is_some_and(|root| root.region == Region::Bundle)
    }

    /// Any element but the root.
    pub(crate) fn inner_element(&self, random: &mut Random) -> Option<usize> {
        (self.elements.len() > 1).then(|| 1 + random.below(self.elements.len() - 1))
    }

    /// Swaps an element with the next sibling that has another name.
    fn reorder(&self, random: &mut Random) -> Option<Mutant> {
        let &(index, other) = random.pick(&self.swappable)?;
        let (first, second) = (self.elements[index].whole.clone(), self.elements[other].whole.clone());
        let changes =
            [(first.clone(), self.text[second.clone()].to_owned()), (second, self.text[first].to_owned())];
        Some(self.change(Kind::Reorder, index, "swapped with the next", self.splice(&changes)))
    }

    fn misspell(&self, random: &mut Random) -> Option<Mutant> {
        let index = random.below(self.elements.len());
        let element = &self.elements[index];
        let name = self.name(index);
        let prefix = name.rfind(':').map_or(0, |colon| colon + 1);
        let (prefix, local) = name.split_at(prefix);
        let (misspelt, sort) = match random.below(4) {
            0 => (format!("{local}s"), "a letter more"),
            1 if local.len() > 1 => (local[..local.len() - 1].to_owned(), "a letter less"),
            2 if local.len() > 2 => {
                let at = random.below(local.len() - 1);
                let mut letters: Vec<char> = local.chars().collect();
                letters.swap(at, at + 1);
                (letters.into_iter().collect(), "letters swapped")
            }
            _ => (swap_case(local, 0), "case of the first letter"),
        };
        // `ll` with its letters swapped, and the start of a name that has no letter.
        if misspelt == local || misspelt.starts_with(|first: char| !first.is_ascii_alphabetic()) {
            return None;
        }
        let misspelt = format!("{prefix}{misspelt}");
        let mut changes = vec![(element.name.clone(), misspelt.clone())];
        changes.extend(element.end_name.clone().map(|range| (range, misspelt.clone())));
        let mut mutant = self.change(Kind::Misspell, index, sort, self.splice(&changes));
        mutant.what.push_str(&format!(": {misspelt}"));
        Some(mutant)
    }

    fn damage(&self, random: &mut Random) -> Option<Mutant> {
        let mut places: Vec<Place<'_>> = Vec::new();
        for (index, element) in self.elements.iter().enumerate() {
            places
                .extend(element.attributes.iter().map(|(attribute, value)| (index, Some(attribute), value)));
            // Text of a narrative is free; of a feed's title, id or date it is a value.
            if let Some(text) =
                element.text.as_ref().filter(|text| element.region != Region::Narrative && !text.is_empty())
            {
                places.push((index, None, text));
            }
        }
        let &(index, attribute, value) = random.pick(&places)?;
        let old = &self.text[value.clone()];
        let name = attribute
            .map_or("text", |range| self.text[range.clone()].split('=').next().unwrap_or_default().trim());
        if let Some(attribute) = attribute
            && random.below(12) == 0
        {
            let text = self.splice(&[(attribute.clone(), String::new())]);
            let mut mutant = self.change(Kind::Damage, index, "attribute removed", text);
            mutant.what.push_str(&format!(" of @{name}"));
            return Some(mutant);
        }
        let (new, sort) = damaged(old, random);
        if new == old {
            return None;
        }
        let mut mutant = self.change(Kind::Damage, index, sort, self.splice(&[(value.clone(), new.clone())]));
        mutant.what.push_str(&format!(
            " of @{name}: {:?} became {:?}",
            comparison::difference::excerpt(old),
            comparison::difference::excerpt(&new)
        ));
        Some(mutant)
    }

    pub(crate) fn change(&self, kind: Kind, index: usize, sort: &'static str, text: String) -> Mutant {
        let what = format!("{} {sort}", self.path(index));
        Mutant { text, kind, region: self.elements[index].region, what, sort }
    }

    pub(crate) fn name(&self, index: usize) -> &str {
        &self.text[self.elements[index].name.clone()]
    }

    fn path(&self, index: usize) -> String {
        let name = self.name(index);
        match self.elements[index].parent {
            Some(parent) => format!("{}/{name}", self.path(parent)),
            None => name.to_owned(),
        }
    }

    /// The text with ranges replaced; they must be in order and not overlap.
    pub(crate) fn splice(&self, changes: &[(Range<usize>, String)]) -> String {
        let mut text = String::with_capacity(self.text.len() + 64);
        let mut at = 0;
        for (range, new) in changes {
            text.push_str(&self.text[at..range.start]);
            text.push_str(new);
            at = range.end;
        }
        text.push_str(&self.text[at..]);
        text
    }
}

impl Element {
    fn new(text: &str, tag: &BytesStart<'_>, whole: Range<usize>, region: Region) -> Self {
        let name = whole.start + 1..whole.start + 1 + tag.name().as_ref().len();
        let attributes = attribute_ranges(text, name.end, whole.end);
        let tag_end = whole.end;
        Self { parent: None, region, whole, tag_end, name, end_name: None, attributes, text: None }
    }

    /// The range between the tags, if there are two.
    pub(crate) fn inner(&self) -> Option<Range<usize>> {
        self.end_name.as_ref().map(|name| self.tag_end..name.start - "</".len())
    }
}

/// The place of a value: its element, its attribute (unless it is the element's text), and its range.
type Place<'a> = (usize, Option<&'a Range<usize>>, &'a Range<usize>);

/// The attributes in `text[at..end]`, the rest of a start tag that is known to be well-formed.
fn attribute_ranges(text: &str, mut at: usize, end: usize) -> Vec<(Range<usize>, Range<usize>)> {
    let mut ranges = Vec::new();
    while let Some(equals) = text[at..end].find('=').map(|offset| at + offset) {
        let Some(open) = text[equals..end].find(['"', '\'']).map(|offset| equals + offset) else { break };
        let Some(close) = text[open + 1..end].find(&text[open..=open]).map(|offset| open + 1 + offset) else {
            break;
        };
        let name = text[at..equals].trim();
        if name != "xmlns" && !name.starts_with("xmlns:") {
            ranges.push((at..close + 1, open + 1..close));
        }
        at = close + 1;
    }
    ranges
}

/// Values that are likely of another kind than the old one.
const OTHERS: &[&str] = &[
    "true",
    "1",
    "-1",
    "0.5",
    "1e5",
    "+7",
    "2014",
    "2014-02-30",
    "2014-01-01T10:00:00Z",
    "2014-01-01T10:00",
    "abc",
    "http://example.org/x y",
    "A  B",
    "é",
    "urn:oid:1.2.3",
    "99999999999",
];

/// A value with a small change, and the name of the change.
fn damaged(value: &str, random: &mut Random) -> (String, &'static str) {
    let letters: Vec<char> = value.chars().collect();
    // A reference must stay whole, or the file is not well-formed.
    if letters.is_empty() || value.contains('&') {
        return (OTHERS[random.below(OTHERS.len())].to_owned(), "another value");
    }
    let at = random.below(letters.len());
    let with = |middle: &[char], skip: usize| {
        letters[..at].iter().chain(middle).chain(&letters[at + skip..]).collect()
    };
    let letter = letters[at];
    match random.below(10) {
        0 => (String::new(), "emptied"),
        1 => (format!(" {value}"), "blank in front"),
        2 => (format!("{value} "), "blank behind"),
        3 => (with(&[], 1), "character dropped"),
        4 => (with(&[letter, letter], 1), "character doubled"),
        5 => (swap_case(value, at), "case changed"),
        6 => {
            let digits: Vec<usize> =
                (0..letters.len()).filter(|index| letters[*index].is_ascii_digit()).collect();
            match random.pick(&digits) {
                Some(&digit) => {
                    let mut letters = letters.clone();
                    letters[digit] = char::from(b'0' + random.below(10) as u8);
                    (letters.into_iter().collect(), "digit changed")
                }
                None => (format!("{value}7"), "digit added"),
            }
        }
        7 => {
            let strange = ['x', 'Z', '9', '-', ':', '.', '/', ' ', '_', 'é', '=', '%', '{'];
            (with(&[strange[random.below(strange.len())]], 1), "character replaced")
        }
        8 => (letters[..at].iter().collect(), "cut short"),
        _ => (OTHERS[random.below(OTHERS.len())].to_owned(), "another value"),
    }
}

/// Changes the case of the character at `at`.
fn swap_case(text: &str, at: usize) -> String {
    let swap = |(index, letter): (usize, char)| match letter {
        _ if index != at => letter,
        letter if letter.is_ascii_lowercase() => letter.to_ascii_uppercase(),
        letter => letter.to_ascii_lowercase(),
    };
    text.chars().enumerate().map(swap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "<?xml version='1.0'?>\n<feed xmlns='http://www.w3.org/2005/Atom'><title>é</title>\
        <f:Patient xmlns:f='http://hl7.org/fhir' id=\"a\"><f:x  value = 'v=\"1' id='b'/><f:y/><!-- c --></f:Patient></feed>";

    #[test]
    fn a_scan_finds_names_values_and_texts() {
        let source = Source::new("file", FILE).expect("well-formed");
        let part = |range: &Range<usize>| &FILE[range.clone()];
        let names: Vec<&str> = (0..source.elements.len()).map(|index| source.name(index)).collect();
        assert_eq!(names, ["feed", "title", "f:Patient", "f:x", "f:y"]);
        assert_eq!(source.path(3), "feed/f:Patient/f:x");
        assert_eq!(source.elements[1].text.as_ref().map(part), Some("é"));
        let values: Vec<&str> = source.elements[3].attributes.iter().map(|(_, value)| part(value)).collect();
        assert_eq!(values, ["v=\"1", "b"]);
        assert_eq!(source.elements[2].end_name.as_ref().map(part), Some("f:Patient"));
        assert_eq!(source.elements[2].attributes.len(), 1);
        assert_eq!(
            (source.elements[0].region, source.elements[3].region),
            (Region::Bundle, Region::Resource)
        );
    }

    #[test]
    fn each_mutant_differs_from_its_source_and_the_same_seed_gives_the_same_ones() {
        let source = Source::new("file", FILE).expect("well-formed");
        let series = |seed: u64| -> Vec<String> {
            let mut random = Random::new(seed);
            let mutants =
                (0..200).filter_map(|turn| source.mutant(KINDS[turn % KINDS.len()], &source, &mut random));
            mutants.map(|mutant| mutant.text).collect()
        };
        assert!(series(1).len() > 140);
        assert!(series(1).iter().all(|text| text != FILE));
        assert_eq!(series(1), series(1));
        assert_ne!(series(1), series(2));
    }
}
