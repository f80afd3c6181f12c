//! The XHTML that FHIR allows in a narrative, as tables: XHTML 1.0 Strict without scripts, forms, objects,
//! frames, `ins`, `del` and event attributes.
//!
//! The tables follow the official `fhir-xhtml.xsd`; `cargo xtask conformance` compares the verdicts.

use super::value::Value;

/// A set of elements: bit `n` is the element `NAMES[n]`.
pub(super) type Names = u64;

/// What an element may hold.
pub(super) struct Content {
    /// Whether text may stand between the child elements.
    pub text: bool,
    /// What the children are, one step after the other.
    pub steps: &'static [Step],
}

/// A place in the order of children.
pub(super) struct Step {
    /// Whether at least one child must be there.
    pub mandatory: bool,
    /// Whether more than one child may be there.
    pub repeats: bool,
    /// Sets of elements. The first child picks a set, and later children must be in the same one.
    pub alternatives: &'static [Names],
}

/// An attribute: its name, its type, and whether it must be there.
pub(super) type Attribute = (&'static str, Value, bool);

/// An element: its name, its content, its attributes in groups.
pub(super) type Element = (&'static str, &'static Content, &'static [&'static [Attribute]]);

/// The rule of an element, and its place in [`NAMES`].
pub(super) fn element(name: &str) -> Option<(usize, &'static Element)> {
    let index = NAMES.binary_search(&name).ok()?;
    Some((index, &ELEMENTS[index]))
}

/// The names in a set, for messages.
pub(super) fn names(set: Names) -> impl Iterator<Item = &'static str> {
    NAMES.iter().enumerate().filter(move |(index, _)| set & 1 << index != 0).map(|(_, name)| *name)
}

/// All elements, sorted.
const NAMES: [&str; 52] = [
    "a",
    "abbr",
    "acronym",
    "area",
    "b",
    "bdo",
    "big",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "kbd",
    "li",
    "map",
    "ol",
    "p",
    "pre",
    "q",
    "samp",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "ul",
    "var",
];

/// The set of these names, at compile time; a name that is not in [`NAMES`] does not compile.
const fn set(wanted: &[&str]) -> Names {
    let mut set = 0;
    let mut index = 0;
    while index < wanted.len() {
        let mut place = 0;
        while !equal(NAMES[place], wanted[index]) {
            place += 1;
        }
        set |= 1 << place;
        index += 1;
    }
    set
}

const fn equal(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut index = 0;
    while index < one.len() {
        if one[index] != other[index] {
            return false;
        }
        index += 1;
    }
    true
}

const BLOCK: Names = set(&[
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "div",
    "ul",
    "ol",
    "dl",
    "pre",
    "hr",
    "blockquote",
    "table",
]);
const IMAGE: Names = set(&["img"]);
const ANCHOR: Names = set(&["a"]);
/// What may stand in `pre` beside anchors.
const PLAIN: Names = set(&[
    "br", "span", "bdo", "map", "tt", "i", "b", "big", "small", "em", "strong", "dfn", "code", "q", "samp",
    "kbd", "var", "cite", "abbr", "acronym", "sub", "sup",
]);

const fn any(names: &'static [Names]) -> Step {
    Step { mandatory: false, repeats: true, alternatives: names }
}

const fn some(names: &'static [Names]) -> Step {
    Step { mandatory: true, repeats: true, alternatives: names }
}

const fn optional(names: &'static [Names]) -> Step {
    Step { mandatory: false, repeats: false, alternatives: names }
}

static EMPTY: Content = Content { text: false, steps: &[] };
static INLINE: Content = Content { text: true, steps: &[any(&[PLAIN | IMAGE | ANCHOR])] };
static FLOW: Content = Content { text: true, steps: &[any(&[BLOCK | PLAIN | IMAGE | ANCHOR])] };
static BLOCKS: Content = Content { text: false, steps: &[any(&[BLOCK])] };
static IN_ANCHOR: Content = Content { text: true, steps: &[any(&[PLAIN | IMAGE])] };
static PREFORMATTED: Content = Content { text: true, steps: &[any(&[PLAIN | ANCHOR])] };
static ITEMS: Content = Content { text: false, steps: &[some(&[set(&["li"])])] };
static DEFINITIONS: Content = Content { text: false, steps: &[some(&[set(&["dt", "dd"])])] };
static MAP: Content = Content { text: false, steps: &[some(&[BLOCK, set(&["area"])])] };
static ROWS: Content = Content { text: false, steps: &[some(&[set(&["tr"])])] };
static CELLS: Content = Content { text: false, steps: &[some(&[set(&["th", "td"])])] };
static COLUMNS: Content = Content { text: false, steps: &[any(&[set(&["col"])])] };
static TABLE: Content = Content {
    text: false,
    steps: &[
        optional(&[set(&["caption"])]),
        any(&[set(&["col"]), set(&["colgroup"])]),
        optional(&[set(&["thead"])]),
        optional(&[set(&["tfoot"])]),
        some(&[set(&["tbody"]), set(&["tr"])]),
    ],
};

const CORE: &[Attribute] = &[
    ("id", Value::Id, false),
    ("class", Value::NameTokens, false),
    ("style", Value::Text, false),
    ("title", Value::Text, false),
];
const LANGUAGE: &[Attribute] = &[("lang", Value::Language, false), ("xml:lang", Value::XmlLanguage, false)];
const DIRECTION: &[Attribute] = &[("dir", Value::OneOf(&["ltr", "rtl"]), false)];
/// What nearly every element has.
const COMMON: &[&[Attribute]] = &[CORE, LANGUAGE, DIRECTION];
const FOCUS: &[Attribute] = &[("accesskey", Value::Character, false), ("tabindex", Value::TabIndex, false)];
const CITE: &[Attribute] = &[("cite", Value::Uri, false)];
const AREA: &[Attribute] = &[
    ("shape", Value::OneOf(&["rect", "circle", "poly", "default"]), false),
    ("coords", Value::Coordinates, false),
    ("href", Value::Uri, false),
];
const ALIGNMENT: &[Attribute] = &[
    ("align", Value::OneOf(&["left", "center", "right", "justify", "char"]), false),
    ("char", Value::Character, false),
    ("charoff", Value::Length, false),
    ("valign", Value::OneOf(&["top", "middle", "bottom", "baseline"]), false),
];
const COLUMN: &[Attribute] = &[("span", Value::Number, false), ("width", Value::MultiLength, false)];
const CELL: &[Attribute] = &[
    ("abbr", Value::Text, false),
    ("axis", Value::Text, false),
    ("headers", Value::Names, false),
    ("scope", Value::OneOf(&["row", "col", "rowgroup", "colgroup"]), false),
    ("rowspan", Value::Number, false),
    ("colspan", Value::Number, false),
];

/// In the order of [`NAMES`].
static ELEMENTS: [Element; NAMES.len()] = [
    (
        "a",
        &IN_ANCHOR,
        &[
            CORE,
            LANGUAGE,
            DIRECTION,
            FOCUS,
            AREA,
            &[
                ("charset", Value::Text, false),
                ("type", Value::Text, false),
                ("name", Value::NameToken, false),
                ("hreflang", Value::Language, false),
                ("rel", Value::NameTokens, false),
                ("rev", Value::NameTokens, false),
            ],
        ],
    ),
    ("abbr", &INLINE, COMMON),
    ("acronym", &INLINE, COMMON),
    (
        "area",
        &EMPTY,
        &[
            CORE,
            LANGUAGE,
            DIRECTION,
            FOCUS,
            AREA,
            &[("nohref", Value::OneOf(&["nohref"]), false), ("alt", Value::Text, true)],
        ],
    ),
    ("b", &INLINE, COMMON),
    ("bdo", &INLINE, &[CORE, LANGUAGE, &[("dir", Value::OneOf(&["ltr", "rtl"]), true)]]),
    ("big", &INLINE, COMMON),
    ("blockquote", &BLOCKS, &[CORE, LANGUAGE, DIRECTION, CITE]),
    ("br", &EMPTY, &[CORE]),
    ("caption", &INLINE, COMMON),
    ("cite", &INLINE, COMMON),
    ("code", &INLINE, COMMON),
    ("col", &EMPTY, &[CORE, LANGUAGE, DIRECTION, COLUMN, ALIGNMENT]),
    ("colgroup", &COLUMNS, &[CORE, LANGUAGE, DIRECTION, COLUMN, ALIGNMENT]),
    ("dd", &FLOW, COMMON),
    ("dfn", &INLINE, COMMON),
    ("div", &FLOW, COMMON),
    ("dl", &DEFINITIONS, COMMON),
    ("dt", &INLINE, COMMON),
    ("em", &INLINE, COMMON),
    ("h1", &INLINE, COMMON),
    ("h2", &INLINE, COMMON),
    ("h3", &INLINE, COMMON),
    ("h4", &INLINE, COMMON),
    ("h5", &INLINE, COMMON),
    ("h6", &INLINE, COMMON),
    ("hr", &EMPTY, COMMON),
    ("i", &INLINE, COMMON),
    (
        "img",
        &EMPTY,
        &[
            CORE,
            LANGUAGE,
            DIRECTION,
            &[
                ("src", Value::Uri, true),
                ("alt", Value::Text, true),
                ("longdesc", Value::Uri, false),
                ("height", Value::Length, false),
                ("width", Value::Length, false),
                ("usemap", Value::Uri, false),
                ("ismap", Value::OneOf(&["ismap"]), false),
            ],
        ],
    ),
    ("kbd", &INLINE, COMMON),
    ("li", &FLOW, COMMON),
    (
        "map",
        &MAP,
        &[
            LANGUAGE,
            DIRECTION,
            &[
                ("id", Value::Id, true),
                ("class", Value::Text, false),
                ("style", Value::Text, false),
                ("title", Value::Text, false),
                ("name", Value::NameToken, false),
            ],
        ],
    ),
    ("ol", &ITEMS, COMMON),
    ("p", &INLINE, COMMON),
    (
        "pre",
        &PREFORMATTED,
        &[CORE, LANGUAGE, DIRECTION, &[("xml:space", Value::OneOf(&["preserve"]), false)]],
    ),
    ("q", &INLINE, &[CORE, LANGUAGE, DIRECTION, CITE]),
    ("samp", &INLINE, COMMON),
    ("small", &INLINE, COMMON),
    ("span", &INLINE, COMMON),
    ("strong", &INLINE, COMMON),
    ("sub", &INLINE, COMMON),
    ("sup", &INLINE, COMMON),
    (
        "table",
        &TABLE,
        &[
            CORE,
            LANGUAGE,
            DIRECTION,
            &[
                ("summary", Value::Text, false),
                ("width", Value::Length, false),
                ("border", Value::Number, false),
                (
                    "frame",
                    Value::OneOf(&[
                        "void", "above", "below", "hsides", "lhs", "rhs", "vsides", "box", "border",
                    ]),
                    false,
                ),
                ("rules", Value::OneOf(&["none", "groups", "rows", "cols", "all"]), false),
                ("cellspacing", Value::Length, false),
                ("cellpadding", Value::Length, false),
            ],
        ],
    ),
    ("tbody", &ROWS, &[CORE, LANGUAGE, DIRECTION, ALIGNMENT]),
    ("td", &FLOW, &[CORE, LANGUAGE, DIRECTION, CELL, ALIGNMENT]),
    ("tfoot", &ROWS, &[CORE, LANGUAGE, DIRECTION, ALIGNMENT]),
    ("th", &FLOW, &[CORE, LANGUAGE, DIRECTION, CELL, ALIGNMENT]),
    ("thead", &ROWS, &[CORE, LANGUAGE, DIRECTION, ALIGNMENT]),
    ("tr", &CELLS, &[CORE, LANGUAGE, DIRECTION, ALIGNMENT]),
    ("tt", &INLINE, COMMON),
    ("ul", &ITEMS, COMMON),
    ("var", &INLINE, COMMON),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_and_speak_of_the_same_elements() {
        assert!(NAMES.is_sorted());
        assert!(NAMES.iter().zip(&ELEMENTS).all(|(name, element)| *name == element.0));
    }
}
