#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(all(test, feature = "json", feature = "xml"))]
mod arbitrary;
mod bundle;
#[cfg(any(feature = "json", feature = "xml"))]
mod bytes;
mod check;
#[cfg(feature = "xml")]
mod convert;
mod document;
mod finding;
mod primitive;
mod report;
mod structure;
mod unknown;
mod xhtml;

#[rustfmt::skip]
mod generated;
pub mod types;

#[cfg(feature = "json")]
mod json;
#[cfg(feature = "xml")]
mod xml;

pub use bundle::{Author, Bundle, Category, Entry, Link};
pub use document::{Document, Read, ReadOptions};
pub use finding::{Finding, Position, ReadError, Rule, Severity, WriteError};
pub use generated::datatypes;
pub use generated::resources;
pub use primitive::{ParseError, Primitive};
pub use report::Limits;
pub use resource::{RESOURCE_TYPES, Resource, ResourceType};
pub use unknown::{Unknown, UnknownNode, UnknownResource};
pub use xhtml::Xhtml;

/// The enum of all resources, and the trait of their types.
mod resource {
    pub use crate::generated::resource::{RESOURCE_TYPES, Resource};

    mod sealed {
        pub trait Sealed {}
    }
    pub(crate) use sealed::Sealed;

    /// A type of resource: what [`Resource`] can hold.
    pub trait ResourceType: Sealed + Sized {
        /// The name of the type, such as `Patient`.
        const NAME: &'static str;

        /// The resource as this type, if it is of this type.
        fn of(resource: &Resource) -> Option<&Self>;

        /// The same, to change it.
        fn of_mut(resource: &mut Resource) -> Option<&mut Self>;
    }

    impl Resource {
        /// The resource as a `T`, if it is one: `resource.get::<Patient>()`.
        pub fn get<T: ResourceType>(&self) -> Option<&T> {
            T::of(self)
        }

        /// The same, to change it.
        pub fn get_mut<T: ResourceType>(&mut self) -> Option<&mut T> {
            T::of_mut(self)
        }
    }
}
