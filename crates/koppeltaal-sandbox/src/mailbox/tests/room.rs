//! What a full data file makes the mailbox forget.

use super::*;
use crate::persistence::{Eviction, Persistent as _, Record, RecordKind};

/// A world in which game and ROM application have this many messages, each about another care plan.
fn with_plans(count: u64) -> World {
    let mut world = World::new();
    for id in 0..count {
        world.post("portal", Draft::lone_plan(&format!("m{id}"), id)).expect("accepted");
    }
    world.mailbox.commit();
    world
}

/// Claims the next message and reports success; gives its number.
fn process(world: &mut World, receiver: &str) -> u64 {
    let number = world.claim(receiver).expect("a message").number;
    world.mailbox.commit();
    world.acknowledge(receiver, number, Status::Success).expect("it is acknowledged");
    number
}

/// The numbers in the game's queue.
fn numbers(world: &mut World) -> Vec<u64> {
    world.queue("game").into_iter().map(|(number, _)| number).collect()
}

#[test]
fn a_message_is_not_forgotten_by_the_step_that_processes_it() {
    let mut world = with_plans(1);
    process(&mut world, "rom");
    world.mailbox.commit();
    let number = process(&mut world, "game");
    assert_eq!(world.mailbox.make_room(1), None, "its receiver has no answer yet");
    world.mailbox.commit();
    world.acknowledge("game", number, Status::Success).expect("it may be repeated");
    assert_eq!(world.mailbox.make_room(1), None);
    world.mailbox.commit();
    assert_eq!(world.mailbox.make_room(1), Some(Eviction::Messages));
    assert!(numbers(&mut world).is_empty());
}

#[test]
fn the_message_that_was_processed_longest_ago_is_forgotten_first() {
    let mut world = with_plans(2);
    let first = world.claim("game").expect("a message").number;
    for receiver in ["game", "rom", "rom"] {
        process(&mut world, receiver);
        world.mailbox.commit();
    }
    world.wait(Duration::from_secs(1));
    world.acknowledge("game", first, Status::Success).expect("it is acknowledged");
    world.mailbox.commit();
    assert_eq!(world.mailbox.make_room(1), Some(Eviction::Messages));
    assert_eq!(numbers(&mut world), [first], "the older message was processed later");
}

#[test]
fn an_earlier_claim_is_forgotten_when_no_message_can_be() {
    let mut world = with_plans(1);
    let claim_and_give_back = |world: &mut World| {
        let number = world.claim("game").expect("a message").number;
        world.mailbox.commit();
        world.acknowledge("game", number, Status::New).expect("it is given back");
        world.mailbox.commit();
    };
    claim_and_give_back(&mut world);
    claim_and_give_back(&mut world);
    let earlier = |delivery: &Delivery| delivery.earlier_claims.clone();
    let before = world.claim("game").expect("a message");
    assert_eq!(earlier(&before).len(), 2);
    world.mailbox.roll_back();
    let again = world.claim("game").expect("a message");
    assert_eq!(world.mailbox.make_room(1), Some(Eviction::EarlierClaims));
    assert_eq!(world.mailbox.make_room(1), None, "there is nothing more to forget");
    let (game, number) = (world.id("game"), again.number);
    let Some(Lookup::Received(found)) = world.mailbox.numbered(&game, number, world.now) else {
        panic!("it is there")
    };
    assert_eq!(earlier(&found), earlier(&again)[1..], "the latest stays");
}

#[test]
fn no_step_of_a_delivery_makes_its_record_longer() {
    let mut world = with_plans(1);
    let record = |world: &mut World| -> usize {
        let records: Vec<Record> = world.mailbox.changes().expect("records");
        let record = records.iter().find(|record| record.kind == RecordKind::Delivery && is_of_game(record));
        let length = record.and_then(|record| record.state.as_ref()).expect("a record").len();
        world.mailbox.commit();
        length
    };
    let number = world.claim("game").expect("a message").number;
    let mut lengths = vec![record(&mut world)];
    world.acknowledge("game", number, Status::New).expect("it is given back");
    lengths.push(record(&mut world));
    for _ in 0..5 {
        world.claim("game").expect("a message");
        let _ = world.mailbox.forget_earlier_claims();
        lengths.push(record(&mut world));
        world.wait(TIMEOUT);
        world.queue("game");
        lengths.push(record(&mut world));
    }
    assert_eq!(world.statuses("game"), [Status::MaximumRetriesExceeded]);
    world.acknowledge("game", number, Status::Success).expect("it is acknowledged late");
    lengths.push(record(&mut world));
    assert!(lengths.windows(2).all(|pair| pair[1] <= pair[0]), "{lengths:?}");
}

fn is_of_game(record: &Record) -> bool {
    record.state.as_ref().is_some_and(|state| state.contains(r#""username":"game""#))
}
