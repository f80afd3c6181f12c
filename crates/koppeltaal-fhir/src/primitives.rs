//! Primitives: [`Primitive`], and the types of its value.
//!
//! `boolean` is `bool`, `integer` is `i32`, `string` is `String`. The other ten have types of their own that
//! keep the text as written, because `1.00` is not `1` and `2016-07-15T14:32:49.4946374+02:00` must come out
//! as it went in. `Uri`, `Code`, `Id`, `Oid`, `Uuid` and `Base64Binary` hold any text, because real senders
//! write any; validation reports what is wrong with it. Dates and decimals are always well-formed.

use crate::datatypes::Extension;

#[cfg(any(feature = "chrono", feature = "jiff", feature = "time"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "chrono", feature = "jiff", feature = "time"))))]
#[doc(inline)]
pub use koppeltaal_fhir_base::primitives::DateConversionError;
#[cfg(feature = "rust_decimal")]
#[cfg_attr(docsrs, doc(cfg(feature = "rust_decimal")))]
#[doc(inline)]
pub use koppeltaal_fhir_base::primitives::DecimalConversionError;
#[doc(inline)]
pub use koppeltaal_fhir_base::primitives::{
    Base64Binary, Code, Date, DateTime, Decimal, Id, Instant, Oid, Precision, Uri, Uuid,
};

/// A DSTU1 primitive: an optional value, an optional id, and extensions.
///
/// ```
/// use koppeltaal_fhir::{Primitive, primitives::Uri};
///
/// let system: Primitive<Uri> = "http://fhir.nl/fhir/NamingSystem/bsn".into();
/// assert_eq!(system.as_str(), Some("http://fhir.nl/fhir/NamingSystem/bsn"));
/// assert!(Primitive::<bool>::default().is_absent());
/// ```
pub type Primitive<T> = koppeltaal_fhir_base::Primitive<T, Extension>;

#[cfg(test)]
mod tests {
    use super::{Date, Primitive};

    #[test]
    fn the_error_of_a_value_is_that_of_a_primitive() {
        let error = "30-03-1970".parse::<Date>().expect_err("no date");
        assert_eq!("30-03-1970".parse::<Primitive<Date>>(), Err(error));
    }
}
