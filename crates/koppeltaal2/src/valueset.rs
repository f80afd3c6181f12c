//! [`ValueSet`]: what the lists of codes of Koppeltaal 2.0 have in common. The lists themselves are
//! generated.

use koppeltaal_r4::datatypes::{CodeableConcept, Coding};

/// A list of codes. Fields of profiles are codings and concepts, since most lists are open; a list reads
/// them and makes them.
///
/// ```
/// use koppeltaal2::{ValueSet as _, profiles::Task, valuesets::TaskCode};
///
/// let task = Task { code: Some(TaskCode::View.into()), ..Default::default() };
/// let code = task.code.as_ref().expect("it has one");
/// assert_eq!(code.coding[0].display.as_str(), Some("This task can be viewed"));
/// assert_eq!(TaskCode::from_concept(code), Some(TaskCode::View));
/// ```
pub trait ValueSet: Sized + Clone + PartialEq + 'static {
    /// The URL of the value set.
    const URL: &'static str;

    /// The codes on the list.
    #[doc(hidden)]
    const CODES: &'static [ListedCode<Self>];

    /// The value for a code that is not on the list.
    #[doc(hidden)]
    fn from_other(coding: Box<Coding>) -> Self;

    /// A code that is not on the list.
    #[doc(hidden)]
    fn as_other(&self) -> Option<&Coding>;

    /// What a rule needs of the list.
    #[doc(hidden)]
    const BINDING: Binding = Binding { url: Self::URL, lists: Self::lists };

    /// Whether a code is on the list.
    fn lists(coding: &Coding) -> bool {
        Self::CODES.iter().any(|listed| coding.code_in(listed.system) == Some(listed.code))
    }

    /// The code on the list with this system and code, else the other code.
    fn from_coding(coding: &Coding) -> Self {
        let is_same = |listed: &&ListedCode<Self>| coding.code_in(listed.system) == Some(listed.code);
        match Self::CODES.iter().find(is_same) {
            Some(listed) => listed.value.clone(),
            None => Self::from_other(Box::new(coding.clone())),
        }
    }

    /// The first code of a concept that is on the list, else its first code. None if it has no code.
    fn from_concept(concept: &CodeableConcept) -> Option<Self> {
        let mut read = concept.coding.iter().map(Self::from_coding);
        read.clone().find(|value| value.as_other().is_none()).or_else(|| read.next())
    }

    /// System, code and display.
    fn to_coding(&self) -> Coding {
        match (self.as_other(), Self::CODES.iter().find(|listed| listed.value == *self)) {
            (Some(other), _) => other.clone(),
            (None, Some(listed)) => Coding::new(listed.system, listed.code).with_display(listed.display),
            (None, None) => Coding::default(),
        }
    }
}

/// A code on a list.
#[doc(hidden)]
#[derive(Debug)]
pub struct ListedCode<V> {
    pub(crate) value: V,
    pub(crate) system: &'static str,
    pub(crate) code: &'static str,
    pub(crate) display: &'static str,
}

/// A list as a rule needs it.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    pub(crate) url: &'static str,
    pub(crate) lists: fn(&Coding) -> bool,
}
