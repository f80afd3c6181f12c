//! How a profile's value is written in an extension, and which quirks are read.
//!
//! Each [`Form`] writes one type of value. It reads that type and the quirks whose meaning is clear: a code
//! for a coding, a decimal for an integer. An extension with any other value is not read and stays as it is.

use koppeltaal_fhir::Primitive;
use koppeltaal_fhir::datatypes::{self, Extension, ExtensionValue};
use koppeltaal_fhir::primitives;

use super::native::Value;
use super::{CodeSystem, Reference};
use crate::misplaced;

/// Reads and writes a value in an extension.
pub(crate) trait Form<V>: Copy {
    /// Reads the value; `None` if the extension holds no value of this form or its quirks.
    fn read(&self, extension: &Extension) -> Option<V>;
    /// Writes the value in its own form.
    fn write(&self, value: &V) -> ExtensionValue;
}

/// The form of most types: the primitive, data type or reference of the same name.
#[derive(Clone, Copy)]
pub(crate) struct Plain;

/// For each type that is written as one primitive: the type of value it writes, and how it reads quirks.
macro_rules! primitive_forms {
    ($($(#[$doc:meta])* $type:ty as $variant:ident, quirk $quirk:expr;)*) => {
        $(
            $(#[$doc])*
            impl Form<$type> for Plain {
                fn read(&self, extension: &Extension) -> Option<$type> {
                    match extension.value.as_ref()? {
                        ExtensionValue::$variant(primitive) => primitive.value.clone(),
                        value => {
                            let quirk: fn(&ExtensionValue) -> Option<$type> = $quirk;
                            quirk(value)
                        }
                    }
                }

                fn write(&self, value: &$type) -> ExtensionValue {
                    ExtensionValue::$variant(Primitive::new(value.clone()))
                }
            }
        )*
    };
}

primitive_forms! {
    bool as Boolean, quirk |_| None;
    /// The fraction of a decimal is cut off, so that 99.9 % does not read as finished.
    i32 as Integer, quirk |value| match value {
        ExtensionValue::Decimal(decimal) => whole(decimal.as_str()?),
        _ => None,
    };
    String as String, quirk text;
    primitives::Uri as Uri, quirk |value| text(value).map(primitives::Uri::from);
    primitives::Code as Code, quirk |value| text(value).map(primitives::Code::from);
    primitives::Base64Binary as Base64Binary, quirk |value| text(value).map(primitives::Base64Binary::from);
    primitives::Decimal as Decimal, quirk |value| match value {
        ExtensionValue::Integer(integer) => integer.value.map(primitives::Decimal::from),
        _ => None,
    };
    primitives::Date as Date, quirk |value| moment(value)?.parse().ok();
    primitives::Instant as Instant, quirk |value| moment(value)?.parse().ok();
    primitives::DateTime as DateTime, quirk |value| moment(value)?.parse().ok();
}

/// The text of a string, URI or code.
fn text(value: &ExtensionValue) -> Option<String> {
    match value {
        ExtensionValue::String(text) => text.as_str(),
        ExtensionValue::Uri(uri) => uri.as_str(),
        ExtensionValue::Code(code) => code.as_str(),
        _ => None,
    }
    .map(str::to_owned)
}

/// The text of a date or time.
fn moment(value: &ExtensionValue) -> Option<&str> {
    match value {
        ExtensionValue::Date(date) => date.as_str(),
        ExtensionValue::DateTime(time) => time.as_str(),
        ExtensionValue::Instant(instant) => instant.as_str(),
        _ => None,
    }
}

/// The part of a decimal before the point. Exponents are not read: nobody sends a percentage as 4.5E1.
fn whole(decimal: &str) -> Option<i32> {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    let digits_only = fraction.bytes().all(|byte| byte.is_ascii_digit());
    let whole = if matches!(whole, "" | "-" | "+") { "0" } else { whole };
    whole.parse().ok().filter(|_| digits_only)
}

/// Text that may be rich: a string, or XHTML, a quirk of deployed senders. Its markup becomes the text.
#[derive(Clone, Copy)]
pub(crate) struct StringOrXhtml;

impl Form<String> for StringOrXhtml {
    fn read(&self, extension: &Extension) -> Option<String> {
        Plain.read(extension).or_else(|| misplaced::markup(extension))
    }

    fn write(&self, value: &String) -> ExtensionValue {
        Plain.write(value)
    }
}

/// Reads the code in an extension, whether it is a concept, a coding, a code or a string.
fn code<E: CodeSystem>(extension: &Extension) -> Option<E> {
    match extension.value.as_ref()? {
        ExtensionValue::Coding(coding) => E::from_coding(coding),
        ExtensionValue::CodeableConcept(concept) => E::from_concept(concept),
        ExtensionValue::Code(code) => code.as_str().map(E::from_code),
        ExtensionValue::String(code) => code.as_str().map(E::from_code),
        _ => None,
    }
}

macro_rules! code_forms {
    ($($(#[$doc:meta])* $form:ident $write:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy)]
            pub(crate) struct $form;

            impl<E: CodeSystem> Form<E> for $form {
                fn read(&self, extension: &Extension) -> Option<E> {
                    code(extension)
                }

                fn write(&self, value: &E) -> ExtensionValue {
                    let write: fn(&E) -> ExtensionValue = $write;
                    write(value)
                }
            }
        )*
    };
}

code_forms! {
    /// A code of a list, written without its system.
    ListedCode |code| ExtensionValue::Code(code.code().into());
    /// A code of a list, written as a coding.
    ListedCoding |code| ExtensionValue::Coding(Box::new(code.to_coding()));
    /// A code of a list, written as the one coding of a concept.
    ListedConcept |code| ExtensionValue::CodeableConcept(Box::new(code.to_concept()));
}

/// A data type of DSTU1 that a profile uses unchanged.
macro_rules! whole_forms {
    ($($variant:ident)*) => {
        $(
            impl Form<datatypes::$variant> for Plain {
                fn read(&self, extension: &Extension) -> Option<datatypes::$variant> {
                    match extension.value.as_ref()? {
                        ExtensionValue::$variant(value) => Some((**value).clone()),
                        _ => None,
                    }
                }

                fn write(&self, value: &datatypes::$variant) -> ExtensionValue {
                    ExtensionValue::$variant(Box::new(value.clone()))
                }
            }
        )*
    };
}

whole_forms! {
    Identifier Period Quantity Attachment HumanName Address Contact Range Ratio Schedule Coding CodeableConcept
}

impl Form<Reference> for Plain {
    fn read(&self, extension: &Extension) -> Option<Reference> {
        match extension.value.as_ref()? {
            ExtensionValue::Resource(reference) => Reference::read(&**reference),
            _ => None,
        }
    }

    fn write(&self, value: &Reference) -> ExtensionValue {
        ExtensionValue::Resource(Box::new(value.clone().into()))
    }
}
