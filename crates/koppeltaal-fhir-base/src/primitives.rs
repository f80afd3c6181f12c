//! Primitives: the types of the values of a [`Primitive`].
//!
//! `boolean` is `bool`, `integer` is `i32`, `string` is `String`. The others have types of their own that
//! keep the text as written, because `1.00` is not `1` and `2016-07-15T14:32:49.4946374+02:00` must come out
//! as it went in. `Uri`, `Code`, `Id`, `Oid`, `Uuid` and `Base64Binary` hold any text, because real senders
//! write any; validation reports what is wrong with it. Dates and decimals are always well-formed.

#[cfg(feature = "chrono")]
mod chrono;
mod date;
#[cfg(any(feature = "chrono", feature = "jiff", feature = "time"))]
mod date_conversion;
mod decimal;
#[cfg(feature = "jiff")]
mod jiff;
mod lexical;
#[doc(hidden)]
pub mod primitive;
#[cfg(feature = "rust_decimal")]
mod rust_decimal;
#[doc(hidden)]
pub mod scalar;
mod text;
#[cfg(feature = "time")]
mod time;

#[cfg(any(feature = "chrono", feature = "jiff", feature = "time"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "chrono", feature = "jiff", feature = "time"))))]
pub use self::date_conversion::DateConversionError;
#[cfg(feature = "rust_decimal")]
#[cfg_attr(docsrs, doc(cfg(feature = "rust_decimal")))]
pub use self::rust_decimal::DecimalConversionError;
pub use date::{Date, DateTime, Instant, Precision};
pub use decimal::Decimal;
pub(crate) use decimal::to_json as decimal_to_json;
pub(crate) use decimal::to_xml as decimal_to_xml;
pub(crate) use lexical::lexical;
pub(crate) use primitive::{
    AnyCompanions, AnyPrimitive, AnyPrimitiveList, COMPANIONS_COST, Primitive, Verdict,
};
pub(crate) use scalar::{Reading, Scalar, ScalarKind, is_xml_space};
#[doc(hidden)]
pub use text::is_id;
pub use text::{Base64Binary, Canonical, Code, Id, LongId, Oid, Time, Uri, Url, Uuid};
