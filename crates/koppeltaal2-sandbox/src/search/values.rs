//! [`Values`]: what the search parameters of a type find in a resource, and the keys it is indexed by.

use std::any::Any;

use koppeltaal_fhir_base::primitives::primitive::AnyPrimitive;
use koppeltaal_fhir_base::primitives::scalar::ScalarKind;
use koppeltaal_r4::Resource;
use koppeltaal_r4::datatypes::{
    Address, CodeableConcept, Coding, ContactPoint, HumanName, Identifier, Period, Reference,
};
use koppeltaal_r4::primitives::DateTime;
use koppeltaal_r4::{Primitive, primitives};

use crate::resources::relative;
use crate::search::parameters::{Kind, Parameter, parameters};
use crate::search::path::Leaf;
use crate::search::span::Span;

/// What the parameters of a type find in a resource: places of parameters, with values.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Values(Vec<(usize, Value)>);

/// One value that a search compares.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Token {
        system: System,
        code: Box<str>,
    },
    /// `Type/id`, or the reference as it is if it is not relative; and the identifier beside it.
    Reference {
        target: Box<str>,
        identifier: Option<Box<(System, Box<str>)>>,
    },
    Text(Box<str>),
    Date(Span),
    Uri(Box<str>),
}

/// The system of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum System {
    /// Of an element whose type is `code`: the element says it.
    Implied,
    None,
    Uri(Box<str>),
}

impl Value {
    /// Its text, for sorting; none of a date.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Token { code: text, .. }
            | Self::Reference { target: text, .. }
            | Self::Text(text)
            | Self::Uri(text) => text,
            Self::Date(_) => "",
        }
    }
}

impl Values {
    /// What a resource holds for the parameters of its type.
    pub(crate) fn of(resource: &Resource) -> Self {
        Self::of_some(resource, |_| true)
    }

    /// What it holds for some of them, by their places.
    pub(crate) fn of_some(resource: &Resource, is_wanted: impl Fn(usize) -> bool) -> Self {
        let mut values = Vec::new();
        let parameters = parameters(resource.resource_type()).iter().enumerate();
        for (place, parameter) in parameters.filter(|(place, _)| is_wanted(*place)) {
            for path in &parameter.paths {
                path.walk(resource, &mut |leaf| {
                    let mut keep = |value| values.push((place, value));
                    match leaf {
                        Leaf::Primitive(value) => from_primitive(parameter.kind, value, &mut keep),
                        Leaf::Structure(value) => from_structure(parameter, value, &mut keep),
                    }
                });
            }
        }
        Self(values)
    }

    /// The values of the parameter at a place.
    pub(crate) fn at(&self, place: usize) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(move |(own, _)| *own == place).map(|(_, value)| value)
    }

    /// Shows `key` every key that the resource is indexed by, with the place of its parameter.
    pub(crate) fn keys(&self, mut key: impl FnMut(usize, Box<str>)) {
        for (place, value) in &self.0 {
            match value {
                Value::Token { system, code } => {
                    key(*place, code_key(code));
                    key(*place, token_key(system, code));
                }
                Value::Reference { target: text, .. } | Value::Uri(text) => key(*place, text.clone()),
                Value::Text(_) | Value::Date(_) => {}
            }
        }
    }
}

/// The key of a code of any system.
pub(crate) fn code_key(code: &str) -> Box<str> {
    // No URI starts so.
    format!("={code}").into()
}

/// The key of a code with its system.
pub(crate) fn token_key(system: &System, code: &str) -> Box<str> {
    match system {
        // No URI is a star.
        System::Implied => format!("*|{code}"),
        System::None => format!("|{code}"),
        System::Uri(system) => format!("{system}|{code}"),
    }
    .into()
}

fn from_primitive(kind: Kind, value: &dyn AnyPrimitive, keep: &mut dyn FnMut(Value)) {
    let is_code = matches!(value.kind(), ScalarKind::Code | ScalarKind::ListedCode | ScalarKind::Boolean);
    let Some(text) = value.wire_text() else { return };
    let value = match kind {
        Kind::Token => {
            let system = if is_code { System::Implied } else { System::None };
            Value::Token { system, code: text.into() }
        }
        Kind::String => Value::Text(text.into()),
        Kind::Date => match Span::parse(&text) {
            Some(span) => Value::Date(span),
            None => return,
        },
        Kind::Uri => Value::Uri(text.into()),
        // A canonical or a uri that points to a resource.
        Kind::Reference => Value::Reference { target: text.into(), identifier: None },
    };
    keep(value);
}

fn from_structure(parameter: &Parameter, value: &dyn Any, keep: &mut dyn FnMut(Value)) {
    match parameter.kind {
        Kind::Token => tokens(value, keep),
        Kind::Reference => {
            if let Some(value) = value.downcast_ref().and_then(|value| reference(parameter, value)) {
                keep(value);
            }
        }
        Kind::String => texts(value, &mut |text| keep(Value::Text(text.into()))),
        Kind::Date => {
            if let Some(Period { start, end, .. }) = value.downcast_ref() {
                keep(Value::Date(Span::between(span(start), span(end))));
            }
        }
        Kind::Uri => {}
    }
}

fn tokens(value: &dyn Any, keep: &mut dyn FnMut(Value)) {
    if let Some(CodeableConcept { coding, .. }) = value.downcast_ref() {
        coding.iter().for_each(|coding| tokens(coding, keep));
    } else if let Some(Coding { system, code, .. }) = value.downcast_ref() {
        if let Some(code) = code.text() {
            keep(Value::Token { system: System::of(system), code: code.into() });
        }
    } else if let Some(identifier) = value.downcast_ref() {
        if let Some((system, code)) = identifier_token(identifier) {
            keep(Value::Token { system, code });
        }
    } else if let Some(ContactPoint { value: Primitive { value: Some(value), .. }, .. }) =
        value.downcast_ref()
    {
        keep(Value::Token { system: System::Implied, code: value.as_str().into() });
    }
}

fn identifier_token(identifier: &Identifier) -> Option<(System, Box<str>)> {
    Some((System::of(&identifier.system), identifier.value.text()?.into()))
}

fn reference(parameter: &Parameter, value: &Reference) -> Option<Value> {
    let identifier =
        value.identifier.as_ref().and_then(|identifier| identifier_token(identifier)).map(Box::new);
    let text = value.reference.as_str().unwrap_or_default();
    let (target, resource_type) = match relative(text) {
        Some((resource_type, id)) => (format!("{resource_type}/{id}").into_boxed_str(), Some(resource_type)),
        None => (Box::from(text), value.r#type.as_str()),
    };
    let is_wanted = parameter.targets.is_empty()
        || resource_type.is_none_or(|resource_type| parameter.targets.contains(&resource_type));
    (is_wanted && (!target.is_empty() || identifier.is_some()))
        .then_some(Value::Reference { target, identifier })
}

fn texts(value: &dyn Any, keep: &mut dyn FnMut(&str)) {
    let mut parts = |parts: &[&Primitive<std::string::String>]| {
        parts.iter().filter_map(|part| part.as_str()).for_each(&mut *keep);
    };
    if let Some(HumanName { text, family, given, prefix, suffix, .. }) = value.downcast_ref() {
        parts(&[text, family]);
        given.iter().chain(prefix).chain(suffix).for_each(|part| parts(&[part]));
    } else if let Some(Address { text, line, city, district, state, postal_code, country, .. }) =
        value.downcast_ref()
    {
        parts(&[text, city, district, state, postal_code, country]);
        line.iter().for_each(|part| parts(&[part]));
    }
}

fn span(date: &Primitive<DateTime>) -> Option<Span> {
    Span::parse(&date.text()?)
}

impl System {
    fn of(system: &Primitive<primitives::Uri>) -> Self {
        match system.as_str() {
            Some(system) if !system.is_empty() => Self::Uri(system.into()),
            _ => Self::None,
        }
    }
}
