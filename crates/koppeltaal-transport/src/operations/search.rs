//! [`Search`]: results in pages, which are fetched when they are needed.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, RandomState};

use futures_util::{Stream, stream};
use koppeltaal_fhir::{Entry, Finding};
use reqwest::Url;

use crate::client::Client;
use crate::error::protocol::ProtocolProblem;
use crate::error::{Error, Result};
use crate::exchange::answer::{Answer, ReadBundle};
use crate::exchange::request::{Operation, Request};

/// A running search. No page is fetched before it is needed, and no more than one is kept.
///
/// Every search ends: a page that was fetched before is an error, and so is the page after
/// [`max_pages`](Self::max_pages).
///
/// After an error, the next call asks for the same page again. A link that cannot be followed gives the same
/// error again.
#[must_use = "a search does nothing until results are asked for"]
pub struct Search<T> {
    client: Client,
    operation: &'static Operation,
    read: fn(Entry) -> Option<T>,
    /// The URL of the next page, or why its link cannot be followed. That error stays.
    next: Option<Result<Url>>,
    /// Hashes of the URLs so far, which notice a circle in less memory than the URLs would need.
    visited: HashSet<u64>,
    hasher: RandomState,
    max_pages: usize,
    /// How many results may still come; `None`: all.
    left: Option<usize>,
    /// Results that were fetched and not asked for yet.
    waiting: VecDeque<T>,
}

/// One page of results. `Debug` shows how many there are, but not what they hold.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Page<T> {
    /// The results, in the server's order. Entries of another type, such as an outcome, are left out.
    pub items: Vec<T>,
    /// How many results the whole search has, if the server says so.
    pub total: Option<u64>,
    /// What the reader found odd in the page's text.
    pub findings: Vec<Finding>,
    /// How many findings there were beyond those ([`Limits::findings`](koppeltaal_fhir::Limits::findings)).
    pub suppressed: usize,
}

impl<T: Send + Sync + 'static> Search<T> {
    /// How many pages a search fetches unless [`max_pages`](Self::max_pages) says otherwise.
    pub const MAX_PAGES: usize = 10_000;

    /// Fetches at most this many pages, and at least one. Default: [`MAX_PAGES`](Self::MAX_PAGES). If the
    /// server has more, an error follows their results.
    pub fn max_pages(mut self, pages: usize) -> Self {
        self.max_pages = pages.max(1);
        self
    }

    pub(crate) fn new(
        client: &Client,
        operation: &'static Operation,
        first: Url,
        limit: Option<usize>,
        read: fn(Entry) -> Option<T>,
    ) -> Self {
        Self {
            client: client.clone(),
            operation,
            read,
            next: Some(Ok(first)),
            visited: HashSet::new(),
            hasher: RandomState::new(),
            max_pages: Self::MAX_PAGES,
            left: limit,
            waiting: VecDeque::new(),
        }
    }

    /// The next page; `None` after the last one, or when the limit is reached. Results that
    /// [`next`](Self::next) has fetched but not returned are not in it; `next` still returns them.
    ///
    /// # Errors
    ///
    /// Those of a read, and [`ProtocolProblem::RepeatedPage`] when the pages go in circles,
    /// [`ProtocolProblem::TooManyPages`] when there are more than [`max_pages`](Self::max_pages),
    /// [`Error::ForeignUrl`] when the next page is outside the server's FHIR service.
    pub async fn next_page(&mut self) -> Result<Option<Page<T>>> {
        if self.left == Some(0) {
            return Ok(None);
        }
        // It is not taken out: after an error, or when this future is dropped, the page can be asked for
        // again.
        let Some(url) = self.next.clone().transpose()? else { return Ok(None) };
        self.visited.insert(self.hasher.hash_one(url.as_str()));
        let request = Request::new(self.operation, url);
        let (ReadBundle { bundle, findings, suppressed }, next) = self
            .client
            .exchange(request, |answer| {
                let read = answer.bundle()?;
                let next = read.bundle.link("next").map(|link| self.follow(answer, link));
                Ok((read, next))
            })
            .await?;
        self.next = next;
        let total = bundle.total_results.value.and_then(|total| u64::try_from(total).ok());
        let mut items: Vec<T> = bundle.entry.into_iter().filter_map(self.read).collect();
        if let Some(left) = &mut self.left {
            items.truncate(*left);
            *left -= items.len();
        }
        Ok(Some(Page { items, total, findings, suppressed }))
    }

    /// The URL of the next page, at the configured server whatever host the link names. A bad link becomes an
    /// error only when that page is asked for, so that the results before it are not lost.
    fn follow(&self, answer: &Answer, link: &str) -> Result<Url> {
        // A link that is only a query replaces the query of this page (RFC 3986 section 5.2.2). Other
        // relative links are relative to the FHIR base.
        let same_page = link.trim_start().starts_with('?').then(|| answer.url().join(link).ok()).flatten();
        let url = self
            .client
            .server()
            .localize(same_page.as_ref().map_or(link, Url::as_str))
            .ok_or_else(|| Error::ForeignUrl { url: Some(link.to_owned()) })?;
        if self.visited.contains(&self.hasher.hash_one(url.as_str())) {
            return Err(answer.not_koppeltaal(ProtocolProblem::RepeatedPage));
        }
        if self.visited.len() >= self.max_pages {
            return Err(answer.not_koppeltaal(ProtocolProblem::TooManyPages { limit: self.max_pages }));
        }
        Ok(url)
    }

    /// The next result; `None` after the last one.
    ///
    /// # Errors
    ///
    /// Those of [`next_page`](Self::next_page).
    pub async fn next(&mut self) -> Result<Option<T>> {
        while self.waiting.is_empty() {
            match self.next_page().await? {
                Some(page) => self.waiting.extend(page.items),
                None => return Ok(None),
            }
        }
        Ok(self.waiting.pop_front())
    }

    /// All remaining results, in memory together. For a search that is known to be small, or has a limit.
    ///
    /// # Errors
    ///
    /// Those of [`next_page`](Self::next_page); results from before the error are lost.
    pub async fn collect(mut self) -> Result<Vec<T>> {
        let mut all = Vec::from(std::mem::take(&mut self.waiting));
        while let Some(page) = self.next_page().await? {
            all.extend(page.items);
        }
        Ok(all)
    }

    /// The results as a stream, which ends after the last result or the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<T>> + Send + 'static {
        stream::unfold(Some(self), |search| async move {
            let mut search = search?;
            match search.next().await {
                Ok(Some(item)) => Some((Ok(item), Some(search))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
    }
}

impl<T> fmt::Debug for Search<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL of the next page may hold that of a patient.
        f.debug_struct("Search").field("operation", &self.operation.name).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Page<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("items", &self.items.len())
            .field("total", &self.total)
            .field("findings", &self.findings.len())
            .finish_non_exhaustive()
    }
}
