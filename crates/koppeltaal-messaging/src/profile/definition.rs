//! [`ElementDefinition`]: what a profile says about one element. The tables are generated.

use std::fmt;

/// What a profile says about one element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElementDefinition {
    /// Where the element is, such as `CarePlan.activity.startDate`.
    pub path: &'static str,
    /// Whether the element must occur, by the profile.
    pub required: bool,
    /// Whether the element must occur by the schema of DSTU1, although the profile lets it be absent.
    pub required_by_dstu1: bool,
    /// Whether the element may occur more than once.
    pub repeats: bool,
    /// What the element holds.
    pub element_type: ElementType,
    /// The list that its codes are from.
    pub binding: Option<Binding>,
    /// The URL of the extension that holds the element; `None` for an element of DSTU1.
    pub extension: Option<&'static str>,
}

/// What an element holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ElementType {
    /// A primitive or data type of DSTU1, by name.
    Value(&'static str),
    /// One of several primitives or data types.
    Choice(&'static [&'static str]),
    /// A component with elements of its own, by its name.
    Component(&'static str),
    /// A reference to a resource of one of these kinds, by name. An empty list allows any resource.
    Reference(&'static [&'static str]),
}

impl ElementType {
    /// With the indefinite article, for findings.
    pub(super) fn with_article(self) -> String {
        let name = self.to_string();
        let vowel = name.starts_with(|first: char| "aeiouAEIO".contains(first)) && !name.starts_with("uri");
        format!("{} {name}", if vowel { "an" } else { "a" })
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(name) | Self::Component(name) => f.write_str(name),
            Self::Choice(names) => f.write_str(&names.join(" or ")),
            Self::Reference([]) => f.write_str("reference"),
            Self::Reference(kinds) => write!(f, "reference to {}", kinds.join(" or ")),
        }
    }
}

/// The list that the codes of an element are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// The name of the list: an enum of [`valuesets`](crate::valuesets) or a code list of DSTU1.
    pub list: &'static str,
    /// Whether codes that are not on the list are allowed too.
    pub open: bool,
}

/// Builds the rows of the generated tables, and names elements and lists for findings.
impl ElementDefinition {
    pub(crate) const fn optional(path: &'static str, element_type: ElementType) -> Self {
        Self {
            path,
            required: false,
            required_by_dstu1: false,
            repeats: false,
            element_type,
            binding: None,
            extension: None,
        }
    }

    pub(crate) const fn mandatory(path: &'static str, element_type: ElementType) -> Self {
        Self { required: true, ..Self::optional(path, element_type) }
    }

    pub(crate) const fn list(path: &'static str, element_type: ElementType) -> Self {
        Self { repeats: true, ..Self::optional(path, element_type) }
    }

    pub(crate) const fn mandatory_list(path: &'static str, element_type: ElementType) -> Self {
        Self { required: true, ..Self::list(path, element_type) }
    }

    /// Mandatory in DSTU1.
    pub(crate) const fn required_by_dstu1(self) -> Self {
        Self { required_by_dstu1: true, ..self }
    }

    /// With codes of this list and no others.
    pub(crate) const fn with_binding(self, list: &'static str) -> Self {
        Self { binding: Some(Binding { list, open: false }), ..self }
    }

    /// With codes of this list or any other.
    pub(crate) const fn with_open_binding(self, list: &'static str) -> Self {
        Self { binding: Some(Binding { list, open: true }), ..self }
    }

    /// In the extension of this URL.
    pub(crate) const fn in_extension(self, url: &'static str) -> Self {
        Self { extension: Some(url), ..self }
    }

    /// The element's name, without the path before it.
    pub fn name(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or(self.path)
    }

    /// The code list, for findings.
    pub(super) fn list_name(&self) -> &'static str {
        self.binding.map_or("a list", |binding| binding.list)
    }
}
