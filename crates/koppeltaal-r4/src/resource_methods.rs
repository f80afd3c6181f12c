//! What a [`Resource`] can do: be written, checked, and searched for references.

use koppeltaal_fhir_base::check::check;
use koppeltaal_fhir_base::document::Content;
use koppeltaal_fhir_base::resource::AnyResource as _;
use koppeltaal_fhir_base::visit::{visit, visit_mut};
use koppeltaal_fhir_base::{ElementPath, Finding, WriteError, json, writing, xml};

use crate::datatypes::Reference;
use crate::model::R4;
use crate::resource::Resource;

writing!(Resource, "The resource", "", json::write, write_xml);

fn write_xml(content: Content<'_>, indent: usize, out: &mut Vec<u8>) -> Result<(), WriteError> {
    match content {
        Content::Resource(resource) => xml::write(resource, indent, out),
        // R4's bundles are resources.
        Content::Bundle { .. } => Ok(()),
    }
}

impl Resource {
    pub(crate) fn as_content(&self) -> Content<'_> {
        Content::Resource(self)
    }

    /// The violations of the structure of R4 in the resource: cardinalities, formats, codes of required
    /// lists, narratives, unknown content. The invariants of R4 and the rules of Koppeltaal are not checked
    /// here.
    ///
    /// Without a finding of severity error, a strict read takes what is written, except perhaps inside
    /// resources that this build does not model.
    pub fn check(&self) -> Vec<Finding> {
        check(&R4, self.as_content(), |_| Ok(()))
    }

    /// Shows `visit` every [`Reference`] in the resource, each with its place, in the order in which elements
    /// are written: those in elements, in extensions (also of primitives), in contained resources and in the
    /// entries of a bundle.
    ///
    /// What is kept as text is not searched: unknown elements, and resources of a type that this build does
    /// not model.
    ///
    /// ```
    /// use koppeltaal_r4::Resource;
    /// use koppeltaal_r4::datatypes::Reference;
    /// use koppeltaal_r4::resources::Task;
    ///
    /// let patient = Reference { reference: "Patient/1".into(), ..Default::default() };
    /// let task: Resource = Task { r#for: Some(patient), ..Default::default() }.into();
    /// let mut found = Vec::new();
    /// task.visit_references(|path, reference| found.push(format!("{path} -> {}", reference.reference)));
    /// assert_eq!(found, ["for -> Patient/1"]);
    /// ```
    pub fn visit_references(&self, visitor: impl FnMut(ElementPath<'_>, &Reference)) {
        if let Some(structure) = self.content() {
            visit(structure, visitor);
        }
    }

    /// The same as [`visit_references`](Self::visit_references), to change the references. Resources that a
    /// clone shares are copied first.
    pub fn visit_references_mut(&mut self, visitor: impl FnMut(ElementPath<'_>, &mut Reference)) {
        if let Some(structure) = self.content_mut() {
            visit_mut(structure, visitor);
        }
    }
}
