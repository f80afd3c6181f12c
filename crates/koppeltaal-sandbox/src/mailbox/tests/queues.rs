//! Claims, acknowledgements, and what time does to them.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A world with this many messages in the game's queue, each about a care plan of its own, and their numbers.
fn with_plans(count: u64) -> (World, Vec<u64>) {
    let mut world = World::new();
    for id in 1..=count {
        world.post("portal", Draft::lone_plan(&format!("m{id}"), id)).expect("accepted");
    }
    let numbers = world.queue("game").into_iter().map(|(number, _)| number).collect();
    (world, numbers)
}

#[test]
fn the_oldest_new_message_is_claimed_first() {
    let (mut world, numbers) = with_plans(3);
    let claimed: Vec<_> =
        std::iter::from_fn(|| world.claim("game")).map(|delivery| delivery.number).collect();
    assert_eq!(claimed, numbers);
    assert_eq!(world.statuses("game"), [Status::Claimed; 3]);
    assert_eq!(world.statuses("rom"), [Status::New; 3], "each queue has its own copy");
}

#[test]
fn claims_can_be_limited_to_a_patient_and_an_event() {
    let mut world = World::new();
    world.post("portal", Draft::lone_plan("m1", 1)).expect("accepted");
    let mut of_other = Draft::lone_plan("m2", 2);
    of_other.patient = Some("https://epd.example/Patient/2".into());
    world.post("portal", of_other).expect("accepted");
    world.post("portal", Draft::patient("m3")).expect("accepted");

    let of_second = Filter { patient: Some("https://epd.example/Patient/2".into()), ..Filter::default() };
    assert_eq!(world.claim_of("game", &of_second).expect("a message").message.identifier, "m2");
    assert!(world.claim_of("game", &of_second).is_none());
    let patients = Filter { event: Some(Event::CreateOrUpdatePatient), ..Filter::default() };
    assert_eq!(world.claim_of("game", &patients).expect("a message").message.identifier, "m3");
}

#[test]
fn an_answered_message_is_never_claimed_again() {
    for status in [Status::Success, Status::Failed] {
        let (mut world, numbers) = with_plans(1);
        world.claim("game").expect("a message");
        assert_eq!(world.acknowledge("game", numbers[0], status).expect("taken").status, status);
        world.wait(TIMEOUT * 10);
        assert!(world.claim("game").is_none());
        assert_eq!(world.statuses("game"), [status]);
    }
}

#[test]
fn the_exception_is_kept_for_a_failure_only() {
    for (status, expected) in [(Status::Failed, Some("No such activity")), (Status::Success, None)] {
        let (mut world, numbers) = with_plans(1);
        world.claim("game").expect("a message");
        let exception = Some("No such activity".to_owned());
        let report = Acknowledgement { status, exception, header_version: None };
        let delivery = world.report("game", numbers[0], &report).expect("taken");
        assert_eq!(delivery.exception.as_deref(), expected);
    }
}

#[test]
fn a_message_given_back_is_new_again() {
    let (mut world, numbers) = with_plans(1);
    world.claim("game").expect("a message");
    world.acknowledge("game", numbers[0], Status::New).expect("taken");
    assert_eq!(world.claim("game").expect("a message").number, numbers[0]);
}

#[test]
fn every_change_of_status_gives_the_header_a_greater_version() {
    let (mut world, numbers) = with_plans(1);
    let game = world.id("game");
    let Some(Lookup::Received(new)) = world.mailbox.numbered(&game, numbers[0], world.now) else {
        panic!("no message")
    };
    let claimed = world.claim("game").expect("a message");
    let done = world.acknowledge("game", numbers[0], Status::Success).expect("taken");
    assert!(new.version < claimed.version && claimed.version < done.version);
}

#[test]
fn a_claim_that_is_not_answered_in_time_is_new_again() {
    let (mut world, numbers) = with_plans(1);
    world.claim("game").expect("a message");
    world.wait(TIMEOUT - SECOND);
    assert!(world.claim("game").is_none());
    let expected = world.now.after(SECOND);
    world.wait(SECOND * 30);
    let game = world.id("game");
    let Some(Lookup::Received(back)) = world.mailbox.numbered(&game, numbers[0], world.now) else {
        panic!("no message")
    };
    assert_eq!(
        (back.status, back.changed),
        (Status::New, expected),
        "it went back when the claim ran out, not when somebody looked"
    );
    assert_eq!(world.claim("game").expect("a message").number, numbers[0]);
}

#[test]
fn the_fifth_expiry_is_the_last() {
    let (mut world, _) = with_plans(1);
    for _ in 0..5 {
        world.claim("game").expect("a message");
        world.wait(TIMEOUT);
    }
    assert!(world.claim("game").is_none());
    assert_eq!(world.statuses("game"), [Status::MaximumRetriesExceeded]);
}

#[test]
fn a_message_given_back_in_time_does_not_count_as_expired() {
    let (mut world, numbers) = with_plans(1);
    for _ in 0..20 {
        world.claim("game").expect("a message");
        world.acknowledge("game", numbers[0], Status::New).expect("taken");
    }
    assert!(world.claim("game").is_some());
}

#[test]
fn a_newer_version_of_the_focal_resource_replaces_a_waiting_message() {
    let mut world = World::new();
    let first = world.post("portal", Draft::patient("m1")).expect("accepted");
    world.post("portal", Draft::patient("m2").version(0, &focal_version(&first))).expect("accepted");
    assert_eq!(world.statuses("game"), [Status::ReplacedByNewVersion, Status::New]);
    assert_eq!(world.claim("game").expect("a message").message.identifier, "m2");
    assert!(world.claim("game").is_none());
}

#[test]
fn a_claimed_message_is_replaced_when_it_comes_back() {
    for by_timeout in [true, false] {
        let mut world = World::new();
        let first = world.post("portal", Draft::patient("m1")).expect("accepted");
        let claimed = world.claim("game").expect("a message");
        world.post("portal", Draft::patient("m2").version(0, &focal_version(&first))).expect("accepted");
        assert_eq!(world.statuses("game"), [Status::Claimed, Status::New], "it is being processed");
        if by_timeout {
            world.wait(TIMEOUT);
        } else {
            world.acknowledge("game", claimed.number, Status::New).expect("taken");
        }
        assert_eq!(world.statuses("game"), [Status::ReplacedByNewVersion, Status::New]);
    }
}

#[test]
fn a_processed_message_is_not_replaced() {
    let mut world = World::new();
    let first = world.post("portal", Draft::patient("m1")).expect("accepted");
    let claimed = world.claim("game").expect("a message");
    world.acknowledge("game", claimed.number, Status::Success).expect("taken");
    world.post("portal", Draft::patient("m2").version(0, &focal_version(&first))).expect("accepted");
    assert_eq!(world.statuses("game"), [Status::Success, Status::New]);
}

#[test]
fn a_late_answer_counts_while_nobody_claimed_the_message_again() {
    for status in [Status::Success, Status::Failed] {
        let (mut world, numbers) = with_plans(1);
        world.claim("game").expect("a message");
        world.wait(TIMEOUT * 2);
        world.acknowledge("game", numbers[0], status).expect("taken");
        assert_eq!(world.statuses("game"), [status]);
    }
}

#[test]
fn a_late_answer_counts_after_the_fifth_expiry_and_after_a_replacement() {
    let (mut world, numbers) = with_plans(1);
    for _ in 0..5 {
        world.claim("game").expect("a message");
        world.wait(TIMEOUT);
    }
    world.acknowledge("game", numbers[0], Status::Success).expect("taken");
    let game = world.id("game");
    let Some(Lookup::Received(done)) = world.mailbox.numbered(&game, numbers[0], world.now) else {
        panic!("no message")
    };
    assert_eq!((done.status, done.exception), (Status::Success, None));

    let mut world = World::new();
    let first = world.post("portal", Draft::patient("m1")).expect("accepted");
    let claimed = world.claim("game").expect("a message");
    world.post("portal", Draft::patient("m2").version(0, &focal_version(&first))).expect("accepted");
    world.wait(TIMEOUT);
    world.acknowledge("game", claimed.number, Status::Success).expect("taken");
    assert_eq!(world.statuses("game"), [Status::Success, Status::New]);
}

#[test]
fn an_answer_to_an_earlier_claim_is_refused_once_the_message_was_claimed_again() {
    let (mut world, numbers) = with_plans(1);
    let first = world.claim("game").expect("a message");
    world.wait(TIMEOUT);
    let second = world.claim("game").expect("a message");
    let report = |delivery: &Delivery| Acknowledgement {
        status: Status::Success,
        exception: None,
        header_version: Some(delivery.version.to_string()),
    };
    assert_eq!(
        world.report("game", numbers[0], &report(&first)).expect_err("refused").kind,
        RefusalKind::Rule
    );
    assert_eq!(world.statuses("game"), [Status::Claimed]);
    world.report("game", numbers[0], &report(&second)).expect("taken");
    world
        .report("game", numbers[0], &report(&second))
        .expect("said again, because the first answer got lost");
}

#[test]
fn a_repeated_answer_changes_nothing() {
    let (mut world, numbers) = with_plans(1);
    world.claim("game").expect("a message");
    let first = world.acknowledge("game", numbers[0], Status::Success).expect("taken");
    world.wait(SECOND);
    let second = world.acknowledge("game", numbers[0], Status::Success).expect("taken");
    assert_eq!((first.version, first.changed), (second.version, second.changed));
}

#[test]
fn a_message_given_back_can_be_given_back_again_but_not_answered() {
    let (mut world, numbers) = with_plans(1);
    let claimed = world.claim("game").expect("a message");
    let report = |status| Acknowledgement {
        status,
        exception: None,
        header_version: Some(claimed.version.to_string()),
    };
    world.report("game", numbers[0], &report(Status::New)).expect("taken");
    world
        .report("game", numbers[0], &report(Status::New))
        .expect("said again, because the first answer got lost");
    assert_eq!(
        world.report("game", numbers[0], &report(Status::Success)).expect_err("refused").kind,
        RefusalKind::Rule
    );
}

#[test]
fn a_status_can_be_set_to_claimed() {
    let (mut world, numbers) = with_plans(1);
    let claimed = world.acknowledge("game", numbers[0], Status::Claimed).expect("taken");
    assert_eq!(claimed.status, Status::Claimed);
    assert!(world.claim("game").is_none());
    world.wait(TIMEOUT);
    assert_eq!(world.statuses("game"), [Status::New], "such a claim runs out like any other");
}

#[test]
fn steps_that_the_protocol_does_not_have_are_refused() {
    let (mut world, numbers) = with_plans(1);
    let number = numbers[0];
    let refused = |world: &mut World, status| {
        let refusal = world.acknowledge("game", number, status).expect_err("refused");
        assert_eq!(refusal.kind, RefusalKind::Rule);
        details(&refusal)
    };
    assert_eq!(refused(&mut world, Status::Success), "The processing status cannot go from New to Success.");
    refused(&mut world, Status::Failed);
    for of_the_server in [Status::ReplacedByNewVersion, Status::MaximumRetriesExceeded, Status::Archived] {
        refused(&mut world, of_the_server);
    }
    world.claim("game").expect("a message");
    for of_the_server in [Status::ReplacedByNewVersion, Status::MaximumRetriesExceeded, Status::Archived] {
        refused(&mut world, of_the_server);
    }
    world.acknowledge("game", number, Status::Success).expect("taken");
    for status in [Status::New, Status::Claimed, Status::Failed] {
        refused(&mut world, status);
    }
}

#[test]
fn only_the_instance_whose_queue_it_is_may_answer() {
    let (mut world, numbers) = with_plans(1);
    world.claim("game").expect("a message");
    let refused = |world: &mut World, instance, number| {
        world.acknowledge(instance, number, Status::Success).expect_err("refused").kind
    };
    assert_eq!(refused(&mut world, "rom", numbers[0]), RefusalKind::Forbidden);
    assert_eq!(refused(&mut world, "portal", numbers[0]), RefusalKind::Forbidden);
    assert_eq!(refused(&mut world, "game", 4711), RefusalKind::NotFound);
}

#[test]
fn lists_are_filtered_and_paged_oldest_first() {
    let (mut world, numbers) = with_plans(5);
    world.claim("game").expect("a message");
    let game = world.id("game");
    let new = Filter { status: Some(Status::New), ..Filter::default() };
    let (total, page) = world.mailbox.list(&game, &new, 1, 2, world.now);
    assert_eq!(total, 4);
    assert_eq!(page.iter().map(|delivery| delivery.number).collect::<Vec<_>>(), numbers[2..4]);
    assert_eq!(world.mailbox.list(&game, &new, 10, 2, world.now).1.len(), 0);
}

/// A world in which nobody but the game receives care plans, so that only its queue fills up.
fn full_world(change: impl FnOnce(&mut SandboxConfig)) -> World {
    World::with(|config| {
        config.instances.retain(|instance| instance.username != "rom");
        change(config);
    })
}

fn post_plan(world: &mut World, id: u64) -> Result<(), Refusal> {
    world.post("portal", Draft::lone_plan(&format!("m{id}"), id)).map(drop)
}

#[test]
fn a_full_queue_forgets_its_oldest_processed_messages() {
    let mut world = full_world(|config| config.limits.queue_messages = 3);
    (1..=3).for_each(|id| post_plan(&mut world, id).expect("accepted"));
    let numbers: Vec<u64> = (0..3).map(|_| world.claim("game").expect("a message").number).collect();
    for number in [numbers[2], numbers[1]] {
        world.acknowledge("game", number, Status::Success).expect("taken");
    }
    post_plan(&mut world, 4).expect("accepted");
    assert_eq!(world.statuses("game"), [Status::Claimed, Status::Success, Status::New]);
    assert_eq!(world.queue("game")[1].0, numbers[2], "the older of the two is gone");
    post_plan(&mut world, 5).expect("accepted");
    assert_eq!(world.statuses("game"), [Status::Claimed, Status::New, Status::New]);
}

#[test]
fn a_queue_full_of_unprocessed_messages_takes_no_more_and_drops_none() {
    let mut world = full_world(|config| config.limits.queue_messages = 2);
    (1..=2).for_each(|id| post_plan(&mut world, id).expect("accepted"));
    let claimed = world.claim("game").expect("a message");
    let refusal = post_plan(&mut world, 3).expect_err("refused");
    assert_eq!(refusal.kind, RefusalKind::Full);
    assert_eq!(world.statuses("game"), [Status::Claimed, Status::New]);
    // The refused post changed nothing, so it can be repeated when there is room.
    world.acknowledge("game", claimed.number, Status::Success).expect("taken");
    post_plan(&mut world, 3).expect("accepted");
    assert_eq!(world.claim("game").expect("a message").message.identifier, "m2");
    assert_eq!(world.claim("game").expect("a message").message.identifier, "m3");
}

#[test]
fn a_message_that_one_of_its_receivers_has_no_room_for_reaches_none() {
    let mut world = World::with(|config| config.limits.queue_messages = 1);
    post_plan(&mut world, 1).expect("accepted");
    let first = world.claim("game").expect("a message");
    world.acknowledge("game", first.number, Status::Success).expect("taken");
    let refusal = post_plan(&mut world, 2).expect_err("refused");
    assert!(details(&refusal).contains("'rom'"), "{refusal:?}");
    assert!(world.claim("game").is_none(), "the game has room, and was not given it");
    assert_eq!(world.statuses("game"), [Status::Success]);
    // Not even the resource got a version.
    let claimed = world.claim("rom").expect("a message");
    world.acknowledge("rom", claimed.number, Status::Success).expect("taken");
    post_plan(&mut world, 2).expect("a first version");
}

#[test]
fn a_message_takes_the_place_of_the_one_that_it_replaces() {
    let mut world = full_world(|config| config.limits.queue_messages = 1);
    let receipt = world.post("portal", Draft::lone_plan("m1", 1)).expect("accepted");
    let update = Draft::lone_plan("m2", 1).version(0, &focal_version(&receipt));
    world.post("portal", update).expect("accepted");
    assert_eq!(world.claim("game").expect("a message").message.identifier, "m2");
}

#[test]
fn a_queue_is_bounded_by_what_its_messages_take_in_memory() {
    // The content of a message in these tests counts as 1000 bytes.
    let bytes = 2 * (message::message_bytes(1000, 1) + 1024) + 100;
    let mut world = full_world(|config| config.limits.queue_bytes = bytes);
    (1..=2).for_each(|id| post_plan(&mut world, id).expect("accepted"));
    assert_eq!(post_plan(&mut world, 3).expect_err("refused").kind, RefusalKind::Full);
    assert_eq!(world.statuses("game"), [Status::New; 2]);
    let mut world = full_world(|config| config.limits.queue_bytes = 1000);
    assert_eq!(
        post_plan(&mut world, 1).expect_err("refused").kind,
        RefusalKind::TooLarge,
        "it will never fit"
    );
}

#[test]
fn the_exceptions_of_a_queue_take_room_as_well() {
    let bytes = 2 * (message::message_bytes(1000, 1) + 1024) + 100;
    let mut world = full_world(|config| config.limits.queue_bytes = bytes);
    (1..=2).for_each(|id| post_plan(&mut world, id).expect("accepted"));
    let (first, second) = (world.claim("game").expect("one"), world.claim("game").expect("another"));
    world.acknowledge("game", first.number, Status::Success).expect("taken");
    let failed =
        Acknowledgement { status: Status::Failed, exception: Some("x".repeat(2000)), header_version: None };
    world.report("game", second.number, &failed).expect("taken");
    assert_eq!(world.statuses("game"), [Status::Failed]);
}

#[test]
fn an_exception_that_xml_cannot_carry_is_refused() {
    let mut world = full_world(|_| {});
    post_plan(&mut world, 1).expect("accepted");
    let claimed = world.claim("game").expect("a message");
    let report = |exception: &str| Acknowledgement {
        status: Status::Failed,
        exception: Some(exception.into()),
        header_version: None,
    };
    let refusal = world.report("game", claimed.number, &report("stack\u{1}trace")).expect_err("refused");
    assert_eq!(refusal.kind, RefusalKind::Rule);
    assert_eq!(world.statuses("game"), [Status::Claimed]);
    world.report("game", claimed.number, &report("stack\ntrace")).expect("taken");
}

#[test]
fn the_oldest_earlier_claims_of_a_message_are_forgotten() {
    let mut world = full_world(|_| {});
    post_plan(&mut world, 1).expect("accepted");
    for _ in 0..1000 {
        let number = world.claim("game").expect("a message").number;
        world.acknowledge("game", number, Status::New).expect("given back");
    }
    assert!(world.claim("game").expect("a message").earlier_claims.len() <= 100);
}

/// Claims the oldest message and gives it back, this many times.
fn claim_and_give_back(world: &mut World, times: usize) {
    for _ in 0..times {
        let number = world.claim("game").expect("a message").number;
        world.acknowledge("game", number, Status::New).expect("given back");
    }
}

#[test]
fn the_earlier_claims_of_a_message_take_room_in_its_queue() {
    let bytes = 2 * (message::message_bytes(1000, 1) + 1024) + 500;
    let mut world = full_world(|config| config.limits.queue_bytes = bytes);
    (1..=2).for_each(|id| post_plan(&mut world, id).expect("accepted"));
    let first = world.claim("game").expect("a message");
    world.acknowledge("game", first.number, Status::Success).expect("taken");
    claim_and_give_back(&mut world, 20);
    assert_eq!(world.statuses("game"), [Status::New], "the processed message made room for them");
    assert_eq!(world.claim("game").expect("a message").earlier_claims.len(), 20);
}

#[test]
fn a_full_queue_remembers_no_more_claims_than_it_has_room_for() {
    let bytes = 2 * (message::message_bytes(1000, 1) + 1024) + 500;
    let mut world = full_world(|config| config.limits.queue_bytes = bytes);
    (1..=2).for_each(|id| post_plan(&mut world, id).expect("accepted"));
    claim_and_give_back(&mut world, 20);
    let (first, second) = (world.claim("game").expect("one"), world.claim("game").expect("another"));
    let remembered = first.earlier_claims.len() + second.earlier_claims.len();
    assert!((1..10).contains(&remembered), "{remembered} in 500 bytes");
    // The last claim can still be answered.
    world.acknowledge("game", first.number, Status::Success).expect("taken");
}
