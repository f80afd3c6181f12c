//! Primitives: [`Primitive`], and the types of its value.
//!
//! `boolean` is `bool`, `integer` is `i32`, `unsignedInt` is `u32`, `positiveInt` is `NonZeroU32`, `string`
//! and `markdown` are `String`. The others have types of their own that keep the text as written, because
//! `1.00` is not `1` and `2016-07-15T14:32:49.4946374+02:00` must come out as it went in.

use crate::datatypes::Extension;

#[cfg(feature = "jiff")]
#[cfg_attr(docsrs, doc(cfg(feature = "jiff")))]
#[doc(inline)]
pub use koppeltaal_fhir_base::primitives::DateConversionError;
#[cfg(feature = "rust_decimal")]
#[cfg_attr(docsrs, doc(cfg(feature = "rust_decimal")))]
#[doc(inline)]
pub use koppeltaal_fhir_base::primitives::DecimalConversionError;
#[doc(inline)]
pub use koppeltaal_fhir_base::primitives::{
    Base64Binary, Canonical, Code, Date, DateTime, Decimal, Instant, LongId as Id, Oid, Precision, Time, Uri,
    Url, Uuid,
};

/// An R4 primitive: an optional value, an optional id, and extensions.
///
/// ```
/// use koppeltaal_r4::{Primitive, primitives::Uri};
///
/// let system: Primitive<Uri> = "http://fhir.nl/fhir/NamingSystem/bsn".into();
/// assert_eq!(system.as_str(), Some("http://fhir.nl/fhir/NamingSystem/bsn"));
/// assert!(Primitive::<bool>::default().is_absent());
/// ```
pub type Primitive<T> = koppeltaal_fhir_base::Primitive<T, Extension>;
