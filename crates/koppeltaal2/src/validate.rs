//! [`validate`]: checks a resource of any type against R4 and its profile.

use koppeltaal_fhir_base::Findings;
use koppeltaal_r4::resources::Bundle;
use koppeltaal_r4::{Finding, Resource};

use crate::generated::RULES;
use crate::profile::check;

/// Where a resource departs from R4, and from the profile of its type if Koppeltaal 2.0 has one. The entries
/// of a Bundle are checked too. See [`Profile::validate`](crate::Profile::validate) for what is checked.
///
/// ```
/// use koppeltaal_r4::resources::{Endpoint, EndpointStatus};
///
/// let endpoint = Endpoint { status: EndpointStatus::Active.into(), ..Default::default() };
/// let findings = koppeltaal2::validate(&endpoint.into());
/// assert!(findings.iter().any(|finding| finding.path == "address"));
/// ```
pub fn validate(resource: &Resource) -> Vec<Finding> {
    let mut findings = resource.check();
    findings.extend(Findings::collect(|findings| check_profiles(resource, findings)));
    findings
}

fn check_profiles(resource: &Resource, findings: &mut Findings) {
    if let Some((_, rules)) = RULES.iter().find(|(name, _)| *name == resource.resource_type()) {
        check(resource, rules, findings);
    }
    let Some(bundle) = resource.get::<Bundle>() else { return };
    for (index, entry) in bundle.entry.iter().enumerate() {
        if let Some(resource) = &entry.resource {
            findings.inside(&[("entry", Some(index)), ("resource", None)], |findings| {
                check_profiles(resource, findings);
            });
        }
    }
}
