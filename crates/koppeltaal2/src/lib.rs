#![cfg_attr(feature = "connector", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "connector"),
    doc = "The profiles of Koppeltaal 2.0 as types, and their rules. The feature `connector` brings the rest."
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "connector")]
mod connector;
#[rustfmt::skip]
mod generated;
mod profile;
mod profile_methods;
mod validate;
mod valueset;

#[cfg(feature = "connector")]
#[cfg_attr(docsrs, doc(cfg(feature = "connector")))]
pub use connector::exports::*;
pub use generated::{profiles, valuesets, vocabulary};
pub use koppeltaal_r4 as r4;
#[cfg(feature = "connector")]
#[cfg_attr(docsrs, doc(cfg(feature = "connector")))]
pub use koppeltaal_smart as smart;
pub use profile::{Profile, Rest, rules};
pub use validate::validate;
pub use valueset::ValueSet;
