//! The methods of [`Resource`]; the enum itself is generated.

use koppeltaal_fhir_base::resource_types;

pub use crate::generated::resource::{RESOURCE_TYPES, Resource};

resource_types!(Resource);

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
