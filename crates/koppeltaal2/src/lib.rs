#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[rustfmt::skip]
mod generated;
mod profile;
mod validate;
mod valueset;

pub use generated::{profiles, valuesets, vocabulary};
pub use profile::{Profile, Rest, rules};
pub use validate::validate;
pub use valueset::ValueSet;
