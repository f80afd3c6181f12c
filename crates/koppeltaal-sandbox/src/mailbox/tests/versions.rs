//! Who gives out versions, and what is refused.

use super::*;

// Written out, because deployed clients compare these texts.
const NO_VERSION: &str = "No version specified for the focal resource, message is rejected.";
const WRONG_VERSION: &str = "The specified resource version is not correct";

/// The kind of a refusal; and of each issue the code, the details and the resource.
fn issues_of(refusal: Refusal) -> (RefusalKind, Vec<[String; 3]>) {
    let issues = refusal.issues.into_iter().map(|issue| {
        let code = issue.r#type.map(|code| code.to_string());
        let resource = issue.resource.and_then(|resource| resource.reference);
        [code, issue.details, resource].map(Option::unwrap_or_default)
    });
    (refusal.kind, issues.collect())
}

fn conflict(details: &str, url: &str) -> [String; 3] {
    ["conflict", details, url].map(str::to_owned)
}

#[test]
fn rule_1_an_unknown_resource_without_version_is_created() {
    let mut world = World::new();
    let receipt = world.post("portal", Draft::plan("m1")).expect("accepted");
    let data = named(&receipt);
    assert_eq!(data.iter().map(|(url, _)| url.as_str()).collect::<Vec<_>>(), [PLAN, PATIENT]);
    assert!(data.iter().all(|(_, version)| version.starts_with("2020-09-13T12:26:40:000.")), "{data:?}");
    assert_ne!(data[0].1, data[1].1);
}

#[test]
fn rule_2_a_known_resource_with_its_version_gets_a_new_one() {
    let mut world = World::new();
    let first = world.post("portal", Draft::patient("m1")).expect("accepted");
    let second =
        world.post("portal", Draft::patient("m2").version(0, &focal_version(&first))).expect("accepted");
    assert!(focal_version(&second) > focal_version(&first), "also though the patient did not change");
}

#[test]
fn rule_3_a_known_focal_resource_without_version_is_refused() {
    let mut world = World::new();
    world.post("portal", Draft::patient("m1")).expect("accepted");
    let refusal = world.post("portal", Draft::patient("m2")).expect_err("refused");
    assert_eq!(issues_of(refusal), (RefusalKind::Conflict, vec![conflict(NO_VERSION, PATIENT)]));
}

#[test]
fn rule_4_wrong_versions_are_refused_one_issue_per_resource() {
    let mut world = World::new();
    world.post("portal", Draft::plan("m1")).expect("accepted");
    let stale = Draft::plan("m2")
        .version(0, "2019-01-01T00:00:00:000.0000")
        .version(1, "2019-01-01T00:00:00:000.0000");
    let refusal = world.post("portal", stale).expect_err("refused");
    let issues = vec![conflict(WRONG_VERSION, PLAN), conflict(WRONG_VERSION, PATIENT)];
    assert_eq!(issues_of(refusal), (RefusalKind::Conflict, issues));
}

#[test]
fn rules_3_and_4_are_reported_together() {
    let mut world = World::new();
    world.post("portal", Draft::plan("m1")).expect("accepted");
    let refusal = world.post("portal", Draft::plan("m2").version(1, "7")).expect_err("refused");
    assert_eq!(issues_of(refusal).1, [conflict(NO_VERSION, PLAN), conflict(WRONG_VERSION, PATIENT)]);
}

#[test]
fn rule_5_a_known_resource_that_is_not_focal_may_lack_its_version() {
    let mut world = World::new();
    let first = world.post("portal", Draft::plan("m1")).expect("accepted");
    let changed = Draft::plan("m2").version(0, &focal_version(&first)).resource(1, patient("Mees"));
    let second = world.post("portal", changed).expect("accepted");
    assert_eq!(named_urls(&second), [PLAN, PATIENT]);
    assert!(named(&second)[1].1 > named(&first)[1].1);
}

#[test]
fn a_version_of_a_resource_that_nobody_posted_is_refused() {
    let mut world = World::new();
    let refusal = world.post("portal", Draft::patient("m1").version(0, "7")).expect_err("refused");
    assert_eq!(issues_of(refusal), (RefusalKind::Conflict, vec![conflict(WRONG_VERSION, PATIENT)]));
}

#[test]
fn a_refused_message_changes_nothing() {
    let mut world = World::new();
    let first = world.post("portal", Draft::plan("m1")).expect("accepted");
    let before = world.queue("game");
    let wrong =
        Draft::plan("m2").version(0, &focal_version(&first)).version(1, "7").resource(1, patient("Mees"));
    world.post("portal", wrong).expect_err("refused");
    assert_eq!(world.queue("game"), before);
    let right = Draft::plan("m3").version(0, &focal_version(&first)).version(1, &named(&first)[1].1);
    world.post("portal", right).expect("the versions of the first message still hold");
}

#[test]
fn resources_that_did_not_change_keep_their_version() {
    let mut world = World::new();
    let first = world.post("portal", Draft::plan("m1")).expect("accepted");
    let second =
        world.post("portal", Draft::plan("m2").version(0, &focal_version(&first))).expect("accepted");
    assert_eq!(named_urls(&second), [PLAN], "an update names what changed");

    let delivered = world.claim("game").expect("a message");
    let version = delivered.message.resources[1].version.as_ref().map(Version::as_str);
    assert_eq!(version, Some(named(&first)[1].1.as_str()), "a receiver gets the version all the same");
}

#[test]
fn new_ids_of_elements_are_no_change() {
    let mut world = World::new();
    let with_id = |id: &str| {
        let mut patient = patient("Lieke");
        patient.name[0].id = Some(id.to_owned());
        patient
    };
    let first = world.post("portal", Draft::plan("m1").resource(1, with_id("a"))).expect("accepted");
    let draft = Draft::plan("m2").version(0, &focal_version(&first)).resource(1, with_id("b"));
    let second = world.post("portal", draft).expect("accepted");
    assert_eq!(named_urls(&second), [PLAN]);
}

#[test]
fn a_create_names_all_resources_changed_or_not() {
    let mut world = World::new();
    let first = world.post("portal", Draft::patient("m1")).expect("accepted");
    let second = world.post("portal", Draft::plan("m2")).expect("accepted");
    assert_eq!(named_urls(&second), [PLAN, PATIENT]);
    assert_eq!(named(&second)[1].1, focal_version(&first));
}

#[test]
fn the_focal_resource_is_named_first_wherever_it_stands() {
    let mut world = World::new();
    let mut bundle = Draft::plan("m1").bundle();
    bundle.entry.swap(1, 2);
    let posting = Posting::read(bundle, SOURCE).expect("a message");
    let portal = world.id("portal");
    let receipt = world.mailbox.post(&portal, posting, Uuid::new_v4(), world.now).expect("accepted");
    assert_eq!(named_urls(&receipt), [PLAN, PATIENT]);
}

#[test]
fn a_1_3_3_sender_gets_the_focal_version_only() {
    let mut world = World::new();
    let receipt = world.post("rom", Draft::plan("m1")).expect("accepted");
    assert_eq!(named_urls(&receipt), [PLAN]);
}

#[test]
fn resources_around_the_focal_one_of_a_1_3_3_sender_are_not_versioned() {
    let mut world = World::new();
    world.post("rom", Draft::plan("m1")).expect("accepted");
    let delivered = world.claim("game").expect("a message");
    assert_eq!(delivered.message.resources[1].version, None);
    // It never learnt a version of the patient, so it can still create it.
    let patient = world.post("rom", Draft::patient("m2")).expect("accepted");
    world.post("rom", Draft::lone_plan("m3", 10)).expect("accepted");
    let mut again = Draft::plan("m4").version(1, "wrong");
    again.resources[0].0 = "https://portal.example/CarePlan/11".into();
    world.post("rom", again).expect("versions of other resources are not looked at");
    let deliveries: Vec<_> = std::iter::from_fn(|| world.claim("game")).collect();
    let last = deliveries.last().expect("messages");
    let version = last.message.resources[1].version.as_ref().map(Version::as_str);
    assert_eq!(
        version,
        Some(focal_version(&patient).as_str()),
        "a version that somebody gave it is passed on"
    );
}

#[test]
fn a_1_3_3_sender_has_to_know_the_version_of_the_focal_resource() {
    let mut world = World::new();
    let receipt = world.post("rom", Draft::plan("m1")).expect("accepted");
    let refusal = world.post("rom", Draft::plan("m2")).expect_err("refused");
    assert_eq!(issues_of(refusal).1, [conflict(NO_VERSION, PLAN)]);
    world.post("rom", Draft::plan("m3").version(0, &focal_version(&receipt))).expect("accepted");
}

#[test]
fn domains_do_not_share_versions() {
    let mut world = World::new();
    world.post("portal", Draft::patient("m1")).expect("accepted");
    let mut elsewhere = Draft::patient("m1");
    elsewhere.domain = Some("Elsewhere".into());
    world.post("stranger", elsewhere).expect("the same URL is unknown in the other domain");
}

#[test]
fn the_version_may_stand_in_the_entry_id_instead_of_the_self_link() {
    let mut world = World::new();
    let first = world.post("portal", Draft::patient("m1")).expect("accepted");
    let mut bundle = Draft::patient("m2").bundle();
    bundle.entry[1].id = Some(format!("{PATIENT}/_history/{}", focal_version(&first)));
    let posting = Posting::read(bundle, SOURCE).expect("a message");
    let portal = world.id("portal");
    world.mailbox.post(&portal, posting, Uuid::new_v4(), world.now).expect("accepted");
}

#[test]
fn a_full_domain_takes_updates_but_no_new_resources() {
    let mut world = World::with(|config| config.limits.resources = 1);
    let first = world.post("portal", Draft::patient("m1")).expect("accepted");
    assert_eq!(world.post("portal", Draft::lone_plan("m2", 1)).expect_err("refused").kind, RefusalKind::Full);
    world.post("portal", Draft::patient("m3").version(0, &focal_version(&first))).expect("accepted");
}
