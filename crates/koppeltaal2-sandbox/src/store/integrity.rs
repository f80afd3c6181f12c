//! Referential integrity: references lead to resources that are there.

use std::sync::Arc;

use koppeltaal_r4::Resource;

use crate::resources::{relative, served};
use crate::store::version::{Lookup, Version};

/// A reference that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dangling {
    /// Where it stands: `Task.owner`.
    pub(crate) expression: String,
    /// `Patient/1`.
    pub(crate) reference: String,
    /// Whether there was such a resource.
    pub(crate) is_deleted: bool,
}

/// What an AuditEvent is about may be deleted, or never have been there.
fn is_free(resource_type: &str, path: &str) -> bool {
    resource_type == "AuditEvent" && path.starts_with("entity[")
}

/// The literal references of a resource to served types that lead nowhere.
pub(crate) fn dangling(resource: &Resource, look_up: impl Fn(&str, &str) -> Lookup) -> Vec<Dangling> {
    let resource_type = resource.resource_type();
    let mut found = Vec::new();
    resource.visit_references(|path, reference| {
        let Some((target, id)) = reference.reference.as_str().and_then(relative) else { return };
        let is_deleted = match look_up(target, id) {
            _ if served(target).is_none() => return,
            Lookup::Found(_) => return,
            Lookup::Gone => true,
            Lookup::Unknown => false,
        };
        let path = path.to_string();
        if !is_free(resource_type, &path) {
            let expression = format!("{resource_type}.{path}");
            found.push(Dangling { expression, reference: format!("{target}/{id}"), is_deleted });
        }
    });
    found
}

/// A resource that refers to another one, AuditEvents aside: `Task/1`.
pub(crate) fn referrer<'a>(
    reference: &str,
    mut others: impl Iterator<Item = &'a Arc<Version>>,
) -> Option<String> {
    let refers = |other: &Version| {
        let mut refers = false;
        other.resource.visit_references(|path, own| {
            let own = own.reference.as_str().and_then(relative);
            refers |= own.is_some_and(|(name, id)| reference.split_once('/') == Some((name, id)))
                && !is_free(other.resource_type(), &path.to_string());
        });
        refers
    };
    others.find(|other| refers(other)).map(|other| other.reference())
}
