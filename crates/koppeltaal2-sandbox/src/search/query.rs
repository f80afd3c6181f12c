//! [`Query`]: a search of one resource type, read from its parameters.

use std::fmt;

use crate::resources::{SERVED, relative, served};
use crate::search::parameters::{Kind, Parameter, find, parameters};
use crate::search::span::{Prefix, Span};
use crate::search::values::System;

/// How many resources a page has when the search does not say.
pub(crate) const DEFAULT_COUNT: usize = 20;
/// How many resources a page has at most.
pub(crate) const MOST_COUNT: usize = 200;
/// How many criteria a search has at most, and how many alternatives one of them.
const MOST_CRITERIA: usize = 100;

/// A search of one type: all of its criteria hold.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) resource_type: &'static str,
    pub(crate) criteria: Vec<Criterion>,
    /// Empty for the newest first.
    pub(crate) sort: Vec<Sort>,
    /// How many resources a page has.
    pub(crate) count: usize,
}

/// One parameter of a search.
#[derive(Debug)]
pub(crate) struct Criterion {
    /// The place of the parameter among those of its type.
    pub(crate) place: usize,
    pub(crate) parameter: &'static Parameter,
    pub(crate) test: Test,
}

/// What is asked of the values of a parameter.
#[derive(Debug)]
pub(crate) enum Test {
    /// One of the alternatives holds for one of the values.
    Any(Vec<Wanted>),
    /// None of them does.
    None(Vec<Wanted>),
    /// Whether there is no value at all.
    Missing(bool),
    /// A resource that is referred to is of one of these types and meets all criteria there.
    Chain(Vec<(&'static str, Vec<Criterion>)>),
}

/// One alternative.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Wanted {
    /// A code of any system.
    Code(Box<str>),
    /// A code of a system, or of none.
    Token(System, Box<str>),
    /// Any code of a system.
    System(Box<str>),
    /// References to one of these.
    Target(Vec<Box<str>>),
    /// The identifier in a reference.
    Identifier(Box<Wanted>),
    /// How a text starts, without case and accents.
    Start(Box<str>),
    /// What a text contains, without case and accents.
    Part(Box<str>),
    /// A text as it is.
    Exact(Box<str>),
    Date(Prefix, Span),
    Uri(Box<str>),
}

/// By what a search is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sort {
    pub(crate) place: usize,
    pub(crate) descending: bool,
}

/// Why a search is not understood; the text is for the one who searches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueryError(String);

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for QueryError {}

fn error(text: impl Into<String>) -> QueryError {
    QueryError(text.into())
}

const RESOURCE_ORIGIN: &str = "resource-origin";

/// Parameters that say how the answer looks, which is not the search's business.
const IGNORED: [&str; 3] = ["_format", "_pretty", "_total"];

impl Query {
    /// Every resource of a type.
    pub(crate) fn all(resource_type: &'static str) -> Self {
        Self { resource_type, criteria: Vec::new(), sort: Vec::new(), count: DEFAULT_COUNT }
    }

    /// Reads the parameters of a search, which are decoded: `[("status", "ready,received")]`.
    ///
    /// # Errors
    ///
    /// A parameter or a modifier that the type has not, or a value that makes no sense.
    pub(crate) fn parse<'a>(
        resource_type: &'static str,
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, QueryError> {
        let mut query = Self::all(resource_type);
        for (name, value) in pairs {
            match name {
                _ if IGNORED.contains(&name) => {}
                "_count" => {
                    let count: usize = value.parse().map_err(|_| {
                        error(format!("_count: expected a number of resources, found \"{value}\""))
                    })?;
                    query.count = count.min(MOST_COUNT);
                }
                "_summary" => match value {
                    "false" => {}
                    "count" => query.count = 0,
                    _ => return Err(error("_summary: expected count or false; others are not offered here")),
                },
                "_sort" => {
                    for key in value.split(',') {
                        query.sort.push(Sort::parse(resource_type, key)?);
                    }
                }
                // As in a form that was left empty.
                _ if value.is_empty() => {}
                _ => query.criteria.push(Criterion::parse(resource_type, name, value)?),
            }
            if query.criteria.len() > MOST_CRITERIA || query.sort.len() > MOST_CRITERIA {
                return Err(error(format!("a search has at most {MOST_CRITERIA} parameters")));
            }
        }
        Ok(query)
    }

    /// Restricts it to the resources that these Devices created, whatever it said about that.
    pub(crate) fn narrow_to_origins(&mut self, devices: &[String]) {
        let is_own = |criterion: &Criterion| {
            criterion.parameter.name == RESOURCE_ORIGIN && !matches!(criterion.test, Test::Chain(_))
        };
        self.criteria.retain(|criterion| !is_own(criterion));
        self.criteria.extend(Criterion::of_origins(self.resource_type, devices));
    }

    /// Restricts what it says about other resources to those of `origins` of their types; to none of a type
    /// without them. `None` in them stands for everybody's.
    pub(crate) fn narrow_chains(&mut self, origins: impl Fn(&str) -> Option<Option<Vec<String>>>) {
        for criterion in &mut self.criteria {
            let Test::Chain(targets) = &mut criterion.test else { continue };
            targets.retain_mut(|(resource_type, criteria)| match origins(resource_type) {
                Some(Some(devices)) => {
                    criteria.extend(Criterion::of_origins(resource_type, &devices));
                    true
                }
                other => other.is_some(),
            });
        }
    }

    /// Reads a search without base, as the criteria of a Subscription have it: `Task?status=ready`.
    ///
    /// # Errors
    ///
    /// A type that is not served, or parameters that make no sense.
    pub(crate) fn parse_relative(text: &str) -> Result<Self, QueryError> {
        let (name, parameters) = text.split_once('?').unwrap_or((text, ""));
        let resource_type = served(name)
            .ok_or_else(|| error(format!("\"{name}\" is none of the types {}", SERVED.join(", "))))?;
        let pairs: Vec<_> = form_urlencoded::parse(parameters.as_bytes()).collect();
        Self::parse(resource_type, pairs.iter().map(|(name, value)| (&**name, &**value)))
    }
}

impl Sort {
    fn parse(resource_type: &str, key: &str) -> Result<Self, QueryError> {
        let name = key.strip_prefix('-');
        let (place, _) = find(resource_type, name.unwrap_or(key))
            .ok_or_else(|| error(format!("_sort: {}", unknown(resource_type, name.unwrap_or(key)))))?;
        Ok(Self { place, descending: name.is_some() })
    }
}

fn unknown(resource_type: &str, name: &str) -> String {
    let known: Vec<_> = parameters(resource_type).iter().map(|parameter| parameter.name).collect();
    format!("{resource_type} has no search parameter \"{name}\"; it has {}", known.join(", "))
}

impl Criterion {
    /// That one of these Devices created the resource.
    fn of_origins(resource_type: &str, devices: &[String]) -> Option<Self> {
        // Every served type has the parameter.
        let (place, parameter) = find(resource_type, RESOURCE_ORIGIN)?;
        let targets = devices.iter().map(|device| device.as_str().into()).collect();
        Some(Self { place, parameter, test: Test::Any(vec![Wanted::Target(targets)]) })
    }

    fn parse(resource_type: &str, name: &str, value: &str) -> Result<Self, QueryError> {
        let (link, chain) = match name.split_once('.') {
            Some((link, chain)) => (link, Some(chain)),
            None => (name, None),
        };
        let (plain, modifier) = match link.split_once(':') {
            Some((plain, modifier)) => (plain, Some(modifier)),
            None => (link, None),
        };
        let (place, parameter) =
            find(resource_type, plain).ok_or_else(|| error(unknown(resource_type, plain)))?;
        let test = match chain {
            Some(chain) => Self::chain(parameter, modifier, chain, value)?,
            None => Test::parse(parameter, modifier, value)?,
        };
        Ok(Self { place, parameter, test })
    }

    /// A criterion of what a reference leads to: `instantiates.publisherId`, `patient:Patient.identifier`.
    fn chain(
        parameter: &'static Parameter,
        target: Option<&str>,
        chain: &str,
        value: &str,
    ) -> Result<Test, QueryError> {
        let name = parameter.name;
        if parameter.kind != Kind::Reference {
            return Err(error(format!("\"{name}\" is no reference, so \"{name}.{chain}\" leads nowhere")));
        }
        if chain.contains('.') {
            return Err(error(format!("\"{name}.{chain}\": a chain may have one link here")));
        }
        let targets = if parameter.targets.is_empty() { SERVED } else { parameter.targets };
        let (mut criteria, mut first) = (Vec::new(), None);
        for resource_type in targets.iter().filter(|own| target.is_none_or(|target| **own == target)) {
            match Self::parse(resource_type, chain, value) {
                Ok(criterion) => criteria.push((*resource_type, vec![criterion])),
                Err(error) => first = first.or(Some(error)),
            }
        }
        match (criteria.is_empty(), first) {
            (false, _) => Ok(Test::Chain(criteria)),
            (true, Some(error)) => Err(error),
            (true, None) => Err(error(format!("\"{name}\" does not lead to {}", target.unwrap_or_default()))),
        }
    }
}

impl Test {
    fn parse(parameter: &Parameter, modifier: Option<&str>, value: &str) -> Result<Self, QueryError> {
        if modifier == Some("missing") {
            return match value {
                "true" => Ok(Self::Missing(true)),
                "false" => Ok(Self::Missing(false)),
                _ => Err(error(format!("{}:missing: expected true or false", parameter.name))),
            };
        }
        let alternatives = alternatives(value);
        if alternatives.len() > MOST_CRITERIA * 10 {
            return Err(error(format!("{}: too many alternatives", parameter.name)));
        }
        let wanted = alternatives.iter().map(|value| Wanted::parse(parameter, modifier, value));
        let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
        Ok(if modifier == Some("not") { Self::None(wanted) } else { Self::Any(wanted) })
    }
}

/// The values between commas. A backslash takes the meaning from the character behind it. Backslashes in
/// front of other characters than commas stay, for `|` and `$`.
fn alternatives(value: &str) -> Vec<String> {
    let mut alternatives = vec![String::new()];
    let mut characters = value.chars().peekable();
    while let Some(character) = characters.next() {
        if character == ',' {
            alternatives.push(String::new());
            continue;
        }
        let Some(last) = alternatives.last_mut() else { break };
        match (character, characters.peek()) {
            ('\\', Some(',')) => last.extend(characters.next()),
            ('\\', Some(next)) => {
                last.extend(['\\', *next]);
                characters.next();
            }
            _ => last.push(character),
        }
    }
    alternatives
}

/// A text without the backslashes of FHIR.
fn unescaped(text: &str) -> Box<str> {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(if character == '\\' { characters.next().unwrap_or('\\') } else { character });
    }
    plain.into()
}

/// The two sides of the first `|` without a backslash in front of it.
fn split_token(text: &str) -> Option<(&str, &str)> {
    let mut is_escaped = false;
    for (index, character) in text.char_indices() {
        if character == '|' && !is_escaped {
            return Some((&text[..index], &text[index + 1..]));
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    None
}

impl Wanted {
    fn parse(parameter: &Parameter, modifier: Option<&str>, value: &str) -> Result<Self, QueryError> {
        let name = parameter.name;
        Ok(match (parameter.kind, modifier) {
            (Kind::Token, None | Some("not")) => Self::token(value),
            (Kind::Reference, Some("identifier")) => Self::Identifier(Box::new(Self::token(value))),
            (Kind::Reference, None) => Self::target(parameter.targets, value),
            (Kind::Reference, Some(resource_type)) if served(resource_type).is_some() => {
                let own: Vec<_> = SERVED.iter().copied().filter(|own| *own == resource_type).collect();
                Self::target(&own, value)
            }
            (Kind::String, None) => Self::Start(folded(&unescaped(value))),
            (Kind::String, Some("contains")) => Self::Part(folded(&unescaped(value))),
            (Kind::String, Some("exact")) => Self::Exact(unescaped(value)),
            (Kind::Uri, None) => Self::Uri(unescaped(value)),
            (Kind::Date, None) => {
                let (prefix, date) = Prefix::split(value);
                let span = Span::parse(date).ok_or_else(|| {
                    let expected = "a date such as ge2026-03-30 or 2026-03-30T10:00:00Z";
                    error(format!("{name}: expected {expected}, found \"{value}\""))
                })?;
                Self::Date(prefix, span)
            }
            (kind, Some(modifier)) => {
                let kind = kind.code();
                return Err(error(format!(
                    "{name}:{modifier}: a {kind} parameter has no such modifier here"
                )));
            }
        })
    }

    fn token(value: &str) -> Self {
        match split_token(value) {
            None => Self::Code(unescaped(value)),
            Some(("", code)) => Self::Token(System::None, unescaped(code)),
            Some((system, "")) => Self::System(unescaped(system)),
            Some((system, code)) => Self::Token(System::Uri(unescaped(system)), unescaped(code)),
        }
    }

    /// References to `Type/id`, to an id of one of the types, or to a URL that ends so.
    fn target(targets: &[&str], value: &str) -> Self {
        let text = unescaped(value);
        if let Some((resource_type, id)) = relative(&text) {
            return Self::Target(vec![format!("{resource_type}/{id}").into()]);
        }
        if !text.contains('/') {
            let targets = if targets.is_empty() { SERVED } else { targets };
            return Self::Target(targets.iter().map(|target| format!("{target}/{text}").into()).collect());
        }
        let mut parts = text.rsplit('/');
        let end =
            parts.next().zip(parts.next()).and_then(|(id, name)| Some(format!("{}/{id}", served(name)?)));
        let mut wanted: Vec<_> = end.into_iter().map(Into::into).collect();
        wanted.push(text);
        Self::Target(wanted)
    }
}

/// A text in lower case without the accents of western languages, for searches of strings.
pub(crate) fn folded(text: &str) -> Box<str> {
    const ACCENTS: [(&str, char); 8] = [
        ("àáâãäå", 'a'),
        ("çć", 'c'),
        ("èéêëę", 'e'),
        ("ìíîï", 'i'),
        ("ñń", 'n'),
        ("òóôõöø", 'o'),
        ("ùúûü", 'u'),
        ("ýÿ", 'y'),
    ];
    let plain = |character: char| {
        let known =
            ACCENTS.iter().find(|(accented, _)| !character.is_ascii() && accented.contains(character));
        known.map_or(character, |(_, plain)| *plain)
    };
    text.chars().flat_map(char::to_lowercase).map(plain).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(query: &str) -> Vec<Wanted> {
        let query = Query::parse_relative(query).unwrap_or_else(|error| panic!("{query}: {error}"));
        match query.criteria.into_iter().next().map(|criterion| criterion.test) {
            Some(Test::Any(wanted) | Test::None(wanted)) => wanted,
            other => panic!("{other:?}"),
        }
    }

    fn refused(query: &str) -> String {
        Query::parse_relative(query).expect_err(query).to_string()
    }

    #[test]
    fn commas_separate_alternatives_and_backslashes_take_their_meaning_away() {
        assert_eq!(
            wanted("Task?status=ready,draft"),
            [Wanted::Code("ready".into()), Wanted::Code("draft".into())]
        );
        assert_eq!(
            wanted(r"Task?identifier=urn:a\,b|1\|2,|3,urn:c|"),
            [
                Wanted::Token(System::Uri("urn:a,b".into()), "1|2".into()),
                Wanted::Token(System::None, "3".into()),
                Wanted::System("urn:c".into()),
            ]
        );
        assert_eq!(wanted("Patient?family=%C3%89dith"), [Wanted::Start("edith".into())]);
    }

    #[test]
    fn a_reference_is_wanted_by_id_by_type_and_id_and_by_url() {
        let target =
            |targets: &[&str]| vec![Wanted::Target(targets.iter().map(|text| Box::from(*text)).collect())];
        assert_eq!(wanted("Task?patient=1"), target(&["Patient/1"]));
        assert_eq!(wanted("Task?owner=CareTeam/1"), target(&["CareTeam/1"]));
        assert_eq!(wanted("Task?owner:CareTeam=1"), target(&["CareTeam/1"]));
        assert_eq!(
            wanted("Task?patient=https://kt.example/fhir/Patient/1"),
            target(&["Patient/1", "https://kt.example/fhir/Patient/1"])
        );
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert!(refused("Task?statuss=x").contains("no search parameter \"statuss\"; it has _id, "));
        assert!(refused("Task?statuss=x").contains("instantiates"));
        assert!(refused("Tasks?status=x").starts_with("\"Tasks\" is none of the types"));
        assert!(refused("Task?status:exact=x").contains("status:exact"));
        assert!(refused("Task?authored-on=tomorrow").contains("\"tomorrow\""));
        assert!(refused("Task?status.x=1").contains("no reference"));
        assert!(
            refused("Task?instantiates.nothing=1").contains("ActivityDefinition has no search parameter")
        );
        assert!(refused("Task?owner:Endpoint.name=x").contains("does not lead to Endpoint"));
        assert!(refused("Task?part-of.part-of.status=x").contains("one link"));
        assert!(refused("Task?_sort=-x").contains("_sort"));
        assert!(refused("Task?_count=many").contains("_count"));
        assert!(refused("Task?status:missing=x").contains("true or false"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_search_or_an_error(
            text in "\\PC*",
            parameters in "(([a-z]{2,7}|_[a-z]+)([.:][a-zA-Z]+)?=[^&]{0,8}&){0,4}",
        ) {
            for text in [format!("Task?{text}"), text, format!("Task?{parameters}")] {
                if let Ok(query) = Query::parse_relative(&text) {
                    query.criteria.iter().for_each(|criterion| drop(criterion.keys()));
                }
            }
        }
    }

    #[test]
    fn pages_and_order_are_read() {
        let query =
            Query::parse_relative("Task?_count=1000&_sort=-authored-on,_id&_format=json&code=").unwrap();
        assert_eq!((query.count, query.criteria.len()), (MOST_COUNT, 0));
        assert_eq!(query.sort.iter().map(|sort| sort.descending).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn a_chain_is_tried_on_every_type_that_has_its_parameter() {
        let query = Query::parse_relative("Task?owner.name=jan&instantiates.publisherId=acme").unwrap();
        let [Test::Chain(owner), Test::Chain(instantiates)] =
            &query.criteria.iter().map(|criterion| &criterion.test).collect::<Vec<_>>()[..]
        else {
            panic!("{query:?}")
        };
        assert_eq!(
            owner.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            ["Patient", "Practitioner", "RelatedPerson", "Organization"]
        );
        assert_eq!(instantiates.len(), 1);
    }
}
