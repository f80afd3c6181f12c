//! Searches: pages, links, entries that cannot be used.

use futures_util::StreamExt as _;
use koppeltaal2::profiles::Task;
use koppeltaal2::{Error, Search};
use serde_json::json;

use crate::server::{Reply, Server, page, task};

#[tokio::test]
async fn a_search_follows_the_links_of_the_server() {
    let server = Server::start(|asked| match &*asked.target {
        "/fhir/Task?status=ready&_count=2" => Some(Reply::json(
            200,
            &page(&[task("1", 1, "ready"), task("2", 1, "ready")], Some("?_getpages=abc&_getpagesoffset=2")),
        )),
        // A link may be relative, or lead to the base itself.
        "/fhir/Task?_getpages=abc&_getpagesoffset=2" => {
            let next = format!("http://{}/fhir?_getpages=abc&_getpagesoffset=4", asked.header("host")?);
            Some(Reply::json(200, &page(&[task("3", 1, "ready")], Some(&next))))
        }
        "/fhir?_getpages=abc&_getpagesoffset=4" => {
            Some(Reply::json(200, &page(&[task("4", 1, "ready")], None)))
        }
        _ => None,
    })
    .await;
    let connector = server.connector().await;
    let search = Search::<Task>::new().status("ready").count(2);
    let ids: Vec<_> =
        connector.search(search.clone()).map(|task| task.expect("a task").id.clone()).collect().await;
    assert_eq!(ids, ["1", "2", "3", "4"]);
    let page = connector.search_page(search.clone()).await.expect("a page");
    assert_eq!((page.entries.len(), page.has_next), (2, true));
    assert_eq!(connector.search(search).collect().await.expect("all").len(), 4);
}

#[tokio::test]
async fn an_entry_that_cannot_be_used_is_an_error_with_its_place_and_the_others_come() {
    let server = Server::start(|asked| {
        asked.target.starts_with("/fhir/Task").then(|| {
            let mut bundle = page(
                &[
                    task("1", 1, "ready"),
                    json!({"resourceType": "Patient", "id": "9"}),
                    task("2", 1, "ready"),
                ],
                None,
            );
            let entries = bundle["entry"].as_array_mut().expect("a list");
            entries.push(
                json!({"resource": {"resourceType": "OperationOutcome"}, "search": {"mode": "outcome"}}),
            );
            entries.push(json!({"fullUrl": "https://a.example/Task/3"}));
            Reply::json(200, &bundle)
        })
    })
    .await;
    let found: Vec<_> = server.connector().await.search(Search::<Task>::new()).collect_all().await;
    let places: Vec<_> = found
        .iter()
        .map(|entry| match entry {
            Ok(task) => task.id.clone(),
            Err(Error::Entry { page, entry, problem, .. }) => format!("{page}/{entry} {problem}"),
            Err(error) => panic!("{error}"),
        })
        .collect();
    assert_eq!(places, ["1", "1/2 a resource of another type", "2", "1/5 no resource in it"]);
}

/// All entries, errors too.
trait CollectAll: futures_util::Stream + Sized {
    async fn collect_all(self) -> Vec<Self::Item> {
        self.collect().await
    }
}

impl<S: futures_util::Stream> CollectAll for S {}

#[tokio::test]
async fn links_that_lead_elsewhere_or_in_a_circle_end_the_search_with_an_error() {
    for (link, text) in [
        ("https://evil.example/fhir/Task?p=2", "another server"),
        ("/other/Task?p=2", "out of the domain"),
        ("?p=1", "back to a page"),
        ("/fhir/Task", "back to a page"),
    ] {
        let server = Server::start(move |asked| {
            asked
                .target
                .starts_with("/fhir/Task")
                .then(|| Reply::json(200, &page(&[task("1", 1, "ready")], Some(link))))
        })
        .await;
        let found = server.connector().await.search(Search::<Task>::new()).collect_all().await;
        let (last, before) = found.split_last().expect("something");
        assert!(before.iter().all(Result::is_ok) && !before.is_empty(), "{found:?}");
        assert!(
            matches!(last, Err(Error::Pages { problem, .. }) if problem.contains(text)),
            "{link}: {last:?}"
        );
        assert!(server.asked().len() <= 2, "{link}");
    }
}

#[tokio::test]
async fn pages_without_end_are_cut_off() {
    let mut number = 0;
    let server = Server::start(move |asked| {
        number += 1;
        asked
            .target
            .starts_with("/fhir/Task")
            .then(|| Reply::json(200, &page(&[task("1", 1, "ready")], Some(&format!("?p={number}")))))
    })
    .await;
    let found = server.connector().await.search(Search::<Task>::new().max_pages(3)).collect_all().await;
    assert_eq!(found.len(), 4);
    assert!(matches!(&found[3], Err(Error::Pages { page: 3, .. })), "{found:?}");
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn a_token_that_expires_between_two_pages_is_renewed() {
    let mut pages = 0;
    let server = Server::start(move |asked| {
        if !asked.target.starts_with("/fhir/Task") {
            return None;
        }
        pages += 1;
        Some(match pages {
            1 => Reply::json(200, &page(&[task("1", 1, "ready")], Some("?p=2"))),
            2 => Reply::text(401, "text/plain", ""),
            _ => Reply::json(200, &page(&[task("2", 1, "ready")], None)),
        })
    })
    .await;
    let found = server.connector().await.search(Search::<Task>::new()).collect().await.expect("both");
    assert_eq!((found.len(), server.tokens()), (2, 2));
}

#[tokio::test]
async fn of_one_that_is_expected_there_are_none_one_or_too_many() {
    let server = Server::start(|asked| {
        let number = asked.target.strip_prefix("/fhir/Task?_id=")?.split('&').next()?.parse().ok()?;
        let tasks: Vec<_> = (0..number).map(|id| task(&id.to_string(), 1, "ready")).collect();
        Some(Reply::json(200, &page(&tasks, None)))
    })
    .await;
    let connector = server.connector().await;
    let find = |number: &str| connector.find_one(Search::<Task>::new().id(number));
    assert!(find("0").await.expect("none").is_none());
    assert_eq!(find("1").await.expect("one").map(|task| task.id.clone()).as_deref(), Some("0"));
    assert!(matches!(find("2").await, Err(Error::Pages { .. })));
}
