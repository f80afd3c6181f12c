//! The methods of [`Resource`]; the enum itself is generated.

use std::sync::Arc;

pub use crate::generated::resource::{RESOURCE_TYPES, Resource};
use crate::unknown::{UnknownContent, UnknownResource};

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

    /// The resource as this type by value.
    ///
    /// # Errors
    ///
    /// The resource is of another type. It comes back unchanged.
    fn take(resource: Resource) -> Result<Self, Resource>;
}

impl Resource {
    /// A resource of a type that this build does not model.
    pub(crate) fn unknown(resource_type: &str, content: UnknownContent) -> Self {
        let resource_type = resource_type.to_owned();
        Self::Unknown(Arc::new(UnknownResource { resource_type, content }))
    }

    /// The memory of a resource beside its fields: its place in a list, twice while the list grows, and its
    /// reference counters.
    pub(crate) const COST: usize = 2 * size_of::<Self>() + 2 * size_of::<usize>();

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

/// Implements [`ResourceType`](crate::ResourceType) for a generated resource, and its move into the enum.
macro_rules! resource_type {
    ($type:ty, $variant:ident, $name:literal) => {
        impl $crate::resource::Sealed for $type {}

        impl $crate::resource::ResourceType for $type {
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

pub(crate) use resource_type;

#[cfg(test)]
mod tests {
    use crate::Resource;
    use crate::resources::Patient;

    #[test]
    fn a_clone_shares_what_it_holds_until_one_of_them_changes() {
        let mut resource: Resource = Patient { active: true.into(), ..Patient::default() }.into();
        let clone = resource.clone();
        let place = |resource: &Resource| resource.get().map(std::ptr::from_ref::<Patient>);
        assert_eq!(place(&resource), place(&clone));
        resource.get_mut::<Patient>().expect("a patient").active = false.into();
        assert_ne!(resource, clone);
        let kept: Patient = clone.take().expect("a patient");
        assert_eq!(kept.active.value, Some(true));
    }
}
