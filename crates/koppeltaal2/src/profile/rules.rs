//! What a profile adds to R4: the ids of its rules, which findings have, and the tables of what is where.

use koppeltaal_r4::{Rule, Severity};

use super::extension::ExtensionElement;
use crate::valueset::Binding;

/// The rule that an element which the profile demands is there.
pub const MINIMUM: Rule = Rule::new("profile-cardinality-min", Severity::Error);
/// The rule that an element does not occur more often than the profile allows.
pub const MAXIMUM: Rule = Rule::new("profile-cardinality-max", Severity::Error);
/// The rule that an element which the profile forbids does not occur.
pub const FORBIDDEN: Rule = Rule::new("profile-forbidden", Severity::Error);
/// The rule that an element has the value which the profile fixes, and an extension a value of its type.
pub const VALUE: Rule = Rule::new("profile-value", Severity::Error);
/// The rule that a code is on the list that the profile demands.
pub const CODE: Rule = Rule::new("profile-code", Severity::Error);
/// The rule that `meta.profile` names the profile. A server refuses a resource that does not.
pub const PROFILE_URL: Rule = Rule::new("profile-url", Severity::Error);
/// The rule that a reference points to a resource of a type that the profile allows.
pub const REFERENCE_TYPE: Rule = Rule::new("reference-type", Severity::Error);

/// What a profile adds to R4. The generated code has one for each profile.
#[doc(hidden)]
#[derive(Debug)]
pub struct Rules {
    pub(crate) url: &'static str,
    pub(crate) elements: &'static [ElementRule],
    pub(crate) extensions: &'static [ExtensionRule],
    /// The URLs of extensions that must not occur.
    pub(crate) forbidden_extensions: &'static [&'static str],
}

/// What a profile adds to R4 about an element.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ElementRule {
    /// The name in R4; a choice of types has `[x]`.
    pub(super) name: &'static str,
    pub(super) is_required: bool,
    /// How often it may occur.
    pub(super) most: usize,
    pub(super) fixed: Option<Fixed>,
    /// The types that a reference may point to; none if R4 says it.
    pub(super) targets: &'static [&'static str],
    /// The lists of codes; each value has a code on one of them.
    pub(super) codes: &'static [Binding],
    /// Rules on the elements inside.
    pub(super) parts: &'static [ElementRule],
}

/// The value that an element always has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fixed {
    /// The text of a primitive.
    Text(&'static str),
    /// A Coding, or one of the codings of a `CodeableConcept`.
    Code { system: &'static str, code: &'static str },
}

/// What a profile says about an extension.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExtensionRule {
    pub(super) element: &'static ExtensionElement,
    pub(super) is_required: bool,
    pub(super) most: usize,
}

impl ElementRule {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self { name, is_required: false, most: usize::MAX, fixed: None, targets: &[], codes: &[], parts: &[] }
    }

    pub(crate) const fn forbidden(name: &'static str) -> Self {
        Self { most: 0, ..Self::new(name) }
    }

    pub(crate) const fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    pub(crate) const fn once(self) -> Self {
        Self { most: 1, ..self }
    }

    pub(crate) const fn fixed(self, fixed: Fixed) -> Self {
        Self { fixed: Some(fixed), ..self }
    }

    pub(crate) const fn to(self, targets: &'static [&'static str]) -> Self {
        Self { targets, ..self }
    }

    pub(crate) const fn codes(self, codes: &'static [Binding]) -> Self {
        Self { codes, ..self }
    }

    pub(crate) const fn parts(self, parts: &'static [Self]) -> Self {
        Self { parts, ..self }
    }
}

impl ExtensionRule {
    pub(crate) const fn optional(element: &'static ExtensionElement) -> Self {
        Self { element, is_required: false, most: 1 }
    }

    pub(crate) const fn list(element: &'static ExtensionElement) -> Self {
        Self { element, is_required: false, most: usize::MAX }
    }

    pub(crate) const fn mandatory_list(element: &'static ExtensionElement) -> Self {
        Self { is_required: true, ..Self::list(element) }
    }
}
