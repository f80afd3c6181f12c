//! [`Paging`]: the page of a list that a search asks for, and the links to other pages.

use koppeltaal_fhir::Link;
use koppeltaal_messaging::vocabulary::search as parameter;

use super::request::Params;
use crate::refusal::Refusal;

/// Page size when `_count` is not given.
const DEFAULT_COUNT: usize = 100;
/// The largest page that the original gives; a larger `_count` is taken as this.
const MAXIMUM_COUNT: usize = 1000;

/// A page of a list: the parameters `_count` and `page`, which starts at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paging {
    page: usize,
    count: usize,
}

impl Paging {
    pub(crate) fn read(params: &Params) -> Result<Self, Refusal> {
        let count = params.number(parameter::COUNT)?.unwrap_or(DEFAULT_COUNT).min(MAXIMUM_COUNT);
        let page = params.number("page")?.unwrap_or(1);
        if page == 0 {
            return Err(Refusal::parameter("page starts at 1."));
        }
        Ok(Self { page, count })
    }

    /// How many results stand before the page.
    pub(crate) fn skip(self) -> usize {
        (self.page - 1).saturating_mul(self.count)
    }

    /// How many results the page may have. 0 asks for the total only.
    pub(crate) fn count(self) -> usize {
        self.count
    }

    /// The links of the page: absolute, with all parameters of the search. There is no `next` on the last
    /// one.
    pub(crate) fn links(self, url: &str, params: &Params, total: usize) -> Vec<Link> {
        let last = if self.count == 0 { 1 } else { total.div_ceil(self.count).max(1) };
        let link = |rel: &str, page: usize| {
            Link::new(rel, format!("{url}?{}", params.with("page", &page.to_string())))
        };
        let mut links = vec![link("self", self.page), link("first", 1)];
        if self.page > 1 {
            links.push(link("previous", (self.page - 1).min(last)));
        }
        if self.page < last {
            links.push(link("next", self.page + 1));
        }
        links.push(link("last", last));
        links
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(query: &str) -> Params {
        Params::read(&format!("/x?{query}").parse().expect("a URI")).expect("a query")
    }

    fn links(query: &str, total: usize) -> Vec<(String, String)> {
        let params = params(query);
        let paging = Paging::read(&params).expect("a page");
        paging.links("u", &params, total).into_iter().map(|link| (link.rel, link.href)).collect()
    }

    #[test]
    fn the_first_page_has_no_previous_and_the_last_no_next() {
        let rels = |query: &str| links(query, 5).into_iter().map(|(rel, _)| rel).collect::<Vec<_>>();
        assert_eq!(rels("_count=2"), ["self", "first", "next", "last"]);
        assert_eq!(rels("_count=2&page=2"), ["self", "first", "previous", "next", "last"]);
        assert_eq!(rels("_count=2&page=3"), ["self", "first", "previous", "last"]);
        assert_eq!(rels("_count=5"), ["self", "first", "last"]);
    }

    #[test]
    fn page_links_have_all_parameters() {
        let links = links("_count=2&Patient=https://a/Patient/1&page=2", 6);
        let next = links.iter().find(|(rel, _)| rel == "next").expect("a next link");
        assert_eq!(next.1, "u?_count=2&Patient=https%3A%2F%2Fa%2FPatient%2F1&page=3");
    }

    #[test]
    fn page_sizes_are_bounded() {
        let count =
            |query: &str| Paging::read(&params(query)).map(Paging::count).map_err(|refusal| refusal.kind);
        assert_eq!(count(""), Ok(100));
        assert_eq!(count("_count=1001"), Ok(1000));
        assert!(count("_count=-1").is_err());
        assert!(count("page=0").is_err());
    }

    #[test]
    fn a_count_of_zero_asks_for_the_total_only() {
        assert_eq!(links("_count=0", 5).len(), 3);
    }
}
