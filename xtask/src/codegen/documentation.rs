//! The doc comments of the DSTU1 model: name, cardinality, type, and a link to the page of the standard.

use super::model::{CodeList, Content, Field, Module, Standard, Type};
use super::names;
use crate::schema::{Binding, Role};

/// The comment above a struct.
pub(crate) fn of_type(module: &Module, ty: &Type) -> String {
    let Standard { name: version, url, .. } = module.standard;
    match ty.role {
        Role::Resource => {
            format!(" The resource `{0}`. See [its {version} page]({url}/{1}.html).", ty.name, module.name)
        }
        Role::Binary => {
            format!(
                " Content of any kind, as base64 with a MIME type. See [its {version} page]({url}/extras.html#binary)."
            )
        }
        // In R4 the name says no more than the path.
        Role::Component if module.standard.extends_restrictions => format!(
            " A value of `{0}`. See [its {version} page]({url}/{1}-definitions.html#{0}).",
            ty.path, module.name
        ),
        Role::Component => format!(
            " A value of `{0}`; the standard's schema calls the type `{1}`. See [its {version} page]({url}/{2}-definitions.html#{0}).",
            ty.path, ty.name, module.name
        ),
        Role::Type | Role::Abstract => {
            let page = match ty.name.as_str() {
                "Extension" => "extensibility.html#extension".to_owned(),
                "Narrative" => "formats.html#narrative".to_owned(),
                "Reference" => "references.html#Reference".to_owned(),
                "Meta" => "resource.html#Meta".to_owned(),
                "ContactDetail"
                | "Contributor"
                | "DataRequirement"
                | "Expression"
                | "ParameterDefinition"
                | "RelatedArtifact"
                | "TriggerDefinition"
                | "UsageContext" => {
                    format!("metadatatypes.html#{}", ty.name)
                }
                "ResourceReference" => "references.html#resourcereference".to_owned(),
                name => format!("datatypes.html#{}", name.split('.').next().unwrap_or(name)),
            };
            format!(" The data type `{}`. See [its {version} page]({url}/{page}).", ty.name)
        }
    }
}

/// The comment above a field.
pub(crate) fn of_field(module: &Module, ty: &Type, field: &Field) -> String {
    let cardinality = field.cardinality;
    let what = describe(&field.content);
    let suffix = if matches!(field.content, Content::Choice { .. }) { "[x]" } else { "" };
    let name = format!("{}{suffix}", field.name);
    let own = match ty.role {
        Role::Resource | Role::Component => {
            let url = module.standard.url;
            format!("[`{name}`]({url}/{}-definitions.html#{}.{name})", module.name, ty.path)
        }
        _ => format!("`{name}`"),
    };
    match field.name.as_str() {
        "extension" => " Extensions, 0..*: what the standard has no field for.".to_owned(),
        "modifierExtension" => {
            " Extensions that change the meaning of the rest, 0..*; a reader must not ignore them.".to_owned()
        }
        "contained" => " Contained resources, 0..*: those without an identity of their own.".to_owned(),
        "id" if ty.role == Role::Resource => {
            format!(" `id`, {cardinality} {what}: the logical id, which the resource's URL ends with.")
        }
        "language" if ty.role == Role::Resource => {
            format!(" `language`, {cardinality} {what}: the language of the content.")
        }
        "text" if ty.role == Role::Resource => {
            format!(" `text`, {cardinality} {what}: the content for people.")
        }
        _ => format!(" {own}, {cardinality} {what}{}{}.", targets(field), binding(field)),
    }
}

/// What a reference may point to.
fn targets(field: &Field) -> String {
    match field.targets.len() {
        0 => String::new(),
        1..=6 => format!(" to `{}`", field.targets.join("` or `")),
        _ => " to many types".to_owned(),
    }
}

/// How its codes are bound to a value set.
fn binding(field: &Field) -> String {
    match &field.binding {
        None => String::new(),
        Some(Binding { strength, value_set }) => format!(", {strength} codes of <{value_set}>"),
    }
}

/// The comment above the enum of a choice.
pub(crate) fn of_choice(ty: &Type, field: &Field) -> String {
    format!(" The types that `{}.{}[x]` can have.", ty.path, field.name)
}

/// The comment above an alternative of a choice.
pub(crate) fn of_alternative(field: &Field, content: &Content) -> String {
    format!(" `{}`: {}.", names::alternative(&field.name, &alternative_type(content)), describe(content))
}

/// The comment above a code list.
pub(crate) fn of_codes(list: &CodeList) -> String {
    let name = &list.name;
    format!(" The closed list of codes `{name}`; an unlisted code is kept as text.")
}

/// The name of an alternative's type in the standard.
pub(crate) fn alternative_type(content: &Content) -> String {
    match content {
        Content::Primitive { name, .. } => name.clone(),
        Content::Structure { standard_name, .. } => standard_name.clone(),
        // The schemas have no choice with these.
        Content::Code { .. }
        | Content::Attribute
        | Content::IdReference
        | Content::Xhtml
        | Content::AnyResource
        | Content::Choice { .. } => String::new(),
    }
}

pub(super) fn describe(content: &Content) -> String {
    match content {
        Content::Attribute => "attribute".to_owned(),
        Content::Xhtml => "XHTML".to_owned(),
        Content::IdReference => "id of an element of this resource".to_owned(),
        Content::AnyResource => "resource".to_owned(),
        Content::Primitive { name, .. } => format!("`{name}`"),
        Content::Code { list } => format!("[`{list}`]"),
        Content::Structure { standard_name, .. } => format!("`{standard_name}`"),
        Content::Choice { alternatives, .. } => {
            let types: Vec<String> = alternatives.iter().map(alternative_type).collect();
            // A list of 24 types says less than the enum itself.
            if types.len() > 6 { "of many types".to_owned() } else { format!("`{}`", types.join("` or `")) }
        }
    }
}
