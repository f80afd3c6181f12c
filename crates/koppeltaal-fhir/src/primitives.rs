//! Primitives: [`Primitive`], and the types of its value.
//!
//! `boolean` is `bool`, `integer` is `i32`, `string` is `String`. The other ten have types of their own that
//! keep the text as written, because `1.00` is not `1` and `2016-07-15T14:32:49.4946374+02:00` must come out
//! as it went in. `Uri`, `Code`, `Id`, `Oid`, `Uuid` and `Base64Binary` hold any text, because real senders
//! write any; validation reports what is wrong with it. Dates and decimals are always well-formed.

mod date;
mod decimal;
#[cfg(feature = "jiff")]
mod jiff;
pub(crate) mod primitive;
#[cfg(feature = "rust_decimal")]
mod rust_decimal;
pub(crate) mod scalar;
mod text;

#[cfg(feature = "jiff")]
#[cfg_attr(docsrs, doc(cfg(feature = "jiff")))]
pub use self::jiff::DateConversionError;
#[cfg(feature = "rust_decimal")]
#[cfg_attr(docsrs, doc(cfg(feature = "rust_decimal")))]
pub use self::rust_decimal::DecimalConversionError;
pub use date::{Date, DateTime, Instant, Precision};
pub use decimal::Decimal;
pub(crate) use decimal::to_json as decimal_to_json;
pub(crate) use decimal::to_xml as decimal_to_xml;
pub(crate) use primitive::{AnyPrimitive, AnyPrimitiveList, Companions, Primitive, Verdict};
pub(crate) use scalar::{Reading, Scalar, ScalarKind, is_xml_space, unlisted};
pub(crate) use text::is_id;
pub use text::{Base64Binary, Code, Id, Oid, Uri, Uuid};

/// What every newtype over the text of a value has: access to the text, comparison with text, printing, and
/// parsing.
macro_rules! lexical {
    ($name:ident) => {
        impl $name {
            /// The text as written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&self.0, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::ParseError;

            /// Reads text that the schema allows. Text that breaks only the prose of the standard is read
            /// too: a time without an offset, a code with double blanks.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match <Self as crate::primitives::Scalar>::read(text) {
                    crate::primitives::Reading::Valid(value) | crate::primitives::Reading::Lax(value) => {
                        Ok(value)
                    }
                    _ => Err(crate::ParseError {
                        expected: <Self as crate::primitives::Scalar>::KIND.describe(),
                        found: text.to_owned(),
                    }),
                }
            }
        }
    };
}

pub(crate) use lexical;
