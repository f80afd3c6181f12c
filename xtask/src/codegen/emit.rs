//! Generates the code of the DSTU1 model: a file for each schema file, `resource.rs` with the enum of all
//! resources, and the index.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote};

use super::documentation;
use super::model::{CodeList, Content, Field, MORE_DATATYPES, Model, Module, Type};
use super::names;
use crate::schema::Role;

/// The generated files by name.
pub(crate) fn files(model: &Model) -> Vec<(String, TokenStream)> {
    let mut files: Vec<(String, TokenStream)> =
        model.modules.iter().map(|module| (format!("{}.rs", module.name), module_file(module))).collect();
    files.push(("resource.rs".to_owned(), resource_file(model)));
    files.push((super::INDEX.to_owned(), index_file(model)));
    files
}

/// The index: the modules, and one flat namespace of their types.
fn index_file(model: &Model) -> TokenStream {
    let modules = model.modules.iter().map(|module| {
        let (name, gate) = (ident(&module.name), gate(module));
        if module.name == MORE_DATATYPES {
            quote! { #gate mod #name; }
        } else if module.name == "datatypes" {
            quote! { pub mod #name; }
        } else {
            quote! { #gate pub(crate) mod #name; }
        }
    });
    let of_resources = |module: &&Module| !matches!(module.name.as_str(), "datatypes" | MORE_DATATYPES);
    let resources = model.modules.iter().filter(of_resources).map(|module| {
        let (name, gate) = (ident(&module.name), gate(module));
        quote! { #gate pub use super::#name::*; }
    });
    let version = model.standard.name;
    let title = format!(" The types of {version}, one module per resource, and the data types.");
    let resources_title = format!(" The resources of {version}, their components and their code lists.");
    quote! {
        #![doc = #title]
        #(#modules)*
        pub(crate) mod resource;

        #[doc = #resources_title]
        pub mod resources {
            #(#resources)*
        }
    }
}

fn gate(module: &Module) -> TokenStream {
    if module.always {
        TokenStream::new()
    } else {
        quote! { #[cfg(feature = "all-resources")] }
    }
}

fn module_file(module: &Module) -> TokenStream {
    let types = module.types.iter().map(|ty| structure(module, ty));
    let lists = module.codes.iter().map(code_list);
    let title = match module.name.as_str() {
        "datatypes" => format!(
            " The data types of {}, and the code lists that several types share.",
            module.standard.name
        ),
        MORE_DATATYPES => " The data types that only the feature `all-resources` needs.".to_owned(),
        name => format!(" The resource of `{name}.schema`, its components and its code lists."),
    };
    let imports = imports(module);
    let more = (module.name == "datatypes" && module.has_more).then(|| {
        quote! { #[cfg(feature = "all-resources")] pub use super::moredatatypes::*; }
    });
    quote! {
        #![doc = #title]
        #imports
        #more
        #(#types)*
        #(#lists)*
    }
}

/// The `use` lines of a module.
fn imports(module: &Module) -> TokenStream {
    let mut imports = Imports::default();
    if !module.types.is_empty() {
        imports.add("koppeltaal_fhir_base", "describe");
        imports.add("koppeltaal_fhir_base", "Unknown");
    }
    if !module.codes.is_empty() {
        imports.add("koppeltaal_fhir_base", "code_list");
    }
    for field in module.types.iter().flat_map(|ty| &ty.fields) {
        imports.add_content(module, &field.content);
    }
    imports.tokens()
}

/// The imported names, by the path of their module.
#[derive(Default)]
pub(super) struct Imports(BTreeMap<&'static str, BTreeSet<String>>);

impl Imports {
    pub(super) fn add(&mut self, path: &'static str, name: &str) {
        self.0.entry(path).or_default().insert(name.to_owned());
    }

    /// Adds the names in the Rust type of a field with this content.
    pub(super) fn add_content(&mut self, module: &Module, content: &Content) {
        match content {
            Content::Attribute => {}
            Content::Xhtml => self.add("koppeltaal_fhir_base", "Xhtml"),
            Content::AnyResource => self.add("crate::resource", "Resource"),
            Content::IdReference => self.add("crate::primitives", "Primitive"),
            Content::Primitive { name, .. } => {
                self.add("crate::primitives", "Primitive");
                let scalar = scalar(name).to_string();
                match scalar.as_str() {
                    "bool" | "i32" | "u32" | "String" => {}
                    "NonZeroU32" => self.add("std::num", &scalar),
                    _ => self.add("crate::primitives", &scalar),
                }
            }
            Content::Code { list } => {
                self.add("crate::primitives", "Primitive");
                if !module.codes.iter().any(|own| own.name == *list) {
                    self.add("super::datatypes", list);
                }
            }
            Content::Structure { name, .. } => {
                if !module.types.iter().any(|own| names::type_name(&own.name) == *name) {
                    self.add("super::datatypes", name);
                }
            }
            Content::Choice { alternatives, .. } => {
                alternatives.iter().for_each(|content| self.add_content(module, content));
            }
        }
    }

    /// Adds the name of a field's type if it is of the module itself, under the path `self`.
    pub(super) fn add_own(&mut self, module: &Module, content: &Content) {
        match content {
            Content::Code { list } if module.codes.iter().any(|own| own.name == *list) => {
                self.add("self", list);
            }
            Content::Structure { name, .. }
                if module.types.iter().any(|own| names::type_name(&own.name) == *name) =>
            {
                self.add("self", name);
            }
            Content::Choice { enumeration, .. } => self.add("self", enumeration),
            _ => {}
        }
    }

    /// The `use` lines with other paths.
    pub(super) fn with_roots(self, root: impl Fn(&'static str) -> &'static str) -> TokenStream {
        Self(self.0.into_iter().map(|(path, names)| (root(path), names)).collect()).tokens()
    }

    fn tokens(&self) -> TokenStream {
        let uses = self.0.iter().map(|(path, names)| {
            let path = path.split("::").map(ident);
            let names = names.iter().map(|name| ident(name));
            quote! { use #(#path::)* {#(#names),*}; }
        });
        quote! { #(#uses)* }
    }
}

fn structure(module: &Module, ty: &Type) -> TokenStream {
    let name = ident(&names::type_name(&ty.name));
    let doc = documentation::of_type(module, ty);
    let standard_name = &ty.name;
    // R4's bundle is a resource like any other, but for the limit of its entries.
    let kind = ident(match ty.role {
        Role::Resource if ty.name == "Bundle" => "bundle",
        Role::Resource | Role::Binary => "resource",
        _ => "element",
    });
    let has_own_id = ty.fields.iter().any(|field| field.name == "id");
    let id = (!has_own_id).then(|| {
        quote! {
            /// The element's id: a label that references inside the resource use.
            pub id: Option<String>,
        }
    });
    let id_row = (!has_own_id).then(|| quote! { id });

    let fields = ty.fields.iter().map(|field| {
        let doc = documentation::of_field(module, ty, field);
        let field_name = names::field_ident(&field.name);
        let field_type = rust_type(module, ty, field);
        quote! { #[doc = #doc] pub #field_name: #field_type }
    });
    let rows = ty.fields.iter().map(row);
    let choices = ty.fields.iter().filter_map(|field| match &field.content {
        Content::Choice { enumeration, alternatives } => Some(choice(ty, field, enumeration, alternatives)),
        _ => None,
    });
    quote! {
        #[doc = #doc]
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct #name {
            #id
            #(#fields,)*
            /// What the type does not have, kept as it came.
            pub unknown: Unknown,
        }

        describe! { #name #standard_name #kind #id_row: #(#rows,)* }

        #(#choices)*
    }
}

/// The row of a field in the table of `describe!`; a choice has a row for each of its alternatives.
fn row(field: &Field) -> TokenStream {
    let cardinality = names::cardinality(field.cardinality);
    let field_name = names::field_ident(&field.name);
    let first = Literal::usize_unsuffixed(field.index);
    match &field.content {
        Content::Choice { enumeration, alternatives } => {
            let enumeration = ident(enumeration);
            let rows = alternatives.iter().enumerate().map(|(offset, content)| {
                let index = Literal::usize_unsuffixed(field.index + offset);
                let type_name = documentation::alternative_type(content);
                let name = names::alternative(&field.name, &type_name);
                let (variant, shape) = (ident(&names::alternative_variant(&type_name)), shape(content));
                quote! { #index #name #variant #shape, }
            });
            let last = Literal::usize_unsuffixed(field.index + alternatives.len() - 1);
            quote! { choice #field_name #enumeration #cardinality #first..=#last { #(#rows)* } }
        }
        content => {
            let (name, shape) = (&field.name, shape(content));
            quote! { #first #name #field_name #shape #cardinality }
        }
    }
}

fn shape(content: &Content) -> Ident {
    ident(match content {
        Content::Attribute => "Attribute",
        Content::Xhtml => "Xhtml",
        Content::AnyResource => "Resource",
        Content::Primitive { text: true, .. } => "Text",
        Content::IdReference => "IdReference",
        Content::Primitive { .. } | Content::Code { .. } => "Primitive",
        Content::Structure { unextended: true, .. } => "Unextended",
        Content::Structure { .. } | Content::Choice { .. } => "Structure",
    })
}

pub(super) fn rust_type(module: &Module, ty: &Type, field: &Field) -> TokenStream {
    let inner = match &field.content {
        Content::Attribute => return quote! { String },
        Content::Xhtml => return quote! { Xhtml },
        Content::Choice { enumeration, .. } => {
            let enumeration = ident(enumeration);
            return quote! { Option<#enumeration> };
        }
        content => value_type(content),
    };
    let is_primitive =
        matches!(field.content, Content::Primitive { .. } | Content::Code { .. } | Content::IdReference);
    match (field.cardinality.repeats, is_primitive) {
        (true, _) => quote! { Vec<#inner> },
        (false, true) => inner,
        (false, false) if is_boxed(module, ty, field) => quote! { Option<Box<#inner>> },
        (false, false) => quote! { Option<#inner> },
    }
}

/// Data types are most of a message, and few of their values have a period, an assigner or a value set: those
/// are boxed. So are, in R4, the optional values in components, which have many of them.
fn is_boxed(module: &Module, ty: &Type, field: &Field) -> bool {
    let is_single = !field.cardinality.repeats && matches!(field.content, Content::Structure { .. });
    let is_wide = module.standard.boxes_components && ty.role == Role::Component;
    is_single && (ty.role == Role::Type || is_wide && !field.cardinality.required)
}

fn value_type(content: &Content) -> TokenStream {
    match content {
        Content::Primitive { name, .. } => {
            let scalar = scalar(name);
            quote! { Primitive<#scalar> }
        }
        Content::Code { list } => {
            let list = ident(list);
            quote! { Primitive<#list> }
        }
        Content::Structure { name, .. } => {
            let name = ident(name);
            quote! { #name }
        }
        Content::IdReference => quote! { Primitive<String> },
        Content::AnyResource => quote! { Resource },
        Content::Xhtml => quote! { Xhtml },
        Content::Attribute | Content::Choice { .. } => quote! { String },
    }
}

/// The Rust type of a primitive's value.
fn scalar(primitive: &str) -> Ident {
    match primitive {
        "boolean" => ident("bool"),
        "integer" => ident("i32"),
        "unsignedInt" => ident("u32"),
        "positiveInt" => ident("NonZeroU32"),
        "string" | "markdown" => ident("String"),
        other => ident(&names::upper_first(other)),
    }
}

fn choice(ty: &Type, field: &Field, enumeration: &str, alternatives: &[Content]) -> TokenStream {
    let name = ident(enumeration);
    let doc = documentation::of_choice(ty, field);
    let declarations = alternatives.iter().map(|content| {
        let variant = ident(&names::alternative_variant(&documentation::alternative_type(content)));
        let doc = documentation::of_alternative(field, content);
        let value = value_type(content);
        let value = if matches!(content, Content::Structure { .. }) {
            quote! { Box<#value> }
        } else {
            value
        };
        quote! { #[doc = #doc] #variant(#value) }
    });
    quote! {
        #[doc = #doc]
        #[derive(Debug, Clone, PartialEq)]
        pub enum #name {
            #(#declarations,)*
        }
    }
}

fn code_list(list: &CodeList) -> TokenStream {
    let name = ident(&list.name);
    let doc = documentation::of_codes(list);
    let codes = &list.codes;
    let variants: Vec<Ident> = list.variants.iter().map(|variant| ident(variant)).collect();
    let docs = codes.iter().map(|code| format!(" `{code}`"));
    quote! {
        #[doc = #doc]
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum #name {
            #(#[doc = #docs] #variants,)*
            /// A code that is not on the list.
            Unlisted(Box<str>),
        }

        code_list! {
            #name { #(#variants #codes,)* }
        }
    }
}

/// `resource.rs`: the enum of all resources, with the methods that readers and writers need.
fn resource_file(model: &Model) -> TokenStream {
    let resources: Vec<(TokenStream, Ident, Ident, &String)> = model
        .resources()
        .map(|(module, ty)| (gate(module), ident(&module.name), ident(&names::type_name(&ty.name)), &ty.name))
        .collect();
    let variants = resources.iter().map(|(gate, module, name, standard_name)| {
        let doc = format!(" A `{standard_name}`.");
        quote! { #gate #[doc = #doc] #name(Arc<super::#module::#name>) }
    });
    let type_names = resources.iter().map(|(gate, _, name, standard_name)| {
        quote! { #gate Self::#name(_) => #standard_name, }
    });
    let empties = resources.iter().map(|(gate, _, name, standard_name)| {
        quote! { #gate #standard_name => Self::#name(Arc::default()), }
    });
    let structures = resources.iter().map(|(gate, _, name, _)| {
        quote! { #gate Self::#name(resource) => Some(&**resource), }
    });
    let structures_mut = resources.iter().map(|(gate, _, name, _)| {
        quote! { #gate Self::#name(resource) => Some(Arc::make_mut(resource) as &mut dyn Structure), }
    });
    let conversions = resources.iter().map(|(gate, module, name, standard_name)| {
        quote! { #gate resource_type!(super::#module::#name, #name, #standard_name); }
    });
    let all_names = &model.resource_types;
    let version = model.standard.name;
    let title = format!(" Any resource of {version}.");
    let unknown = format!(
        " Types that this build does not model are kept as [`Unknown`](Self::Unknown), and so are types that {version} does not have."
    );
    let names_doc = format!(" The names of all resource types of {version}, modelled by this build or not.");
    quote! {
        #![doc = #title]
        use std::sync::Arc;

        use koppeltaal_fhir_base::resource::{AnyResource, ResourceEnum};
        use koppeltaal_fhir_base::structure::Structure;
        use koppeltaal_fhir_base::{UnknownResource, resource_type};

        use crate::resource::{ResourceType, Sealed};

        #[doc = #title]
        ///
        #[doc = #unknown]
        ///
        /// A clone shares its content, so that copying a bundle costs little. Changing a resource that others
        /// share ([`get_mut`](Self::get_mut), or [`Arc::make_mut`] in a match) copies it first; theirs does
        /// not change.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum Resource {
            #(#variants,)*
            /// A resource of another type, as source text.
            Unknown(Arc<UnknownResource>),
        }

        #[doc = #names_doc]
        pub const RESOURCE_TYPES: &[&str] = &[#(#all_names),*];

        impl Resource {
            /// The name of the resource's type, such as `Patient`.
            pub fn resource_type(&self) -> &str {
                match self {
                    #(#type_names)*
                    Self::Unknown(resource) => resource.resource_type(),
                }
            }
        }

        impl AnyResource for Resource {
            fn type_name(&self) -> &str {
                self.resource_type()
            }

            fn content(&self) -> Option<&dyn Structure> {
                match self {
                    #(#structures)*
                    Self::Unknown(_) => None,
                }
            }

            fn content_mut(&mut self) -> Option<&mut dyn Structure> {
                match self {
                    #(#structures_mut)*
                    Self::Unknown(_) => None,
                }
            }

            fn source(&self) -> Option<&UnknownResource> {
                match self {
                    Self::Unknown(resource) => Some(resource),
                    _ => None,
                }
            }
        }

        impl ResourceEnum for Resource {
            fn empty(type_name: &str) -> Option<Self> {
                Some(match type_name {
                    #(#empties)*
                    _ => return None,
                })
            }

            fn unknown(resource: Arc<UnknownResource>) -> Self {
                Self::Unknown(resource)
            }
        }

        #(#conversions)*
    }
}

fn ident(name: &str) -> Ident {
    format_ident!("{}", name, span = Span::call_site())
}
