//! Whether the values of a resource meet the criteria of a query.

use crate::search::query::{Criterion, Query, Test, Wanted, folded};
use crate::search::values::{System, Value, Values, code_key, token_key};

/// The values of a resource that is referred to, by its type and id.
pub(crate) type LookUp<'a> = &'a dyn Fn(&str) -> Option<Values>;

impl Query {
    /// Whether all criteria hold. `look_up` finds what references lead to: `Patient/1`.
    pub(crate) fn matches(&self, values: &Values, look_up: LookUp<'_>) -> bool {
        self.criteria.iter().all(|criterion| criterion.matches(values, look_up))
    }
}

impl Criterion {
    /// Whether it holds.
    pub(crate) fn matches(&self, values: &Values, look_up: LookUp<'_>) -> bool {
        let mut own = values.at(self.place);
        match &self.test {
            Test::Missing(missing) => own.next().is_none() == *missing,
            Test::Any(wanted) => own.any(|value| wanted.iter().any(|wanted| wanted.matches(value))),
            Test::None(wanted) => !own.any(|value| wanted.iter().any(|wanted| wanted.matches(value))),
            Test::Chain(targets) => own.any(|value| match value {
                Value::Reference { target, .. } => {
                    let resource_type = target.split('/').next().unwrap_or_default();
                    let criteria = targets.iter().find(|(name, _)| *name == resource_type);
                    criteria.is_some_and(|(_, criteria)| {
                        let values = look_up(target);
                        values.is_some_and(|values| {
                            criteria.iter().all(|criterion| criterion.matches(&values, look_up))
                        })
                    })
                }
                _ => false,
            }),
        }
    }

    /// The keys of the index under which all resources stand that meet the criterion, and no others; `None`
    /// if the index does not tell.
    pub(crate) fn keys(&self) -> Option<Vec<Box<str>>> {
        let Test::Any(wanted) = &self.test else { return None };
        let mut keys = Vec::new();
        for wanted in wanted {
            match wanted {
                Wanted::Code(code) => keys.push(code_key(code)),
                Wanted::Uri(text) => keys.push(text.clone()),
                Wanted::Token(system, code) => {
                    keys.push(token_key(system, code));
                    if *system != System::None {
                        keys.push(token_key(&System::Implied, code));
                    }
                }
                Wanted::Target(targets) => keys.extend(targets.iter().cloned()),
                _ => return None,
            }
        }
        Some(keys)
    }
}

impl Wanted {
    fn matches(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Code(wanted), Value::Token { code, .. }) => wanted == code,
            (Self::Token(wanted, wanted_code), Value::Token { system, code }) => {
                wanted_code == code && is_system(wanted, system)
            }
            (Self::System(wanted), Value::Token { system, .. }) => {
                *system == System::Implied || matches!(system, System::Uri(own) if own == wanted)
            }
            (Self::Target(wanted), Value::Reference { target, .. }) => wanted.contains(target),
            (Self::Identifier(wanted), Value::Reference { identifier: Some(identifier), .. }) => {
                let (system, code) = &**identifier;
                wanted.matches(&Value::Token { system: system.clone(), code: code.clone() })
            }
            (Self::Start(start), Value::Text(text)) => folded(text).starts_with(&**start),
            (Self::Part(part), Value::Text(text)) => folded(text).contains(&**part),
            (Self::Exact(wanted), Value::Text(text)) | (Self::Uri(wanted), Value::Uri(text)) => {
                wanted == text
            }
            (Self::Date(prefix, wanted), Value::Date(own)) => prefix.holds(*own, *wanted),
            _ => false,
        }
    }
}

/// Whether a code's system is the wanted one. That of an element whose type is `code` is any.
fn is_system(wanted: &System, own: &System) -> bool {
    match (wanted, own) {
        (System::None, System::Implied) => false,
        (_, System::Implied) => true,
        (wanted, own) => wanted == own,
    }
}
