//! Results in pages.

use std::pin::pin;

use futures_util::StreamExt;
use koppeltaal_transport::{Error, HeaderQuery, ProtocolProblem};

use crate::server::{Server, Step, json, status};

/// A page with headers of these numbers, and a link to the next page.
fn page(numbers: std::ops::Range<u32>, next: Option<&str>) -> Step {
    let entry = |number: u32| {
        format!(
            r#"{{"id":"https://k.example/FHIR/Koppeltaal/MessageHeader/{number}",
                 "content":{{"resourceType":"MessageHeader","identifier":"m{number}"}}}}"#
        )
    };
    let entries: Vec<_> = numbers.map(entry).collect();
    let next = next.map(|href| format!(r#"{{"rel":"next","href":"{href}"}}"#)).unwrap_or_default();
    let entries = entries.join(",");
    json(format!(r#"{{"resourceType":"Bundle","totalResults":"7","link":[{next}],"entry":[{entries}]}}"#))
}

/// On another host than the one the client knows.
const SECOND: &str = "https://inside.example:8443/FHIR/Koppeltaal/MessageHeader/_search?_summary=true&page=2";
const THIRD: &str = "https://inside.example:8443/FHIR/Koppeltaal/MessageHeader/_search?_summary=true&page=3";

#[tokio::test]
async fn pages_are_followed_at_the_configured_server() {
    let server = Server::playing([page(1..4, Some(SECOND)), page(4..7, Some(THIRD)), page(7..8, None)]).await;
    let headers =
        server.client().message_headers(&HeaderQuery::default()).collect().await.expect("all pages");
    let identifiers: Vec<_> = headers.iter().filter_map(|header| header.identifier()).collect();
    assert_eq!(identifiers, ["m1", "m2", "m3", "m4", "m5", "m6", "m7"]);
    let asked = server.asked();
    assert_eq!(asked[1].target, "/FHIR/Koppeltaal/MessageHeader/_search?_summary=true&page=2");
    assert!(asked.iter().all(|asked| asked.header("authorization").is_some()));
}

#[tokio::test]
async fn no_page_is_fetched_before_it_is_needed() {
    let server = Server::playing([page(1..3, Some(SECOND)), page(3..5, None)]).await;
    let mut search = server.client().message_headers(&HeaderQuery::default());
    assert!(server.asked().is_empty());
    for (number, pages) in [(1, 1), (2, 1), (3, 2), (4, 2)] {
        let header = search.next().await.expect("an answer").expect("a header");
        assert_eq!(header.identifier(), Some(format!("m{number}").as_str()));
        assert_eq!(server.asked().len(), pages);
    }
    assert!(search.next().await.expect("the end").is_none());
    assert!(search.next().await.expect("still the end").is_none());
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_limit_ends_the_search_without_another_page() {
    let server = Server::playing([page(1..4, Some(SECOND)), page(4..7, Some(THIRD))]).await;
    let query = HeaderQuery::default().limit(4).page_size(3);
    assert_eq!(server.client().message_headers(&query).collect().await.expect("headers").len(), 4);
    assert_eq!(server.asked().len(), 2);
    assert!(server.client().message_headers(&query.limit(0)).collect().await.expect("nothing").is_empty());
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_page_says_how_many_results_there_are() {
    let server = Server::playing([page(1..3, None)]).await;
    let page = server
        .client()
        .message_headers(&HeaderQuery::default())
        .next_page()
        .await
        .expect("a page")
        .expect("one");
    assert_eq!((page.items.len(), page.total), (2, Some(7)));
}

#[tokio::test]
async fn pages_in_a_circle_end_with_an_error_after_their_results() {
    let server =
        Server::playing([page(1..3, Some(SECOND)), page(3..5, Some(THIRD)), page(5..7, Some(SECOND))]).await;
    let stream = server.client().message_headers(&HeaderQuery::default()).into_stream();
    let results: Vec<_> = pin!(stream).take(20).collect().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 6);
    assert_eq!(results.len(), 7, "the stream ends after the error");
    let Some(Err(Error::Protocol(error))) = results.last() else { panic!("{:?}", results.last()) };
    assert_eq!(error.problem, ProtocolProblem::RepeatedPage);
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn pages_that_never_end_are_followed_up_to_a_number_of_pages() {
    let number = std::sync::atomic::AtomicU32::new(0);
    let server = Server::answering(move |_| {
        let next = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Some(page(
            1..3,
            Some(&format!("https://k.example/FHIR/Koppeltaal/MessageHeader/_search?page={next}")),
        ))
    })
    .await;
    let mut search = server.client().message_headers(&HeaderQuery::default()).max_pages(5);
    for _ in 0..5 {
        assert_eq!(search.next_page().await.expect("a page").expect("one").items.len(), 2);
    }
    for _ in 0..2 {
        let error = search.next_page().await.expect_err("no end");
        let Error::Protocol(protocol) = &error else { panic!("{error:?}") };
        assert_eq!(protocol.problem, ProtocolProblem::TooManyPages { limit: 5 });
        assert!(!error.is_retryable());
    }
    assert_eq!(server.asked().len(), 5);
    // The last page may be the last one that is allowed.
    let server = Server::playing([page(1..3, Some(SECOND)), page(3..5, None)]).await;
    let search = server.client().message_headers(&HeaderQuery::default()).max_pages(2);
    assert_eq!(search.collect().await.expect("all").len(), 4);
}

#[tokio::test]
async fn a_page_that_is_its_own_next_page_is_a_circle() {
    let itself = "https://k.example/FHIR/Koppeltaal/MessageHeader/_search?_summary=true";
    let server = Server::playing([page(1..3, Some(itself))]).await;
    let mut search = server.client().message_headers(&HeaderQuery::default());
    search.next_page().await.expect("a page");
    search.next_page().await.expect_err("a circle");
    let error = search.collect().await.expect_err("still a circle");
    assert!(
        matches!(&error, Error::Protocol(error) if error.problem == ProtocolProblem::RepeatedPage),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_next_page_may_be_named_by_its_query_or_by_its_path_alone() {
    for link in ["?page=2", "MessageHeader/_search?page=2", "/FHIR/Koppeltaal/MessageHeader/_search?page=2"] {
        let server = Server::playing([page(1..3, Some(link)), page(3..5, None)]).await;
        let all = server.client().message_headers(&HeaderQuery::default()).collect().await.expect("all");
        assert_eq!(all.len(), 4);
        assert_eq!(server.asked()[1].target, "/FHIR/Koppeltaal/MessageHeader/_search?page=2", "{link}");
    }
}

#[tokio::test]
async fn a_next_page_outside_the_fhir_service_is_not_fetched() {
    let server = Server::playing([page(1..3, Some("https://elsewhere.example/steal"))]).await;
    let mut search = server.client().message_headers(&HeaderQuery::default());
    assert_eq!(search.next_page().await.expect("a page").expect("one").items.len(), 2);
    // Asked again, the search does not look finished.
    for _ in 0..2 {
        let error = search.next_page().await.expect_err("elsewhere");
        assert!(matches!(error, Error::ForeignUrl { .. }), "{error:?}");
    }
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_page_that_failed_can_be_asked_for_again() {
    let trouble = status(503, "text/plain", "busy");
    let server = Server::playing([page(1..3, Some(SECOND)), trouble, page(3..5, None)]).await;
    let mut search = server.client().message_headers(&HeaderQuery::default());
    search.next_page().await.expect("a page");
    assert!(search.next_page().await.expect_err("busy").is_retryable());
    assert_eq!(search.next_page().await.expect("a page").expect("one").items.len(), 2);
    let asked = server.asked();
    assert_eq!(asked[1].target, asked[2].target);
}
