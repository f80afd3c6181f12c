//! [`Search`]: what to look for, spelled so that the server understands it.

pub(crate) mod encoding;
pub(crate) mod link;
pub(crate) mod pages;
pub(crate) mod parameters;

use std::fmt;
use std::marker::PhantomData;

use koppeltaal_r4::primitives::Instant;
use koppeltaal_smart::Url;

use self::encoding::{escape, query};
use crate::profile::Profile;

/// A search for resources of one type. Parameters that are set twice must both be met.
///
/// The methods spell the names of the parameters and escape the values, so that a comma in an identifier does
/// not become an "or". `Debug` shows the names only, since values can be identifiers of people.
///
/// ```
/// use koppeltaal2::{Search, profiles::Task};
///
/// let search = Search::<Task>::new().status("ready").owner("Patient/7").count(50);
/// assert_eq!(search.to_criteria(), "Task?status=ready&owner=Patient/7&_count=50");
/// ```
#[must_use]
pub struct Search<P> {
    parameters: Vec<(String, String)>,
    max_pages: usize,
    profile: PhantomData<fn() -> P>,
}

/// How many pages a search may have, if nothing else is said.
const MAX_PAGES: usize = 1_000;

impl<P: Profile> Search<P> {
    /// A search for all resources of the type that the application may read.
    pub fn new() -> Self {
        Self { parameters: Vec::new(), max_pages: MAX_PAGES, profile: PhantomData }
    }

    /// Any parameter, with a value that is one value: `|`, `,`, `$` and `\` in it are escaped.
    pub fn param(self, name: &str, value: &str) -> Self {
        self.raw(name, &escape(value))
    }

    /// Any parameter, met by any one of these values.
    pub fn any_of<V: AsRef<str>>(self, name: &str, values: impl IntoIterator<Item = V>) -> Self {
        let values: Vec<_> = values.into_iter().map(|value| escape(value.as_ref())).collect();
        self.raw(name, &values.join(","))
    }

    /// Any parameter, with a value in the syntax of FHIR searches: `ge2026-01-01`, `https://a.example|7`,
    /// `ready,in-progress`. It is encoded for a URL and otherwise sent as it is.
    pub fn raw(mut self, name: &str, value: &str) -> Self {
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A parameter of type token: a system with a code or a value.
    pub fn token(self, name: &str, system: &str, value: &str) -> Self {
        let value = format!("{}|{}", escape(system), escape(value));
        self.raw(name, &value)
    }

    /// `_id`.
    pub fn id(self, id: &str) -> Self {
        self.param("_id", id)
    }

    /// `identifier`: the business identifier in a system.
    pub fn identifier(self, system: &str, value: &str) -> Self {
        self.token("identifier", system, value)
    }

    /// `resource-origin`: created by this Device.
    pub fn resource_origin(self, device: &str) -> Self {
        self.param("resource-origin", device)
    }

    /// `_lastUpdated`: written at this time or later, by the server's clock.
    pub fn last_updated_from(self, instant: &Instant) -> Self {
        self.raw("_lastUpdated", &format!("ge{instant}"))
    }

    /// `_lastUpdated`: written before this time.
    pub fn last_updated_before(self, instant: &Instant) -> Self {
        self.raw("_lastUpdated", &format!("lt{instant}"))
    }

    /// `_sort`: by this parameter, `-` before it for the other direction. Called again, by this one next.
    pub fn sort(mut self, parameter: &str) -> Self {
        match self.parameters.iter_mut().find(|(name, _)| name == "_sort") {
            Some((_, value)) => {
                value.push(',');
                value.push_str(parameter);
                self
            }
            None => self.raw("_sort", parameter),
        }
    }

    /// `_count`: how many resources a page has. Servers limit it, to 200 for instance.
    pub fn count(mut self, count: u32) -> Self {
        self.parameters.retain(|(name, _)| name != "_count");
        self.raw("_count", &count.to_string())
    }

    /// How many pages are read at most. Default 1,000.
    pub fn max_pages(self, max_pages: usize) -> Self {
        Self { max_pages, ..self }
    }

    /// The search as the criteria of a Subscription have it: `Task?status=ready`, without the server.
    pub fn to_criteria(&self) -> String {
        match query(&self.parameters) {
            query if query.is_empty() => P::NAME.to_owned(),
            query => format!("{}?{query}", P::NAME),
        }
    }

    /// The same search for a change feed: what was written from this time on, the oldest first.
    pub(crate) fn to_feed(&self, from: Option<&Instant>) -> Self {
        let mut search = self.clone();
        search.parameters.retain(|(name, _)| name != "_sort");
        let search = search.sort("_lastUpdated");
        match from {
            Some(from) => search.last_updated_from(from),
            None => search,
        }
    }

    /// The address of the first page, where `base` is the address of the type.
    pub(crate) fn to_url(&self, mut base: Url) -> Url {
        if !self.parameters.is_empty() {
            base.set_query(Some(&query(&self.parameters)));
        }
        base
    }

    pub(crate) fn pages(&self) -> usize {
        self.max_pages
    }
}

impl<P: Profile> Default for Search<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P> Clone for Search<P> {
    fn clone(&self) -> Self {
        Self { parameters: self.parameters.clone(), max_pages: self.max_pages, profile: PhantomData }
    }
}

impl<P: Profile> fmt::Debug for Search<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.parameters.iter().map(|(name, _)| name).collect();
        f.debug_struct("Search").field("type", &P::NAME).field("parameters", &names).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profiles::{Patient, Task};

    #[test]
    fn values_are_escaped_where_they_are_values() {
        let search = Search::<Patient>::new()
            .identifier("https://a.example/n", "1,2|3$4\\5")
            .any_of("active", ["true", "fal,se"])
            .raw("_lastUpdated", "ge2026-01-01T00:00:00+01:00");
        assert_eq!(
            search.to_criteria(),
            "Patient?identifier=https%3A//a.example/n%7C1%5C,2%5C%7C3%5C%244%5C%5C5&active=true,fal%5C,se\
             &_lastUpdated=ge2026-01-01T00%3A00%3A00%2B01%3A00"
        );
        assert_eq!(
            format!("{search:?}"),
            r#"Search { type: "Patient", parameters: ["identifier", "active", "_lastUpdated"], .. }"#
        );
    }

    #[test]
    fn paging_and_order_are_set_once() {
        let search = Search::<Task>::new().count(10).sort("_lastUpdated").count(20).sort("-_id");
        assert_eq!(search.to_criteria(), "Task?_sort=_lastUpdated,-_id&_count=20");
        assert_eq!(Search::<Task>::new().to_criteria(), "Task");
    }
}
