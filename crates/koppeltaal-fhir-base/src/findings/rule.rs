//! [`Rule`]: the rules of FHIR, each with a stable id and a [`Severity`].

use std::fmt;

/// How much a [`Finding`](crate::Finding) matters. The order is from harmless to grave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Legal, but worth knowing.
    Information,
    /// The schema lets it pass, the prose of the standard does not.
    Warning,
    /// Violates the schema of the standard.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Information => "information",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A rule that content can break, by its stable id: `Rule::MINIMUM` is `cardinality-min`.
///
/// The constants are the rules of the base standard; a layer above adds its own with [`Rule::new`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rule {
    id: &'static str,
    severity: Severity,
}

impl Rule {
    /// A rule with this id (lower-case words with hyphens) and the severity of breaking it.
    pub const fn new(id: &'static str, severity: Severity) -> Self {
        Self { id, severity }
    }

    /// The stable id of the rule.
    pub const fn id(self) -> &'static str {
        self.id
    }

    /// How much it matters when the rule is broken. Some findings depart from it: see
    /// [`Finding::severity`](crate::Finding::severity).
    pub const fn severity(self) -> Severity {
        self.severity
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident $id:literal $severity:ident;)*) => {
        impl Rule {
            $($(#[$doc])* pub const $name: Self = Self::new($id, Severity::$severity);)*

            /// Every rule of the base standard.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

rules! {
    /// A mandatory element is missing.
    MINIMUM "cardinality-min" Error;
    /// An element that may occur once occurs again.
    MAXIMUM "cardinality-max" Error;
    /// An element stands behind one that the schema wants after it (XML only).
    ORDER "element-order" Error;
    /// Two alternatives of one choice (`value[x]`) are present.
    CHOICE "choice-exclusive" Error;
    /// An element or member that the type does not have.
    UNKNOWN_ELEMENT "unknown-element" Error;
    /// An attribute that the element does not have (XML only).
    UNKNOWN_ATTRIBUTE "unknown-attribute" Error;
    /// A resource type that this version of FHIR, or this build of the crate, does not have.
    UNKNOWN_RESOURCE "unknown-resource" Error;
    /// Text where only elements are allowed.
    STRAY_TEXT "stray-text" Error;
    /// A code that is not on the closed list of its element.
    CODE "code-unlisted" Error;
    /// A value that is not written as its primitive type demands.
    FORMAT "value-format" Error;
    /// An element, attribute or string that is present but empty.
    EMPTY "empty" Error;
    /// A JSON value of another kind than the type demands: a string for a number, an object for an array.
    JSON_TYPE "json-type" Error;
    /// A JSON `null` outside the arrays of repeating primitives, or there without extensions beside it.
    JSON_NULL "json-null" Error;
    /// A JSON object with the same member twice.
    DUPLICATE_MEMBER "duplicate-member" Error;
    /// A quirk of DSTU1's JSON from before 0.0.82: `_id` for `id`, or a bundle wrapped in `feed`.
    JSON_QUIRK "json-quirk" Error;
    /// An XML declaration that names another encoding, although the text is UTF-8.
    ENCODING "encoding" Warning;
    /// An element in another XML namespace than the standard's.
    NAMESPACE "namespace" Error;
    /// A narrative that is not the XHTML fragment that the standard allows.
    NARRATIVE "narrative" Error;
    /// An HTML narrative that was turned into XHTML (see
    /// [`ReadOptions::repair_narrative`](crate::ReadOptions::repair_narrative)).
    NARRATIVE_REPAIRED "narrative-repaired" Warning;
    /// An Atom feed, entry or link that does not follow the bundle schema (DSTU1 only).
    BUNDLE "bundle" Error;
    /// A `contained` element that does not hold exactly one resource.
    CONTAINED "contained" Error;
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}
