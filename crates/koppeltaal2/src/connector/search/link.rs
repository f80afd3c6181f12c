//! The link to the next page, which the server hands out, and where it may lead.

use std::collections::HashSet;

use koppeltaal_r4::resources::Bundle;
use koppeltaal_smart::Url;

/// The address of the next page; `None` on the last one.
///
/// The link is followed and never built (its parameters are the server's own), but only to the same server
/// and below the same base: it carries the access token.
pub(crate) fn next(bundle: &Bundle, page: &Url, base: &Url) -> Result<Option<Url>, &'static str> {
    let mut links = bundle.link.iter().filter(|link| link.relation.as_str() == Some("next"));
    match links.next().and_then(|link| link.url.as_str()) {
        Some(link) => follow(link, page, base).map(Some),
        None => Ok(None),
    }
}

fn follow(link: &str, page: &Url, base: &Url) -> Result<Url, &'static str> {
    let mut url = page.join(link.trim()).map_err(|_| "its link to the next page is no URL")?;
    url.set_fragment(None);
    let is_same_server = url.scheme() == base.scheme()
        && url.host_str() == base.host_str()
        && url.port_or_known_default() == base.port_or_known_default()
        && url.username().is_empty()
        && url.password().is_none();
    if !is_same_server {
        return Err("its link to the next page leads to another server; tell the domain's administrator");
    }
    let base = base.path().trim_end_matches('/');
    let below = url.path().strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if below { Ok(url) } else { Err("its link to the next page leads out of the domain") }
}

/// The pages that were read, so that a search does not go round in a circle.
#[derive(Debug, Default)]
pub(crate) struct Visited {
    pages: HashSet<String>,
}

impl Visited {
    pub(crate) fn note(&mut self, page: &Url) {
        self.pages.insert(page.as_str().to_owned());
    }

    pub(crate) fn has(&self, page: &Url) -> bool {
        self.pages.contains(page.as_str())
    }
}

#[cfg(test)]
mod tests {
    use koppeltaal_r4::resources::BundleLink;
    use proptest::prelude::*;

    use super::*;

    const BASE: &str = "https://kt.example/fhir/DEFAULT";

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[test]
    fn a_link_is_followed_below_the_base_of_the_same_server() {
        let page = url("https://kt.example/fhir/DEFAULT/Task?status=ready");
        let base = url(BASE);
        let next = |link: &str| follow(link, &page, &base).map(String::from);
        assert_eq!(
            next(&format!("{BASE}?_getpages=1")).as_deref(),
            Ok("https://kt.example/fhir/DEFAULT?_getpages=1")
        );
        assert_eq!(next("?page=2").as_deref(), Ok("https://kt.example/fhir/DEFAULT/Task?page=2"));
        assert_eq!(
            next("https://kt.example:443/fhir/DEFAULT/Task?p=2#x").as_deref(),
            Ok("https://kt.example/fhir/DEFAULT/Task?p=2")
        );
        for bad in [
            "http://kt.example/fhir/DEFAULT?p=2",
            "https://kt.example:444/fhir/DEFAULT?p=2",
            "https://evil.example/fhir/DEFAULT?p=2",
            "//evil.example/fhir/DEFAULT",
            "https://kt.example@evil.example/fhir/DEFAULT",
            "https://a:b@kt.example/fhir/DEFAULT",
            "https://kt.example/fhir/OTHER?p=2",
            "https://kt.example/fhir/DEFAULTS?p=2",
            "https://kt.example/fhir/DEFAULT/../OTHER",
            "https://kt.example/fhir/DEFAULT/%2e%2e/OTHER",
            "javascript:alert(1)",
            "https://",
        ] {
            assert!(next(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_last_page_has_no_link() {
        let link = |relation: &str| BundleLink {
            relation: relation.into(),
            url: "?p=2".into(),
            ..BundleLink::default()
        };
        let bundle = |link| Bundle { link: vec![link], ..Bundle::default() };
        let page = url("https://kt.example/fhir/DEFAULT/Task");
        assert_eq!(next(&bundle(link("self")), &page, &url(BASE)), Ok(None));
        assert!(matches!(next(&bundle(link("next")), &page, &url(BASE)), Ok(Some(_))));
    }

    proptest! {
        #[test]
        fn wherever_a_link_leads_it_is_below_the_base(link in "\\PC{0,60}|(https?:)?//kt.example[/a-zA-Z.%2e]{0,40}") {
            let page = url("https://kt.example/fhir/DEFAULT/Task");
            if let Ok(url) = follow(&link, &page, &url(BASE)) {
                prop_assert_eq!(url.origin(), page.origin());
                prop_assert!(url.path() == "/fhir/DEFAULT" || url.path().starts_with("/fhir/DEFAULT/"));
                prop_assert!(url.path().split('/').all(|part| part != ".."), "{}", url);
            }
        }
    }
}
