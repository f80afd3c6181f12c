//! Elements: a start tag whose names have been resolved against the namespaces around it.
//!
//! Checks that need the namespaces are here, for documents and for pieces of markup alike: prefixes are
//! declared, no attribute is there twice, and no reserved name is rebound (Namespaces in XML 1.0).

use super::names::{MAXIMUM_PREFIXES, Namespace, Scope, Scopes};
use super::tag::{RawValue, Tag};

/// An element whose start tag has been read, its name resolved.
pub struct Element<'t> {
    pub tag: Tag<'t>,
    /// The name without prefix.
    pub name: &'t str,
    pub namespace: Namespace,
    pub id: Option<RawValue<'t>>,
    /// How many attributes there are beside `id`, `value` and namespace declarations.
    pub others: u32,
    /// Namespaces around the element, and inside it.
    pub outer: Scope,
    pub scope: Scope,
    pub declares_default: bool,
}

/// Why a start tag cannot stand where it does.
#[derive(Debug)]
pub enum Problem {
    Malformed(String),
    Limit(String),
}

type Result<T> = std::result::Result<T, Problem>;

impl<'t> Element<'t> {
    /// The element that `tag` starts where `outer` is in force.
    #[inline(always)]
    pub fn open(scopes: &mut Scopes<'t>, tag: Tag<'t>, outer: Scope) -> Result<Self> {
        let mut element = Self {
            tag,
            name: tag.name,
            namespace: outer.default,
            id: None,
            others: 0,
            outer,
            scope: outer,
            declares_default: false,
        };
        match tag.first_other {
            None => {}
            // The `url` of an extension.
            Some(("url", _)) if tag.others == 1 => element.others = 1,
            Some(_) => element.other_attributes(scopes)?,
        }
        element.namespace = element.scope.default;
        if tag.is_prefixed {
            element.prefixed_name(scopes)?;
        }
        Ok(element)
    }

    pub fn value(&self) -> Option<RawValue<'t>> {
        self.tag.value
    }

    /// The attributes other than `id`, `value` and namespace declarations.
    #[inline]
    pub fn attributes(&self) -> impl Iterator<Item = (&'t str, RawValue<'t>)> + use<'t> {
        self.tag
            .other_attributes()
            .filter(|(name, _)| !matches!(*name, "id" | "xmlns") && !name.starts_with("xmlns:"))
    }

    /// All attributes but namespace declarations, for where `id` and `value` mean nothing special.
    pub fn all_attributes(&self) -> impl Iterator<Item = (&'t str, RawValue<'t>)> + use<'t> {
        let common = [("id", self.id), ("value", self.value())];
        common.into_iter().filter_map(|(name, raw)| Some((name, raw?))).chain(self.attributes())
    }

    /// The value of an attribute other than `id` and `value`.
    pub fn attribute(&self, name: &str) -> Option<RawValue<'t>> {
        self.attributes().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    #[cold]
    fn prefixed_name(&mut self, scopes: &Scopes<'t>) -> Result<()> {
        if let Some((prefix, name)) = self.tag.name.split_once(':') {
            self.name = name;
            self.namespace = resolve(scopes, self.scope, prefix)?;
        }
        Ok(())
    }

    /// Looks through the attributes that are not `value`.
    fn other_attributes(&mut self, scopes: &mut Scopes<'t>) -> Result<()> {
        let tag = self.tag;
        let mut earlier = [""; 4];
        if tag.others as usize > earlier.len() {
            check_names_differ(tag)?;
        }
        for (index, (name, raw)) in tag.other_attributes().enumerate() {
            if earlier.contains(&name) {
                return Err(duplicate(name));
            }
            if let Some(place) = earlier.get_mut(index) {
                *place = name;
            }
            if name == "id" {
                self.id = Some(raw);
            } else if name == "xmlns" {
                let namespace = declared(scopes, raw)?;
                check_default(namespace)?;
                self.scope.default = namespace;
                self.declares_default = true;
            } else if let Some(prefix) = name.strip_prefix("xmlns:") {
                let namespace = declared(scopes, raw)?;
                check_binding(prefix, namespace)?;
                if !scopes.declare(&mut self.scope, prefix, namespace) {
                    return Err(Problem::Limit(format!("more than {MAXIMUM_PREFIXES} namespace prefixes")));
                }
            } else {
                self.others += 1;
            }
        }
        if tag.has_prefixed_attributes && self.others > 0 {
            self.check_prefixed_attributes(scopes)?;
        }
        Ok(())
    }

    /// Fails unless the prefixes of attributes are declared, and no two attributes mean the same name.
    #[cold]
    fn check_prefixed_attributes(&self, scopes: &Scopes<'t>) -> Result<()> {
        let mut names = Vec::new();
        for (name, _) in self.attributes() {
            if let Some((prefix, local)) = name.split_once(':') {
                names.push((resolve(scopes, self.scope, prefix)?, local));
            }
        }
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(duplicate(pair[0].1)),
            None => Ok(()),
        }
    }
}

/// What `prefix` means in `scope`.
fn resolve(scopes: &Scopes<'_>, scope: Scope, prefix: &str) -> Result<Namespace> {
    scopes
        .resolve(scope, prefix)
        .ok_or_else(|| Problem::Malformed(format!("the prefix `{prefix}` is not declared")))
}

/// The namespace that a declaration names.
fn declared(scopes: &mut Scopes<'_>, raw: RawValue<'_>) -> Result<Namespace> {
    raw.value().map(|uri| scopes.namespace(&uri)).map_err(Problem::Malformed)
}

/// Fails for a namespace that cannot be the default one (Namespaces in XML, section 3).
fn check_default(namespace: Namespace) -> Result<()> {
    match namespace {
        Namespace::Xml | Namespace::Xmlns => {
            Err(Problem::Malformed("a reserved namespace as the default one".to_owned()))
        }
        _ => Ok(()),
    }
}

/// Fails for a prefix that cannot be bound to a namespace (Namespaces in XML, section 3).
fn check_binding(prefix: &str, namespace: Namespace) -> Result<()> {
    let problem = match (prefix, namespace) {
        ("xml", Namespace::Xml) => return Ok(()),
        ("xml" | "xmlns", _) => "the reserved prefix declared as something else",
        (_, Namespace::Xml | Namespace::Xmlns) => "a prefix for a reserved namespace",
        (_, Namespace::None) => "a prefix for no namespace",
        _ => return Ok(()),
    };
    Err(Problem::Malformed(format!("{problem}: `xmlns:{prefix}`")))
}

/// Fails if two attributes have the same name. Sorted, because a hostile tag has a million of them.
#[cold]
fn check_names_differ(tag: Tag<'_>) -> Result<()> {
    let mut names: Vec<&str> = tag.other_attributes().map(|(name, _)| name).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(duplicate(pair[0])),
        None => Ok(()),
    }
}

#[cold]
fn duplicate(name: &str) -> Problem {
    Problem::Malformed(format!("the attribute `{name}` twice"))
}
