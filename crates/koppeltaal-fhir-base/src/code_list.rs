//! The closed code lists of the standard: enums with a catch-all, so that an unlisted code is kept as it
//! came.

use std::borrow::Cow;

use crate::primitives::{Reading, Scalar, ScalarKind};

/// A closed code list. Its values keep an unlisted code as it came.
pub trait CodeList: Sized + PartialEq {
    fn from_code(code: &str) -> Option<Self>;
    fn other(code: String) -> Self;
    fn code(&self) -> &str;
}

/// Implements [`Scalar`] and the conversions from and to text for a generated code list.
#[macro_export]
macro_rules! code_list {
    ($name:ident { $($variant:ident $code:literal,)* }) => {
        impl $crate::code_list::CodeList for $name {
            fn from_code(code: &str) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)*
                    _ => None,
                }
            }

            fn other(code: String) -> Self {
                Self::Unlisted(code.into())
            }

            fn code(&self) -> &str {
                match self {
                    $(Self::$variant => $code,)*
                    Self::Unlisted(code) => code,
                }
            }
        }

        impl $name {
            /// The codes of the list, in schema order.
            pub const CODES: &'static [&'static str] = &[$($code,)*];

            /// The code as it stands on the wire.
            pub fn as_str(&self) -> &str {
                $crate::code_list::CodeList::code(self)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl From<&str> for $name {
            /// The listed code, or [`Unlisted`](Self::Unlisted).
            fn from(code: &str) -> Self {
                $crate::code_list::CodeList::from_code(code)
                    .unwrap_or_else(|| $crate::code_list::CodeList::other(code.to_owned()))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::ParseError;

            fn from_str(code: &str) -> Result<Self, $crate::ParseError> {
                $crate::primitives::scalar::parse(code)
            }
        }
    };
}

/// The values of the closed code lists are scalars: an unlisted code is kept as it came.
impl<T: CodeList> Scalar for T {
    const KIND: ScalarKind = ScalarKind::ListedCode;

    fn read(text: &str) -> Reading<Self> {
        match T::from_code(text) {
            Some(code) => Reading::Valid(code),
            None => Reading::Doubtful(T::other(text.to_owned())),
        }
    }

    fn to_text(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.code())
    }

    fn is_text(&self, _: &str) -> bool {
        true
    }
}
