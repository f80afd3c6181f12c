//! The findings that both readers and the check report, and their wording. Findings about tokens are in the
//! modules of the formats.

use super::collector::FindingList;
use super::report::{Failure, Report};
use super::rule::{Rule, Severity};
use crate::markup::check_signature;
use crate::primitives::{AnyPrimitive, ScalarKind, Verdict};
use crate::structure::{EXTENSION, FieldSchema, FieldSet, Shape, Slot, Structure, TypeSchema};
use crate::xhtml::{ONE_DIV, ONE_SIGNATURE, Refusal};

type Result = std::result::Result<(), Failure>;

impl Report<'_> {
    /// Reports the mandatory fields of a type that are not present.
    #[inline]
    pub fn missing_fields(&mut self, schema: &TypeSchema, present: FieldSet, offset: usize) -> Result {
        for field in schema.missing(present) {
            self.missing(field.name, offset)?;
        }
        Ok(())
    }

    #[cold]
    pub fn missing(&mut self, name: &str, offset: usize) -> Result {
        self.finding(Rule::MINIMUM, name, offset).expected("a value").found("nothing")
    }

    /// Reports an element or member that a type does not have.
    #[cold]
    pub fn unknown_element(&mut self, type_name: &str, name: &str, offset: usize) -> Result {
        let expected = format_args!("an element of {type_name}");
        self.finding(Rule::UNKNOWN_ELEMENT, name, offset).expected(expected).found(name)
    }

    /// Reports a second alternative of a choice.
    #[cold]
    pub fn second_alternative(&mut self, name: &str, offset: usize) -> Result {
        self.finding(Rule::CHOICE, name, offset)
            .expected("one alternative of the choice")
            .found("a second one")
    }

    /// Age, Duration and the other restrictions of Quantity take no extensions.
    #[inline]
    pub fn unextended(&mut self, field: &FieldSchema, value: &mut dyn Structure, offset: usize) -> Result {
        if field.shape == Shape::Unextended
            && let Slot::Structures(extensions) = value.slot(EXTENSION)
            && extensions.len() > 0
        {
            return self.no_extension_here(offset);
        }
        Ok(())
    }

    #[cold]
    pub fn no_extension_here(&mut self, offset: usize) -> Result {
        self.finding(Rule::UNKNOWN_ELEMENT, "extension", offset).expected("no extension here").found("one")
    }

    /// Reports a type of resource that the version does not have, or, in a read, that this build does not
    /// model.
    #[cold]
    pub fn unknown_resource(&mut self, resource_type: &str, offset: usize) -> Result {
        let model = self.model();
        let finding = self.finding(Rule::UNKNOWN_RESOURCE, "", offset);
        if !model.resource_types.contains(&resource_type) {
            return finding.expected(format_args!("a resource type of {}", model.name)).found(resource_type);
        }
        finding.severity(Severity::Information).expected(model.modelled).found(resource_type)
    }

    /// Reports a primitive with neither value nor extension, which the schema lets pass.
    #[cold]
    pub fn empty_element(&mut self, name: &str, offset: usize) -> Result {
        self.finding(Rule::EMPTY, name, offset)
            .severity(Severity::Warning)
            .expected("a value")
            .found("neither value nor extension")
    }

    /// Reports what is wrong with a value, if anything is.
    #[cold]
    pub fn value(&mut self, name: &str, value: &dyn AnyPrimitive, verdict: Verdict, offset: usize) -> Result {
        let found = value.wire_text().unwrap_or_default();
        let (severity, rule, expected) = match verdict {
            Verdict::Valid | Verdict::Unusual => return Ok(()),
            Verdict::Lax => (self.model().lax, Rule::FORMAT, value.kind().describe_prose()),
            Verdict::Invalid => {
                let rule = match value.kind() {
                    _ if found.is_empty() => Rule::EMPTY,
                    ScalarKind::ListedCode => Rule::CODE,
                    _ => Rule::FORMAT,
                };
                (rule.severity(), rule, value.kind().describe())
            }
        };
        self.finding(rule, name, offset)
            .severity(severity)
            .expected(expected)
            .found(format_args!("{found:?}"))
    }

    /// Reports an id that the schema does not allow.
    pub fn id(&mut self, id: &str, offset: usize) -> Result {
        let model = self.model();
        if (model.is_id)(id) {
            return Ok(());
        }
        let rule = if id.is_empty() { Rule::EMPTY } else { Rule::FORMAT };
        self.finding(rule, "id", offset).expected(model.id.describe()).found(format_args!("{id:?}"))
    }

    /// Reports what FHIR does not allow in a well-formed narrative.
    pub fn narrative(&mut self, name: &str, list: FindingList, offset: usize) -> Result {
        for finding in list.kept {
            self.finding(Rule::NARRATIVE, name, offset).expected(finding.expected).found(finding.found)?;
        }
        self.suppress(list.suppressed);
        Ok(())
    }

    /// Reports a narrative that cannot stand in XML.
    #[cold]
    pub fn refused_narrative(&mut self, name: &str, refusal: Refusal, offset: usize) -> Result {
        self.refused_markup(Rule::NARRATIVE, name, ONE_DIV, refusal, offset)
    }

    /// Checks that the signature of a bundle can stand in XML.
    #[cold]
    pub fn signature(&mut self, name: &str, markup: &str, offset: usize) -> Result {
        match check_signature(markup, *self.limits()) {
            Ok(()) => Ok(()),
            Err(refusal) => self.refused_markup(Rule::BUNDLE, name, ONE_SIGNATURE, refusal, offset),
        }
    }

    /// Markup that exceeds a limit ends a read, strict or not.
    fn refused_markup(
        &mut self,
        rule: Rule,
        name: &str,
        expected: &str,
        refusal: Refusal,
        offset: usize,
    ) -> Result {
        match refusal {
            Refusal::Limit(limit) if self.reads_text() => Err(self.limit(limit, offset)),
            refusal => self.finding(rule, name, offset).expected(expected).found(refusal.into_problem()),
        }
    }
}
