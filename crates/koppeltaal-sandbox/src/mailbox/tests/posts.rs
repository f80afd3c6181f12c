//! What a post needs, where copies go, and what a repeated post does.

use super::*;

fn refused(draft: Draft) -> (RefusalKind, String) {
    let refusal = World::new().post("portal", draft).expect_err("refused");
    (refusal.kind, details(&refusal))
}

#[test]
fn every_subscriber_of_the_domain_gets_a_copy() {
    let mut world = World::new();
    world.post("portal", Draft::plan("m1")).expect("accepted");
    assert_eq!(world.statuses("game"), [Status::New]);
    assert_eq!(world.statuses("rom"), [Status::New]);
    assert_eq!(world.statuses("portal"), [], "not subscribed");
    assert_eq!(world.statuses("stranger"), [], "of another domain");
}

#[test]
fn a_subscribed_sender_gets_its_own_message() {
    let mut world = World::new();
    world.post("game", Draft::plan("m1")).expect("accepted");
    assert_eq!(world.statuses("game"), [Status::New]);
}

#[test]
fn copies_have_numbers_of_their_own_that_grow() {
    let mut world = World::new();
    world.post("portal", Draft::lone_plan("m1", 1)).expect("accepted");
    world.post("portal", Draft::lone_plan("m2", 2)).expect("accepted");
    let mut numbers: Vec<_> =
        world.queue("game").into_iter().chain(world.queue("rom")).map(|(number, _)| number).collect();
    assert!(world.queue("game").is_sorted());
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 4);
}

#[test]
fn another_domain_is_forbidden() {
    let mut draft = Draft::plan("m1");
    draft.domain = Some("Elsewhere".into());
    assert_eq!(refused(draft).0, RefusalKind::Forbidden);
}

#[test]
fn a_message_without_domain_is_refused() {
    let mut draft = Draft::plan("m1");
    draft.domain = None;
    assert_eq!(
        refused(draft),
        (RefusalKind::Malformed, "The message has no security tag that names its domain.".into())
    );
}

#[test]
fn an_event_about_a_patient_has_to_name_the_patient() {
    let mut draft = Draft::plan("m1");
    draft.patient = None;
    let (kind, details) = refused(draft);
    assert_eq!(kind, RefusalKind::Malformed);
    assert_eq!(details, "The MessageHeader of CreateOrUpdateCarePlan does not name the patient.");
}

#[test]
fn the_focal_resource_has_to_fit_the_event() {
    let draft = Draft::plan("m1").resource(0, patient("Mees"));
    assert_eq!(
        refused(draft),
        (RefusalKind::Rule, "The focal resource of CreateOrUpdateCarePlan has to be a CarePlan.".into())
    );
}

#[test]
fn an_other_whose_code_cannot_be_read_may_be_focal() {
    let event = Event::UpdateCarePlanActivityStatus;
    let url = "https://game.example/CarePlanActivityStatus/1";
    World::new().post("portal", Draft::new("m1", event, url, Other::default())).expect("accepted");
    assert_eq!(refused(Draft::new("m1", event, url, other(ResourceKind::CareTeam))).0, RefusalKind::Rule);
    assert_eq!(refused(Draft::plan("m1").resource(0, Other::default())).0, RefusalKind::Rule);
}

#[test]
fn the_focal_resource_has_to_be_in_the_message() {
    let mut bundle = Draft::plan("m1").bundle();
    bundle.entry.remove(1);
    assert_eq!(Posting::read(bundle, SOURCE).expect_err("refused").kind, RefusalKind::Malformed);
}

#[test]
fn the_header_comes_first() {
    let mut bundle = Draft::plan("m1").bundle();
    bundle.entry.swap(0, 1);
    let refusal = Posting::read(bundle, SOURCE).expect_err("refused");
    assert_eq!(details(&refusal), "The first entry of the message is not a MessageHeader.");
}

#[test]
fn a_message_has_an_identifier_and_something_in_it() {
    assert_eq!(refused(Draft::plan(" ")).0, RefusalKind::Malformed);
    let mut bundle = Draft::plan("m1").bundle();
    bundle.entry.clear();
    assert_eq!(Posting::read(bundle, SOURCE).expect_err("refused").kind, RefusalKind::Malformed);
}

#[test]
fn resource_types_that_koppeltaal_does_not_use_are_refused_in_the_words_of_the_original() {
    let condition = koppeltaal_fhir::ReadOptions::tolerant()
        .json(br#"{"resourceType": "Bundle", "entry": [{"id": "c", "content": {"resourceType": "Query"}}]}"#)
        .expect("a bundle");
    let mut bundle = Draft::plan("m1").bundle();
    bundle.entry.extend(condition.document.into_bundle().expect("a bundle").entry);
    let refusal = Posting::read(bundle, SOURCE).expect_err("refused");
    assert_eq!(refusal.kind, RefusalKind::Unsupported);
    assert_eq!(details(&refusal), "The resource type 'Query' is not supported");
}

#[test]
fn an_other_of_any_code_is_taken() {
    let mut world = World::new();
    let mut draft = Draft::plan("m1");
    draft.resources.push((
        "https://game.example/BlackBoxState/1".into(),
        None,
        other(ResourceKind::BlackBoxState).into(),
    ));
    draft.resources.push(("https://game.example/Other/1".into(), None, Other::default().into()));
    let receipt = world.post("portal", draft).expect("accepted");
    assert_eq!(named(&receipt).len(), 4);
}

#[test]
fn a_resource_stands_in_a_message_once() {
    let mut draft = Draft::plan("m1");
    draft.resources.push(draft.resources[1].clone());
    let refusal = World::new().post("portal", draft).expect_err("refused");
    assert!(refusal.issues[0].is("duplicate"));
    assert_eq!(refusal.issues[0].resource, Some(PATIENT.into()));
}

#[test]
fn an_entry_needs_an_id_or_a_self_link() {
    let without = |id: bool, link: bool| {
        let mut bundle = Draft::plan("m1").bundle();
        if id {
            bundle.entry[1].id = None;
        }
        if link {
            bundle.entry[1].link.clear();
        }
        Posting::read(bundle, SOURCE)
            .map_err(|refusal| refusal.kind)
            .map(|posting| posting.resources[0].url.clone())
    };
    assert_eq!(without(true, false), Ok(PLAN.into()));
    assert_eq!(without(false, true), Ok(PLAN.into()));
    assert_eq!(without(true, true), Err(RefusalKind::Malformed));
}

#[test]
fn a_message_posted_again_is_answered_as_the_first_time_and_not_delivered_again() {
    let mut world = World::new();
    let first = world.post("portal", Draft::plan("m1")).expect("accepted");
    // Rule 3 would refuse it if it were a new message.
    let second = world.post("portal", Draft::plan("m1")).expect("accepted");
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(world.queue("game").len(), 1);
}

#[test]
fn two_senders_may_use_the_same_identifier() {
    let mut world = World::new();
    world.post("portal", Draft::lone_plan("m1", 1)).expect("accepted");
    world.post("game", Draft::lone_plan("m1", 2)).expect("accepted");
    assert_eq!(world.queue("game").len(), 2);
}

#[test]
fn a_sender_finds_its_message_by_identifier_and_by_the_number_of_the_answer() {
    let mut world = World::new();
    let receipt = world.post("portal", Draft::plan("m1")).expect("accepted");
    let portal = world.id("portal");
    let found = |found: Option<Lookup>| match found {
        Some(Lookup::Posted(sent)) => sent.message.identifier.clone(),
        other => panic!("not a sent message: {other:?}"),
    };
    assert_eq!(found(world.mailbox.identified(&portal, "m1", world.now)), "m1");
    assert_eq!(found(world.mailbox.numbered(&portal, receipt.number, world.now)), "m1");
    let game = world.id("game");
    assert!(matches!(world.mailbox.identified(&game, "m1", world.now), Some(Lookup::Received(_))));
    let stranger = world.id("stranger");
    assert!(world.mailbox.identified(&stranger, "m1", world.now).is_none());
}

#[test]
fn the_oldest_posted_messages_are_forgotten() {
    let mut world = World::with(|config| config.limits.queue_messages = 2);
    for id in 1..=3 {
        world.post("portal", Draft::lone_plan(&format!("m{id}"), id)).expect("accepted");
        for receiver in ["game", "rom"] {
            let number = world.claim(receiver).expect("a message").number;
            world.acknowledge(receiver, number, Status::Success).expect("taken");
        }
    }
    let portal = world.id("portal");
    assert!(world.mailbox.identified(&portal, "m1", world.now).is_none());
    assert!(world.mailbox.identified(&portal, "m2", world.now).is_some());
}

#[test]
fn a_header_is_kept_without_status_and_data() {
    let mut bundle = Draft::plan("m1").bundle();
    let header = bundle.entry[0].content.as_mut().and_then(|content| content.get_mut::<MessageHeader>());
    let status = koppeltaal_messaging::ProcessingState::new(
        Status::Success,
        koppeltaal_fhir::primitives::Instant::now(),
    )
    .to_extension();
    header.expect("a header").extension.push(status);
    let posting = Posting::read(bundle, SOURCE).expect("a message");
    assert_eq!(posting.header.fhir().extension.len(), 1, "the patient");
    assert_eq!(posting.header.data().count(), 0);
}

#[test]
fn a_patient_who_is_the_focal_resource_need_not_be_named_a_second_time() {
    let mut draft = Draft::patient("m1");
    draft.patient = None;
    let receipt = world_and_post(draft);
    assert_eq!(receipt.patient.as_deref(), Some(PATIENT));
    let mut draft = Draft::plan("m2");
    draft.patient = None;
    let refusal = World::new().post("portal", draft).expect_err("refused");
    assert!(details(&refusal).contains("does not name the patient"), "{refusal:?}");
}

fn world_and_post(draft: Draft) -> Arc<Receipt> {
    let mut world = World::new();
    let receipt = world.post("portal", draft).expect("accepted");
    let filter = Filter { patient: Some(PATIENT.into()), ..Filter::default() };
    assert!(world.claim_of("game", &filter).is_some(), "it is found as the patient's");
    receipt
}

#[test]
fn the_url_of_a_resource_has_a_bounded_length() {
    let url = format!("https://portal.example/CarePlan/{}", "9".repeat(5000));
    let draft = Draft::new("m1", Event::CreateOrUpdateCarePlan, &url, CarePlan::default());
    assert_eq!(World::new().post("portal", draft).expect_err("refused").kind, RefusalKind::Malformed);
}

#[test]
fn a_mistake_in_a_message_is_reported_before_a_lack_of_room() {
    let mut world = World::with(|config| {
        config.limits.queue_messages = 1;
        config.limits.resources = 1;
    });
    let receipt = world.post("portal", Draft::lone_plan("m1", 1)).expect("accepted");
    for (draft, kind) in [
        (Draft::lone_plan("m2", 1), RefusalKind::Conflict),
        (Draft::lone_plan("m2", 1).version(0, "another"), RefusalKind::Conflict),
        (Draft::lone_plan("m2", 2).version(0, "another"), RefusalKind::Conflict),
        (Draft { domain: Some("Elsewhere".into()), ..Draft::lone_plan("m2", 2) }, RefusalKind::Forbidden),
        (Draft::lone_plan("m2", 2), RefusalKind::Full),
    ] {
        assert_eq!(world.post("portal", draft).expect_err("refused").kind, kind);
    }
    // The update itself is right, but the claimed message, which it cannot replace, still fills the queue.
    world.claim("game").expect("a message");
    let update = Draft::lone_plan("m2", 1).version(0, &focal_version(&receipt));
    assert_eq!(world.post("portal", update).expect_err("refused").kind, RefusalKind::Full);
}

#[test]
fn waiting_does_not_help_a_message_that_is_too_large_for_a_receiver() {
    let mut world = World::with(|config| config.limits.queue_bytes = 1000);
    let mut draft = Draft::lone_plan("m1", 1);
    assert_eq!(world.post("portal", draft.clone()).expect_err("refused").kind, RefusalKind::TooLarge);
    draft.resources[0].1 = Some("another".into());
    assert_eq!(world.post("portal", draft).expect_err("refused").kind, RefusalKind::Conflict);
}
