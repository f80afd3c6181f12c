//! Namespaces: the few that matter, and which prefix means which where.

use std::collections::HashMap;

/// A namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Namespace {
    Fhir,
    Xhtml,
    Atom,
    Tombstone,
    OpenSearch,
    /// How well a result of a search fits.
    Relevance,
    Signature,
    /// What the prefix `xml` stands for.
    Xml,
    /// What the prefix `xmlns` stands for.
    Xmlns,
    /// No namespace.
    None,
    /// Another one, by its place in [`Scopes`].
    Other(u32),
}

/// The namespace of a feed's signature.
pub(super) const SIGNATURE_NAMESPACE: &str = "http://www.w3.org/2000/09/xmldsig#";

/// The namespaces that have a variant, and their URIs.
const KNOWN: &[(Namespace, &str)] = &[
    (Namespace::Fhir, "http://hl7.org/fhir"),
    (Namespace::Xhtml, crate::xhtml::XHTML_NAMESPACE),
    (Namespace::Atom, "http://www.w3.org/2005/Atom"),
    (Namespace::Tombstone, "http://purl.org/atompub/tombstones/1.0"),
    (Namespace::OpenSearch, "http://a9.com/-/spec/opensearch/1.1/"),
    (Namespace::Relevance, "http://a9.com/-/opensearch/extensions/relevance/1.0/"),
    (Namespace::Signature, SIGNATURE_NAMESPACE),
    (Namespace::Xml, "http://www.w3.org/XML/1998/namespace"),
    (Namespace::Xmlns, "http://www.w3.org/2000/xmlns/"),
    (Namespace::None, ""),
];

/// Whether a namespace is one that only XML itself may declare.
pub(crate) fn is_reserved(uri: &str) -> bool {
    let reserved =
        |(namespace, _): &&(Namespace, &str)| matches!(namespace, Namespace::Xml | Namespace::Xmlns);
    KNOWN.iter().filter(reserved).any(|(_, known)| *known == uri)
}

/// What is in force at one place: the default namespace, and how many prefixes are declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    pub default: Namespace,
    pub prefixes: u32,
}

/// All declarations from the root to where the reader is.
#[derive(Debug, Default)]
pub struct Scopes<'t> {
    prefixes: Vec<(&'t str, Namespace)>,
    others: Vec<String>,
    /// The place of each in `others`: a hostile text has a new one in every tag.
    places: HashMap<String, u32>,
}

/// How many prefixes may be in force at one place: they are searched one by one.
pub(super) const MAXIMUM_PREFIXES: u32 = 256;

impl<'t> Scopes<'t> {
    pub const ROOT: Scope = Scope { default: Namespace::None, prefixes: 0 };
    /// Inside a feed that declares nothing else.
    pub const FEED: Scope = Scope { default: Namespace::Atom, prefixes: 0 };

    /// The namespace of a URI.
    pub fn namespace(&mut self, uri: &str) -> Namespace {
        if let Some((namespace, _)) = KNOWN.iter().find(|(_, known)| *known == uri) {
            return *namespace;
        }
        if let Some(place) = self.places.get(uri) {
            return Namespace::Other(*place);
        }
        let place = self.others.len() as u32;
        self.others.push(uri.to_owned());
        self.places.insert(uri.to_owned(), place);
        Namespace::Other(place)
    }

    /// The URI of a namespace.
    pub fn uri(&self, namespace: Namespace) -> &str {
        match namespace {
            Namespace::Other(index) => self.others.get(index as usize).map_or("", String::as_str),
            known => KNOWN.iter().find(|(namespace, _)| *namespace == known).map_or("", |(_, uri)| uri),
        }
    }

    /// Declares a prefix inside `scope`; returns whether there was room for it.
    pub fn declare(&mut self, scope: &mut Scope, prefix: &'t str, namespace: Namespace) -> bool {
        if scope.prefixes == MAXIMUM_PREFIXES {
            return false;
        }
        self.prefixes.truncate(scope.prefixes as usize);
        self.prefixes.push((prefix, namespace));
        scope.prefixes += 1;
        true
    }

    /// What `prefix` means in `scope`; `None` if it is not declared.
    pub fn resolve(&self, scope: Scope, prefix: &str) -> Option<Namespace> {
        if prefix == "xml" {
            return Some(Namespace::Xml);
        }
        let declared = self.prefixes.get(..scope.prefixes as usize)?;
        declared.iter().rev().find(|(declared, _)| *declared == prefix).map(|(_, namespace)| *namespace)
    }
}
