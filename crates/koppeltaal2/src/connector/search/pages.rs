//! [`Pages`]: the pages of a search, one after the other, and the stream of the resources on them.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::future::BoxFuture;
use koppeltaal_r4::Resource;
use koppeltaal_r4::resources::{Bundle, SearchEntryMode};
use koppeltaal_smart::Url;

use crate::connector::application::Connector;
use crate::connector::error::Error;
use crate::connector::exchange::Request;
use crate::connector::exchange::interaction::Interaction;
use crate::connector::request_info::RequestInfo;
use crate::connector::search::Search;
use crate::connector::search::link::{self, Visited};
use crate::connector::stored::StoredResource;
use crate::profile::Profile;

/// One page of a search.
#[derive(Debug)]
#[non_exhaustive]
pub struct Page<P: Profile> {
    /// The resources, in the order of the server. An entry that cannot be used is an error with its place.
    pub entries: Vec<Result<StoredResource<P>, Error>>,
    /// How many resources match in all. Servers may leave it out.
    pub total: Option<u32>,
    /// Whether there is a further page.
    pub has_next: bool,
}

/// The pages of a search. State between two requests: what it takes to ask for the next page.
#[derive(Debug)]
pub(crate) struct Pages {
    next: Option<Url>,
    visited: Visited,
    read: usize,
    max_pages: usize,
}

/// The resources that a search finds: a [`Stream`] that asks for a page when it is needed. At most one page
/// is kept.
#[must_use = "streams do nothing unless polled"]
pub struct SearchResults<P: Profile> {
    connector: Connector,
    state: State<P>,
    entries: VecDeque<Result<StoredResource<P>, Error>>,
}

type Fetched<P> = (Pages, Result<Page<P>, Error>);

enum State<P: Profile> {
    Idle(Pages),
    Fetching(BoxFuture<'static, Fetched<P>>),
    Done,
}

impl Connector {
    /// Searches, and gives the resources of all pages one after the other.
    ///
    /// An entry that cannot be used is an [`Error::Entry`]; the others still come. After any other error the
    /// stream ends.
    ///
    /// ```no_run
    /// # use koppeltaal2::{Connector, Search, profiles::Task};
    /// # async fn example(connector: &Connector) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut ready = connector.search(Search::<Task>::new().status("ready"));
    /// while let Some(task) = ready.next().await {
    ///     println!("{:?}", task?.id);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[allow(clippy::needless_pass_by_value, reason = "most searches are made for one call")]
    pub fn search<P: Profile>(&self, search: Search<P>) -> SearchResults<P> {
        let pages = Pages::new(self, &search);
        SearchResults { connector: self.clone(), state: State::Idle(pages), entries: VecDeque::new() }
    }

    /// Searches, and gives the first page.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn search_page<P: Profile>(&self, search: Search<P>) -> Result<Page<P>, Error> {
        Pages::new(self, &search).next(self).await
    }

    /// The one resource that the search finds; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`Error`]; [`Error::Pages`] if it finds several.
    pub async fn find_one<P: Profile>(&self, search: Search<P>) -> Result<Option<StoredResource<P>>, Error> {
        let mut found = self.search(search.count(2));
        let Some(first) = found.next().await.transpose()? else { return Ok(None) };
        match found.next().await {
            None => Ok(Some(first)),
            Some(Err(error)) => Err(error),
            Some(Ok(_)) => {
                let request_id = first.request_id.clone();
                let request = RequestInfo { interaction: "search", resource_type: P::NAME, request_id };
                Err(Error::Pages { request, page: 1, problem: "there are several where one was expected" })
            }
        }
    }
}

impl Pages {
    pub(crate) fn new<P: Profile>(connector: &Connector, search: &Search<P>) -> Self {
        let first = search.to_url(connector.domain().url(P::NAME));
        Self { next: Some(first), visited: Visited::default(), read: 0, max_pages: search.pages().max(1) }
    }

    /// Whether there is a further page.
    pub(crate) fn has_next(&self) -> bool {
        self.next.is_some()
    }

    /// Asks for the next page. After an error the same page is asked for again; dropped, it changes nothing.
    pub(crate) async fn next<P: Profile>(&mut self, connector: &Connector) -> Result<Page<P>, Error> {
        let Some(url) = self.next.clone() else {
            return Ok(Page { entries: Vec::new(), total: None, has_next: false });
        };
        let answer = connector.send(Request::new(Interaction::SEARCH, P::NAME, url.clone())).await?;
        let bundle: Bundle = answer.read()?;
        let request = answer.request;
        let next = link::next(&bundle, &url, connector.domain().base_url());
        self.read += 1;
        let page = self.read;
        self.visited.note(&url);
        let next = next.and_then(|next| match next {
            Some(_) if page >= self.max_pages => Err("it has more pages than are allowed"),
            Some(next) if self.visited.has(&next) => Err("its link leads back to a page that was read"),
            next => Ok(next),
        });
        let total = bundle.total.value;
        let mut entries = entries(bundle, &request, page);
        self.next = match next {
            Ok(next) => next,
            Err(problem) => {
                entries.push(Err(Error::Pages { request, page, problem }));
                None
            }
        };
        Ok(Page { entries, total, has_next: self.next.is_some() })
    }
}

/// The resources on a page.
fn entries<P: Profile>(
    bundle: Bundle,
    request: &RequestInfo,
    page: usize,
) -> Vec<Result<StoredResource<P>, Error>> {
    let mut entries = Vec::with_capacity(bundle.entry.len());
    for (number, entry) in bundle.entry.into_iter().enumerate() {
        let mode = entry.search.as_ref().and_then(|search| search.mode.get());
        // An outcome is a remark of the server, and an included resource is not what was looked for.
        if matches!(mode, Some(SearchEntryMode::Outcome | SearchEntryMode::Include)) {
            continue;
        }
        let stored = entry
            .resource
            .ok_or("no resource in it")
            .and_then(|resource| read(resource, &request.request_id));
        entries.push(stored.map_err(|problem| {
            tracing::warn!(
                page,
                entry = number + 1,
                problem,
                request_id = request.request_id,
                "an entry cannot be used"
            );
            Error::Entry { request: request.clone(), page, entry: number + 1, problem }
        }));
    }
    entries
}

fn read<P: Profile>(resource: Resource, request_id: &str) -> Result<StoredResource<P>, &'static str> {
    let fhir = resource.take::<P::Fhir>().map_err(|_| "a resource of another type")?;
    StoredResource::read(fhir, None, request_id)
}

impl<P: Profile> SearchResults<P> {
    /// The next resource; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<StoredResource<P>, Error>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// All resources. For a search whose result fits in memory.
    ///
    /// # Errors
    ///
    /// The first error, also that of one entry.
    pub async fn collect(mut self) -> Result<Vec<StoredResource<P>>, Error> {
        let mut all = Vec::new();
        while let Some(stored) = self.next().await {
            all.push(stored?);
        }
        Ok(all)
    }
}

// Nothing in it is pinned in place.
impl<P: Profile> Unpin for SearchResults<P> {}

impl<P: Profile> Stream for SearchResults<P> {
    type Item = Result<StoredResource<P>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(entry) = self.entries.pop_front() {
                return Poll::Ready(Some(entry));
            }
            self.state = match std::mem::replace(&mut self.state, State::Done) {
                State::Done => return Poll::Ready(None),
                State::Idle(pages) if !pages.has_next() => State::Done,
                State::Idle(mut pages) => {
                    let connector = self.connector.clone();
                    State::Fetching(Box::pin(async move {
                        let page = pages.next(&connector).await;
                        (pages, page)
                    }))
                }
                State::Fetching(mut fetching) => match fetching.as_mut().poll(context) {
                    Poll::Pending => {
                        self.state = State::Fetching(fetching);
                        return Poll::Pending;
                    }
                    Poll::Ready((pages, Ok(page))) => {
                        self.entries = page.entries.into();
                        State::Idle(pages)
                    }
                    Poll::Ready((_, Err(error))) => {
                        self.entries.push_back(Err(error));
                        State::Done
                    }
                },
            };
        }
    }
}
