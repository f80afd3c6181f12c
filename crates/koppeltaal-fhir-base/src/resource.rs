//! Resources of any type: what readers and writers need of a model's enum of them, and the macros that give
//! the enum its methods.

use std::any::Any;
use std::sync::Arc;

use crate::structure::Structure;
use crate::unknown::{UnknownContent, UnknownResource};

/// The memory of a resource beside its fields: its place in a list, twice while the list grows, and its
/// reference counters. A model's enum has a tag and a pointer.
pub const COST: usize = 2 * SIZE + 2 * size_of::<usize>();

/// The size of a model's enum.
const SIZE: usize = 2 * size_of::<usize>();

/// A resource of any type of a model.
pub trait AnyResource: Any {
    /// The name of its type.
    fn type_name(&self) -> &str;
    /// Its content; `None` if the model has not this type.
    fn content(&self) -> Option<&dyn Structure>;
    /// The same, to change it.
    fn content_mut(&mut self) -> Option<&mut dyn Structure>;
    /// The source of a resource of a type that the model has not.
    fn source(&self) -> Option<&UnknownResource>;
}

/// A model's enum of resources.
pub trait ResourceEnum: AnyResource + Sized {
    /// An empty resource of a type; `None` if this build does not model it.
    fn empty(type_name: &str) -> Option<Self>;
    /// A resource of a type that this build does not model.
    fn unknown(resource: Arc<UnknownResource>) -> Self;
}

/// The resources of a field that holds one, or any number.
#[allow(clippy::len_without_is_empty, reason = "nobody asks")]
pub trait ResourceList {
    fn len(&self) -> usize;
    fn get(&self, index: usize) -> Option<&dyn AnyResource>;
    fn get_mut(&mut self, index: usize) -> Option<&mut dyn AnyResource>;
    /// Adds an empty resource of a type, or does nothing if this build does not model the type. In a field of
    /// one it replaces the one.
    fn push(&mut self, type_name: &str) -> Option<&mut dyn Structure>;
    /// Adds a resource of a type that this build does not model.
    fn push_source(&mut self, type_name: &str, content: UnknownContent);
}

fn unknown<R: ResourceEnum>(type_name: &str, content: UnknownContent) -> R {
    const { assert!(size_of::<R>() <= SIZE, "the cost of a resource counts this much") };
    R::unknown(Arc::new(UnknownResource { resource_type: type_name.to_owned(), content }))
}

impl<R: ResourceEnum> ResourceList for Vec<R> {
    fn len(&self) -> usize {
        Vec::len(self)
    }

    fn get(&self, index: usize) -> Option<&dyn AnyResource> {
        Some(self.as_slice().get(index)?)
    }

    fn get_mut(&mut self, index: usize) -> Option<&mut dyn AnyResource> {
        Some(self.as_mut_slice().get_mut(index)?)
    }

    fn push(&mut self, type_name: &str) -> Option<&mut dyn Structure> {
        Vec::push(self, R::empty(type_name)?);
        self.last_mut()?.content_mut()
    }

    fn push_source(&mut self, type_name: &str, content: UnknownContent) {
        Vec::push(self, unknown(type_name, content));
    }
}

impl<R: ResourceEnum> ResourceList for Option<R> {
    fn len(&self) -> usize {
        usize::from(self.is_some())
    }

    fn get(&self, _: usize) -> Option<&dyn AnyResource> {
        Some(self.as_ref()?)
    }

    fn get_mut(&mut self, _: usize) -> Option<&mut dyn AnyResource> {
        Some(self.as_mut()?)
    }

    fn push(&mut self, type_name: &str) -> Option<&mut dyn Structure> {
        self.insert(R::empty(type_name)?).content_mut()
    }

    fn push_source(&mut self, type_name: &str, content: UnknownContent) {
        *self = Some(unknown(type_name, content));
    }
}

/// Declares a model's trait of resource types, and gives the enum of its resources the methods that convert
/// to them.
#[macro_export]
macro_rules! resource_types {
    ($resource:ident) => {
        mod sealed {
            pub trait Sealed {}
        }
        pub(crate) use sealed::Sealed;

        /// A type of resource: what [`Resource`] can hold.
        pub trait ResourceType: Sealed + Sized {
            /// The name of the type, such as `Patient`.
            const NAME: &'static str;

            /// The resource as this type, if it is of this type.
            fn of(resource: &$resource) -> Option<&Self>;

            /// The same, to change it.
            fn of_mut(resource: &mut $resource) -> Option<&mut Self>;

            /// The resource as this type by value.
            ///
            /// # Errors
            ///
            /// The resource is of another type. It comes back unchanged.
            fn take(resource: $resource) -> Result<Self, $resource>;
        }

        impl $resource {
            /// The resource as a `T`, if it is one: `resource.get::<Patient>()`.
            pub fn get<T: ResourceType>(&self) -> Option<&T> {
                T::of(self)
            }

            /// The same, to change it. Copied first if a clone shares it.
            pub fn get_mut<T: ResourceType>(&mut self) -> Option<&mut T> {
                T::of_mut(self)
            }

            /// The same, by value: `resource.take::<Patient>()?`. Copied if a clone shares it.
            ///
            /// # Errors
            ///
            /// The resource is of another type. It comes back unchanged.
            pub fn take<T: ResourceType>(self) -> Result<T, Self> {
                T::take(self)
            }
        }
    };
}

/// Implements a model's `ResourceType` for a generated resource, and its move into the enum.
#[macro_export]
macro_rules! resource_type {
    ($type:ty, $variant:ident, $name:literal) => {
        impl Sealed for $type {}

        impl ResourceType for $type {
            const NAME: &'static str = $name;

            fn of(resource: &Resource) -> Option<&Self> {
                match resource {
                    Resource::$variant(resource) => Some(resource),
                    _ => None,
                }
            }

            fn take(resource: Resource) -> Result<Self, Resource> {
                match resource {
                    Resource::$variant(resource) => Ok(std::sync::Arc::unwrap_or_clone(resource)),
                    other => Err(other),
                }
            }

            fn of_mut(resource: &mut Resource) -> Option<&mut Self> {
                match resource {
                    Resource::$variant(resource) => Some(std::sync::Arc::make_mut(resource)),
                    _ => None,
                }
            }
        }

        impl From<$type> for Resource {
            fn from(resource: $type) -> Self {
                Self::$variant(std::sync::Arc::new(resource))
            }
        }

        impl From<std::sync::Arc<$type>> for Resource {
            fn from(resource: std::sync::Arc<$type>) -> Self {
                Self::$variant(resource)
            }
        }
    };
}
