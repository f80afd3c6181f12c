//! The search of the page: what it finds, page by page, and what it knows of each message.

use super::*;
use crate::mailbox::search::SearchPage;

fn identifiers(found: &SearchPage) -> Vec<&str> {
    found.messages.iter().map(|overview| overview.message.identifier.as_str()).collect()
}

impl World {
    fn search(&mut self, search: &Search, start: Start, count: usize) -> SearchPage {
        self.mailbox.search(search, start, count, self.now)
    }

    /// The identifiers of all messages that a search finds.
    fn found(&mut self, search: &Search) -> Vec<String> {
        let found = self.search(search, Start::Newest, 100);
        assert_eq!(found.total, found.messages.len());
        identifiers(&found).into_iter().map(str::to_owned).collect()
    }

    fn found_text(&mut self, text: &str) -> Vec<String> {
        self.found(&Search::default().with_text(text))
    }
}

/// A world with this many messages, m1 to mN.
fn with_plans(count: u64) -> World {
    let mut world = World::new();
    for id in 1..=count {
        world.post("portal", Draft::lone_plan(&format!("m{id}"), id)).expect("accepted");
    }
    world
}

#[test]
fn every_message_is_on_one_page_in_both_directions() {
    let mut world = with_plans(7);
    let all = Search::default();
    let newest = world.search(&all, Start::Newest, 3);
    assert_eq!(identifiers(&newest), ["m7", "m6", "m5"]);
    assert_eq!((newest.total, newest.newer, newest.is_total_exact), (7, 0, true));
    let older = world.search(&all, Start::Before(newest.older_than.expect("a next page")), 3);
    assert_eq!((identifiers(&older), older.newer), (vec!["m4", "m3", "m2"], 3));
    let oldest = world.search(&all, Start::Before(older.older_than.expect("a next page")), 3);
    assert_eq!((identifiers(&oldest), oldest.newer, oldest.older_than), (vec!["m1"], 6, None));
    let back = world.search(&all, Start::After(oldest.messages[0].message.key), 3);
    assert_eq!(identifiers(&back), ["m4", "m3", "m2"]);
    let from_the_end = world.search(&all, Start::After(0), 3);
    assert_eq!((identifiers(&from_the_end), from_the_end.newer), (vec!["m3", "m2", "m1"], 4));
}

#[test]
fn new_messages_do_not_move_an_older_page() {
    let mut world = with_plans(4);
    let before = world.search(&Search::default(), Start::Newest, 2).older_than.expect("a next page");
    world.post("portal", Draft::lone_plan("m5", 5)).expect("accepted");
    let page = world.search(&Search::default(), Start::Before(before), 2);
    assert_eq!((identifiers(&page), page.newer), (vec!["m2", "m1"], 3));
}

#[test]
fn a_search_that_ends_early_goes_on_where_it_ended() {
    let mut world = with_plans(7);
    world.post("game", Draft::patient("p8")).expect("accepted");
    let plans = Search { event: Some(Event::CreateOrUpdateCarePlan), ..Search::default() }.with_text("m1");
    let mut start = Start::Newest;
    let mut pages = 0;
    let found = loop {
        pages += 1;
        let found = world.mailbox.search_within(3, &plans, start, 3);
        assert!(!found.is_total_exact);
        if !found.messages.is_empty() {
            break found;
        }
        start = Start::Before(found.older_than.expect("messages that were not looked at"));
    };
    assert_eq!((identifiers(&found), pages, found.older_than), (vec!["m1"], 3, None));
}

#[test]
fn a_page_beyond_the_counted_messages_leads_back_to_newer_ones() {
    let world = with_plans(9);
    let all = Search::default();
    // Of m9 to m1, three are counted and looked at.
    let page = |start, count| world.mailbox.search_within(3, &all, start, count);
    let newest = page(Start::Newest, 2);
    assert_eq!((identifiers(&newest), newest.newer_than), (vec!["m9", "m8"], None));
    let oldest = page(Start::After(0), 2);
    assert_eq!((identifiers(&oldest), oldest.newer, oldest.newer_than), (vec!["m2", "m1"], 3, Some(2)));
    let last = page(Start::After(7), 2);
    assert_eq!((identifiers(&last), last.newer_than), (vec!["m9", "m8"], None));
    // Nothing is found, neither here nor among those that are counted.
    let nothing = Search::default().with_text("m2");
    let page = |start| world.mailbox.search_within(3, &nothing, start, 2);
    let empty = page(Start::Before(7));
    assert!(empty.messages.is_empty());
    assert_eq!((empty.total, empty.newer, empty.newer_than, empty.older_than), (0, 0, Some(6), Some(4)));
    let empty = page(Start::After(2));
    assert_eq!((empty.messages.len(), empty.newer_than), (0, Some(5)));
    assert_eq!(page(Start::After(6)).newer_than, None);
}

#[test]
fn text_is_found_in_what_a_message_is_about_and_who_has_it() {
    let mut world = with_plans(2);
    let mut of_patient = Draft::patient("P-3");
    of_patient.patient = Some("https://epd.example/Patient/77".into());
    let receipt = world.post("game", of_patient).expect("accepted");
    for text in [
        "p-3",
        "CREATEorupdatePATIENT",
        "epd.example/Patient/77",
        &receipt.number.to_string(),
        "zonnedauw p-3",
        " patient  77 ",
    ] {
        assert_eq!(world.found_text(text), ["P-3"], "{text}");
    }
    assert_eq!(world.found_text("portal"), ["m2", "m1"], "the sender");
    assert_eq!(world.found_text("rom"), ["m2", "m1"], "a receiver");
    assert_eq!(world.found_text("CarePlan/1"), ["m1"]);
    assert_eq!(world.found_text("portal Patient/77"), [""; 0], "every word has to be there");
    assert_eq!(world.found_text("").len(), 3);
}

#[test]
fn a_status_is_that_of_the_named_queue_or_of_any() {
    let mut world = with_plans(3);
    let claimed = world.claim("game").expect("a message");
    let (game, rom) = (world.id("game"), world.id("rom"));
    let of = |status, receiver: Option<&InstanceId>| Search {
        status: Some(status),
        receiver: receiver.cloned(),
        ..Search::default()
    };
    assert_eq!(world.found(&of(Status::Claimed, None)), ["m1"]);
    assert_eq!(world.found(&of(Status::Claimed, Some(&game))), ["m1"]);
    assert!(world.found(&of(Status::Claimed, Some(&rom))).is_empty());
    assert_eq!(world.found(&of(Status::New, Some(&game))), ["m3", "m2"]);
    assert_eq!(world.found(&of(Status::New, None)), ["m3", "m2", "m1"]);
    // A claim that has run out is over when somebody looks.
    world.wait(TIMEOUT);
    assert!(world.found(&of(Status::Claimed, None)).is_empty());
    world.acknowledge("game", claimed.number, Status::Success).expect("taken");
    assert_eq!(world.found(&of(Status::Success, None)), ["m1"]);
}

#[test]
fn events_and_patients_are_filters() {
    let mut world = with_plans(1);
    world.post("portal", Draft::patient("p1")).expect("accepted");
    let patients = Search { event: Some(Event::CreateOrUpdatePatient), ..Search::default() };
    assert_eq!(world.found(&patients), ["p1"]);
    assert_eq!(world.found(&Search::default().with_patient(" EPD.example/patient/1")), ["p1", "m1"]);
    assert!(world.found(&Search::default().with_patient("Patient/2")).is_empty());
}

#[test]
fn a_message_is_shown_with_its_sender_and_all_its_receivers() {
    let mut world = with_plans(2);
    let claimed = world.claim("rom").expect("a message");
    let found = world.search(&Search::default().with_text("m1"), Start::Newest, 10);
    let MessageOverview { posted, deliveries, .. } = &found.messages[0];
    assert_eq!(*posted.as_ref().expect("a sender").0.username, *"portal");
    let states: Vec<_> = deliveries.iter().map(|(id, delivery)| (&*id.username, delivery.status)).collect();
    assert_eq!(states, [("game", Status::New), ("rom", Status::Claimed)]);
    let claims: Vec<_> = deliveries[1].1.claims().map(Version::instant).collect();
    assert_eq!(claims, [Some(claimed.changed.instant())]);
    // A message that nobody gets is there as well.
    world
        .post(
            "portal",
            Draft::new(
                "m3",
                Event::CreateOrUpdateUserMessage,
                "https://p.example/Other/1",
                other(ResourceKind::UserMessage),
            ),
        )
        .expect("accepted");
    assert!(world.search(&Search::default(), Start::Newest, 1).messages[0].deliveries.is_empty());
}
