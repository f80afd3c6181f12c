//! Codes of Koppeltaal's lists: enums whose last variant keeps a code that is not on the list.

use koppeltaal_fhir::Primitive;
use koppeltaal_fhir::datatypes::{CodeableConcept, Coding};
use koppeltaal_fhir::primitives::{Code, Uri};

use crate::generated::vocabulary::system::NULL_FLAVOR;

/// A code that is not on the list, kept as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct UnlistedCode {
    /// The system of the code; `None` if it was read without one, as from the DSTU1 type `code`.
    pub system: Option<String>,
    /// The code.
    pub code: Option<String>,
    /// The name of the code, for people.
    pub display: Option<String>,
}

/// A list of codes of one system. The enums of [`valuesets`](crate::valuesets) implement it.
pub trait CodeSystem: Clone + PartialEq + Sized {
    /// The system that a coding is written with.
    const SYSTEM: &'static str;
    /// Quirk: other systems that the same codes are read from. Some senders use an older system.
    const QUIRK_SYSTEMS: &'static [&'static str];
    /// The codes and their displays, in the order of the list.
    const CODES: &'static [(&'static str, &'static str)];

    /// The listed code of this text; `None` if it is not on the list.
    fn listed(code: &str) -> Option<Self>;

    /// The variant for a code that is not on the list.
    fn unlisted(code: UnlistedCode) -> Self;

    /// The code if it is not on the list; `None` if it is.
    fn as_unlisted(&self) -> Option<&UnlistedCode>;

    /// The position of the code in [`CODES`](Self::CODES); `None` if it is not on the list.
    fn position(&self) -> Option<usize>;

    /// The code as it is written; empty for an unlisted coding without code.
    fn code(&self) -> &str {
        match self.position() {
            Some(position) => Self::CODES[position].0,
            None => self.as_unlisted().and_then(|unlisted| unlisted.code.as_deref()).unwrap_or_default(),
        }
    }

    /// The name of the code, for people, if it is known.
    fn display(&self) -> Option<&str> {
        match self.position() {
            Some(position) => Some(Self::CODES[position].1),
            None => self.as_unlisted()?.display.as_deref(),
        }
    }

    /// Reads a code that is written without its system.
    fn from_code(code: &str) -> Self {
        Self::listed(code).unwrap_or_else(|| {
            Self::unlisted(UnlistedCode { code: Some(code.to_owned()), ..UnlistedCode::default() })
        })
    }

    /// Reads a coding. `None` if it has neither code nor display, or is `UNK` of HL7's null flavours.
    fn from_coding(coding: &Coding) -> Option<Self> {
        let (system, code) = (coding.system.as_str(), coding.code.as_str());
        if code.is_none() && coding.display.as_str().is_none()
            || (system, code) == (Some(NULL_FLAVOR), Some("UNK"))
        {
            return None;
        }
        let is_own =
            system.is_none_or(|system| system == Self::SYSTEM || Self::QUIRK_SYSTEMS.contains(&system));
        let listed = if is_own { code.and_then(Self::listed) } else { None };
        Some(listed.unwrap_or_else(|| {
            let display = coding.display.as_str();
            Self::unlisted(UnlistedCode {
                system: system.map(str::to_owned),
                code: code.map(str::to_owned),
                display: display.map(str::to_owned),
            })
        }))
    }

    /// Reads a concept: its first listed coding, else its first coding with code or display, else its text as
    /// a display.
    fn from_concept(concept: &CodeableConcept) -> Option<Self> {
        let readings = || concept.coding.iter().filter_map(Self::from_coding);
        let listed = readings().find(|code| code.position().is_some());
        listed.or_else(|| readings().next()).or_else(|| {
            // A null flavour says that there is no value; its text only explains why.
            let text = concept.text.as_str().filter(|_| concept.coding.is_empty())?;
            Some(Self::unlisted(UnlistedCode { display: Some(text.to_owned()), ..UnlistedCode::default() }))
        })
    }

    /// The code with its system and display.
    fn to_coding(&self) -> Coding {
        match self.as_unlisted() {
            None => Coding {
                system: Self::SYSTEM.into(),
                code: self.code().into(),
                display: self.display().map(str::to_owned).into(),
                ..Coding::default()
            },
            Some(unlisted) => Coding {
                system: Primitive::from(unlisted.system.as_deref().map(Uri::from)),
                code: Primitive::from(unlisted.code.as_deref().map(Code::from)),
                display: unlisted.display.clone().into(),
                ..Coding::default()
            },
        }
    }

    /// The code as the only coding of a concept.
    fn to_concept(&self) -> CodeableConcept {
        CodeableConcept { coding: vec![self.to_coding()], ..CodeableConcept::default() }
    }
}

/// Implements [`CodeSystem`] for the generated enum of a list: its system, its quirk systems, and each
/// variant with its code and display.
macro_rules! code_system {
    ($name:ident: $system:expr, [$($quirk_system:expr),*]; $($variant:ident $code:literal $display:literal,)*) => {
        impl $crate::CodeSystem for $name {
            const SYSTEM: &'static str = $system;
            const QUIRK_SYSTEMS: &'static [&'static str] = &[$($quirk_system),*];
            const CODES: &'static [(&'static str, &'static str)] = &[$(($code, $display),)*];

            fn listed(code: &str) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)*
                    _ => None,
                }
            }

            fn unlisted(code: $crate::UnlistedCode) -> Self {
                Self::Unlisted(Box::new(code))
            }

            fn as_unlisted(&self) -> Option<&$crate::UnlistedCode> {
                match self {
                    Self::Unlisted(code) => Some(code),
                    _ => None,
                }
            }

            fn position(&self) -> Option<usize> {
                <Self as $crate::CodeSystem>::CODES.iter().position(|(code, _)| match self {
                    $(Self::$variant => *code == $code,)*
                    Self::Unlisted(_) => false,
                })
            }
        }

        impl From<&str> for $name {
            /// The listed code, or [`Unlisted`](Self::Unlisted).
            fn from(code: &str) -> Self {
                $crate::CodeSystem::from_code(code)
            }
        }

        impl std::fmt::Display for $name {
            /// The code as it is written.
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad($crate::CodeSystem::code(self))
            }
        }
    };
}

pub(crate) use code_system;

/// Implements the methods of the generated enum of a closed list: its codes and displays, and reading them
/// back.
macro_rules! closed_codes {
    ($name:ident $count:literal: $system:expr; $($variant:ident $code:literal $display:literal,)*) => {
        impl $name {
            /// Every code, in the order of the list.
            pub const ALL: [Self; $count] = [$(Self::$variant),*];

            /// The system that a coding is written with.
            pub const SYSTEM: &'static str = $system;

            /// The code as it is written.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The name of the code, for people.
            pub const fn display(self) -> &'static str {
                match self { $(Self::$variant => $display,)* }
            }

            /// The code of this text; `None` if it is not on the list.
            pub fn from_code(code: &str) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The code with its system and display.
            pub fn coding(self) -> koppeltaal_fhir::datatypes::Coding {
                koppeltaal_fhir::datatypes::Coding {
                    system: Self::SYSTEM.into(),
                    code: self.code().into(),
                    display: self.display().into(),
                    ..Default::default()
                }
            }
        }

        impl std::fmt::Display for $name {
            /// The code as it is written.
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.code())
            }
        }
    };
}

pub(crate) use closed_codes;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::valuesets::{ActivityKind, AdministrativeGender};

    fn coding(system: Option<&str>, code: &str, display: &str) -> Coding {
        Coding {
            system: system.map(Uri::from).into(),
            code: code.into(),
            display: display.into(),
            ..Coding::default()
        }
    }

    #[test]
    fn a_listed_code_is_read_whatever_its_display_says() {
        for display in ["E-Learning", "ELearning", "anything"] {
            let coding = coding(Some(ActivityKind::SYSTEM), "ELearning", display);
            assert_eq!(ActivityKind::from_coding(&coding), Some(ActivityKind::ELearning));
        }
        assert_eq!(ActivityKind::from_coding(&coding(None, "Game", "Game")), Some(ActivityKind::Game));
    }

    #[test]
    fn a_code_of_another_system_is_unlisted() {
        let foreign = coding(Some("https://game.example/codes"), "Game", "Spel");
        let read = ActivityKind::from_coding(&foreign).expect("an unlisted code");
        assert_eq!(read.position(), None);
        assert_eq!((read.code(), read.display()), ("Game", Some("Spel")));
        assert_eq!(read.to_coding(), foreign);
    }

    #[test]
    fn a_null_flavour_is_not_a_value() {
        let unknown = coding(Some(NULL_FLAVOR), "UNK", "Unknown");
        assert_eq!(AdministrativeGender::from_coding(&unknown), None);
        let concept =
            CodeableConcept { coding: vec![unknown], text: "onbekend".into(), ..Default::default() };
        assert_eq!(AdministrativeGender::from_concept(&concept), None);
    }

    #[test]
    fn the_quirk_system_of_gender_is_read_and_its_own_system_written() {
        let quirk = coding(Some("http://hl7.org/fhir/vs/administrative-gender"), "F", "Female");
        let gender = AdministrativeGender::from_coding(&quirk).expect("listed");
        assert_eq!(gender, AdministrativeGender::Female);
        assert_eq!(gender.to_coding().system.as_str(), Some("http://hl7.org/fhir/v3/AdministrativeGender"));
    }

    #[test]
    fn of_several_codings_the_listed_one_counts() {
        let concept = CodeableConcept {
            coding: vec![
                coding(Some("https://epd.example/codes"), "V", "Vrouw"),
                AdministrativeGender::Female.to_coding(),
            ],
            ..CodeableConcept::default()
        };
        assert_eq!(AdministrativeGender::from_concept(&concept), Some(AdministrativeGender::Female));
        let text_only = CodeableConcept { text: "vrouw".into(), ..CodeableConcept::default() };
        let read = AdministrativeGender::from_concept(&text_only).expect("an unlisted code");
        assert_eq!(read.display(), Some("vrouw"));
    }
}
