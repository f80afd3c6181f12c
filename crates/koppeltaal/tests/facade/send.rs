//! Sending: versions fill themselves in, and what cannot be sent says why.

use std::time::Duration;

use koppeltaal::fhir::Severity;
use koppeltaal::fhir::resources::CarePlanStatus;
use koppeltaal::messaging::profiles::{CarePlan, Patient};
use koppeltaal::messaging::{ApiVersion, Draft, Event, Sender, Source, rules};
use koppeltaal::transport::Format;
use koppeltaal::{Connector, MemoryVersionStore, MergeLimits, SendError};
use koppeltaal_sandbox::{Fault, FaultKind, Instance};

use crate::world::{DOMAIN, FullStore, Result, World, config, patient, patient_url, plan, plan_draft};

#[tokio::test]
async fn a_changed_resource_is_sent_with_the_version_that_the_server_gave_out() -> Result {
    for format in [Format::Json, Format::Xml] {
        let world = World::start(format).await?;
        let first = world.portal.send(plan_draft(&world.portal, plan(&world.portal)?)?).await?;
        let ended = CarePlan { status: Some(CarePlanStatus::Completed), ..plan(&world.portal)? };
        let second = world.portal.send(plan_draft(&world.portal, ended)?).await?;
        assert!(first.url.version() < second.url.version());
        assert_ne!(first.identifier, second.identifier);
    }
    Ok(())
}

#[tokio::test]
async fn a_received_resource_is_changed_with_the_version_that_was_received() -> Result {
    let world = World::start(Format::Json).await?;
    let sent = world.portal.send(plan_draft(&world.portal, plan(&world.portal)?)?).await?;
    let delivery = world.game.receive().await?.ok_or("no message")?;
    let received = delivery.get::<CarePlan>().ok_or("no plan")?;
    delivery.success().await?;
    // The game does not name the version; it has seen it.
    let draft = Draft::new(Event::CreateOrUpdateCarePlan, sent.url.without_version(), received);
    let changed = world.game.send(draft).await?;
    assert!(changed.url.same_resource(&sent.url));
    assert!(changed.url.version() > sent.url.version());
    Ok(())
}

#[tokio::test]
async fn by_the_rules_of_1_3_3_only_the_focal_resource_has_a_version() -> Result {
    let old = Instance::new("old", "secret", DOMAIN).api_version(ApiVersion::V1_3_3);
    let world = World::with(config().instance(old), Format::Json).await?;
    let client = world.connector("old")?.client().clone();
    let sender = Sender::new(Source::new("old", "https://old.example/fhir"), DOMAIN);
    let old =
        Connector::new(client, sender.with_api_version(ApiVersion::V1_3_3), MemoryVersionStore::default());
    old.send(old.draft("3007", patient("Mees"))?).await?;
    for _ in 0..2 {
        let sent = old.send(plan_draft(&old, plan(&old)?)?).await?;
        assert_eq!(sent.versions, std::slice::from_ref(&sent.url));
    }
    let delivery = world.game.deliveries().only([Event::CreateOrUpdateCarePlan]).next().await?;
    assert!(delivery.url().is_some_and(|url| url.version().is_some()));
    Ok(delivery.success().await?)
}

#[tokio::test]
async fn a_message_can_be_looked_at_before_it_is_sent() -> Result {
    for format in [Format::Json, Format::Xml] {
        let world = World::start(format).await?;
        world.portal.send(world.portal.draft("3007", patient("Mees"))?).await?;
        let prepared = world.portal.prepare(world.portal.draft("3007", patient("Mies"))?)?;
        assert_eq!(prepared.message().event(), Event::CreateOrUpdatePatient);
        assert_eq!(prepared.findings(), []);
        assert_eq!(
            prepared.focal(),
            &patient_url(&world.portal)?,
            "the version is filled in when it is posted"
        );
        let bundle = prepared.message().clone().into_bundle();
        assert_eq!(bundle.entry.len(), 2);
        let shown = format!("{prepared:?}");
        assert!(!shown.contains("Mies") && !shown.contains("3007"), "{shown}");
        world.portal.send(world.portal.draft("3007", patient("Moos"))?).await?;

        let identifier = prepared.identifier().to_owned();
        let sent = world.portal.send_prepared(prepared).await?;
        assert_eq!(sent.identifier, identifier);
        let delivery = world.game.receive().await?.ok_or("no message")?;
        assert_eq!(delivery.url(), Some(&sent.url), "it takes the place of the ones before it");
        delivery.success().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_message_that_breaks_a_rule_is_not_sent_and_the_error_names_the_rule_and_the_place() -> Result {
    let world = World::start(Format::Json).await?;
    let error =
        world.portal.send(world.portal.draft("3007", Patient::default())?).await.expect_err("no name");
    let SendError::Invalid { findings } = &error else { panic!("{error:?}") };
    assert_eq!(findings.len(), 1);
    let said =
        "the message breaks 1 rule: profile-cardinality-min at entry[1].content.name: expected a HumanName";
    assert_eq!(error.to_string(), said);

    let alone = world.portal.draft("31", plan(&world.portal)?)?;
    let error = world.portal.send(alone).await.expect_err("the patient is missing");
    assert!(matches!(error, SendError::Compose(_)), "{error:?}");
    let said = "the draft makes no message: referred to, but not in the message: Patient; add them to the draft by `with_resource`";
    assert_eq!(error.to_string(), said);

    let blank = world.portal.draft("3007", patient("Mees"))?.with_identifier("");
    assert!(world.portal.send(blank).await.is_err());
    assert!(world.game.receive().await?.is_none(), "nothing was sent");
    Ok(())
}

#[tokio::test]
async fn a_relaxed_rule_is_reported_but_does_not_stop_a_message() -> Result {
    for format in [Format::Json, Format::Xml] {
        let world = World::start(format).await?;
        let relaxed = world.portal.clone().with_severity(rules::PROFILE_MINIMUM, Severity::Warning);
        let prepared = relaxed.prepare(relaxed.draft("3007", Patient::default())?)?;
        let findings: Vec<_> =
            prepared.findings().iter().map(|finding| (finding.rule.id(), finding.severity)).collect();
        assert_eq!(findings, [(rules::PROFILE_MINIMUM.id(), Severity::Warning)]);
        relaxed.send_prepared(prepared).await?;
        assert!(world.game.receive().await?.is_some());

        // A connector that was cloned before, and a rule that is made strict again, stop it.
        let strict = relaxed.with_severity(rules::PROFILE_MINIMUM, Severity::Error);
        for connector in [&world.portal, &strict] {
            let error = connector.prepare(connector.draft("3008", Patient::default())?).expect_err("no name");
            assert!(matches!(error, SendError::Invalid { .. }), "{error:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn without_validation_the_server_decides() -> Result {
    let world = World::start(Format::Json).await?;
    let portal = world.portal.clone().without_validation();
    portal.send(portal.draft("3007", Patient::default())?).await?;
    assert!(world.game.receive().await?.is_some());
    Ok(())
}

#[tokio::test]
async fn errors_and_results_name_no_patient() -> Result {
    let world = World::start(Format::Json).await?;
    let draft = world.portal.draft("3007", patient("Mees"))?;
    let sent = world.portal.send(draft.clone()).await?;
    let stale = world.connector("portal")?;
    let conflict = stale.send(draft).await.expect_err("no version");
    let missing = stale.send(stale.draft("31", plan(&stale)?)?).await.expect_err("no patient");
    let invalid = stale.send(stale.draft("3007", Patient::default())?).await.expect_err("no name");
    let shown = format!("{sent:?} {conflict} {conflict:?} {missing} {missing:?} {invalid} {invalid:?}");
    for secret in ["3007", "Mees", "Duinroos", "portal.example"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    Ok(())
}

/// Two sessions of the portal that know nothing of each other, and a plan that the second one has changed
/// since.
async fn conflict(world: &World) -> Result<(Connector, Draft)> {
    let first = world.portal.clone();
    first.send(plan_draft(&first, plan(&first)?)?).await?;
    let second = world.game.clone();
    let delivery = second.receive().await?.ok_or("no message")?;
    let mut changed = delivery.get::<CarePlan>().ok_or("no plan")?;
    changed.activity[0].description = Some("Elke dag".to_owned());
    let url = delivery.url().ok_or("no URL")?.clone();
    delivery.success().await?;
    second.send(Draft::new(Event::CreateOrUpdateCarePlan, url, changed)).await?;
    let draft = complete(&first, plan(&first)?)?;
    Ok((first, draft))
}

/// What the first session wants: the plan is done.
fn complete(portal: &Connector, plan: CarePlan) -> Result<Draft> {
    plan_draft(portal, CarePlan { status: Some(CarePlanStatus::Completed), ..plan })
}

#[tokio::test]
async fn a_conflict_names_the_resources_that_moved() -> Result {
    let world = World::start(Format::Json).await?;
    let (portal, draft) = conflict(&world).await?;
    let error = portal.send(draft).await.expect_err("somebody else changed it");
    let SendError::Conflict { resources, .. } = &error else { panic!("{error:?}") };
    assert_eq!(resources, &[portal.url(koppeltaal::messaging::ResourceKind::CarePlan, "31")?]);
    Ok(())
}

#[tokio::test]
async fn a_draft_that_names_a_version_is_a_change_of_that_version_whatever_is_known() -> Result {
    let world = World::start(Format::Json).await?;
    let first = world.portal.send(world.portal.draft("3007", patient("Mees"))?).await?;
    world.portal.send(world.portal.draft("3007", patient("Mies"))?).await?;
    let draft = world.portal.draft("3007", patient("Moos"))?.based_on(&first.url);
    let error = world.portal.send(draft).await.expect_err("an older version");
    assert!(matches!(error, SendError::Conflict { .. }), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn a_merge_sends_the_change_on_top_of_the_newer_version() -> Result {
    for format in [Format::Json, Format::Xml] {
        let world = World::start(format).await?;
        let (portal, draft) = conflict(&world).await?;
        let mut merges = 0;
        let again = async |newer: koppeltaal::NewerVersions| complete(&portal, newer.get()?).ok();
        let sent = portal
            .send_with_merge(draft, |newer| {
                merges += 1;
                again(newer)
            })
            .await?;
        assert_eq!(merges, 1);
        let delivery = world.game.receive().await?.ok_or("no message")?;
        assert_eq!(delivery.url(), Some(&sent.url));
        let merged = delivery.get::<CarePlan>().ok_or("no plan")?;
        assert_eq!(merged.status, Some(CarePlanStatus::Completed), "the one change");
        assert_eq!(merged.activity[0].description.as_deref(), Some("Elke dag"), "and the other");
        delivery.success().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_merge_waits_until_the_newer_version_can_be_read() -> Result {
    let world = World::start(Format::Json).await?;
    let (portal, draft) = conflict(&world).await?;
    let away = Fault::new(FaultKind::Status { status: 503, html: true }).path("MessageHeader").times(2);
    world.sandbox.set_faults([away]);
    portal.send_with_merge(draft, async |newer| complete(&portal, newer.get()?).ok()).await?;
    Ok(())
}

#[tokio::test]
async fn a_merge_that_stops_or_finds_nothing_newer_returns_the_conflict() -> Result {
    let world = World::start(Format::Json).await?;
    let (portal, draft) = conflict(&world).await?;
    let error = portal.send_with_merge(draft, async |_| None).await.expect_err("left");
    assert!(matches!(error, SendError::Conflict { .. }), "{error:?}");

    // The EPD subscribes to nothing.
    let epd = world.connector("epd")?;
    epd.send(epd.draft("1", patient("Mees"))?).await?;
    let wait = Duration::from_millis(300);
    let stale = world.connector("epd")?.merge_limits(MergeLimits { wait, ..MergeLimits::default() });
    let mut merges = 0;
    let draft = stale.draft("1", patient("Mies"))?;
    let merge = |_| {
        merges += 1;
        std::future::ready(None)
    };
    let error = stale.send_with_merge(draft, merge).await.expect_err("nothing newer to be found");
    assert!(matches!(error, SendError::Conflict { .. }), "{error:?}");
    assert_eq!(merges, 0);
    Ok(())
}

#[tokio::test]
async fn a_merge_is_tried_a_bounded_number_of_times() -> Result {
    let world = World::start(Format::Json).await?;
    let (portal, draft) = conflict(&world).await?;
    let portal = portal.merge_limits(MergeLimits { attempts: 3, ..MergeLimits::default() });
    let game = &world.game;
    let mut merges = 0;
    let error = portal
        .send_with_merge(draft, |newer| {
            merges += 1;
            let portal = portal.clone();
            async move {
                // The game is faster every time: it changes what the portal is about to change.
                let url = newer.entries()[0].url()?.clone();
                let newest: CarePlan = newer.get()?;
                let draft = Draft::new(Event::CreateOrUpdateCarePlan, url.clone(), newest.clone());
                game.send(draft).await.ok()?;
                complete(&portal, newest).ok()
            }
        })
        .await
        .expect_err("never the newest");
    assert!(matches!(error, SendError::Conflict { .. }), "{error:?}");
    assert_eq!(merges, 2, "three attempts to post, a merge between each two");
    Ok(())
}

#[tokio::test]
async fn a_message_whose_versions_cannot_be_recorded_counts_as_sent() -> Result {
    let world = World::start(Format::Json).await?;
    let portal =
        Connector::new(world.portal.client().clone(), world.portal.sender().clone(), FullStore::new(1));
    let error = portal.send(portal.draft("3007", patient("Mees"))?).await.expect_err("not recorded");
    let SendError::NotRecorded { sent, .. } = &error else { panic!("{error:?}") };
    assert!(sent.url.same_resource(&patient_url(&portal)?));
    // With the versions in the error, the application can repair it.
    world.portal.versions().record(DOMAIN, &sent.versions).await?;
    world.portal.send(world.portal.draft("3007", patient("Mies"))?).await?;
    Ok(())
}

#[tokio::test]
async fn a_post_without_an_answer_is_looked_up() -> Result {
    for format in [Format::Json, Format::Xml] {
        let world = World::start(format).await?;
        world.sandbox.set_faults([Fault::new(FaultKind::Cut).path("Mailbox").times(1)]);
        let draft = world.portal.draft("3007", patient("Mees"))?.with_identifier("once");
        let sent = world.portal.send(draft).await?;
        assert_eq!(sent.identifier, "once");
        let delivery = world.game.receive().await?.ok_or("no message")?;
        assert_eq!(delivery.url(), Some(&sent.url));
        delivery.success().await?;
        // Its version is known.
        world.portal.send(world.portal.draft("3007", patient("Mies"))?).await?;
    }
    Ok(())
}

#[tokio::test]
async fn after_a_failed_look_up_a_message_can_be_sent_again_with_its_identifier() -> Result {
    let world = World::start(Format::Json).await?;
    let silent = Fault::new(FaultKind::Cut);
    world.sandbox.set_faults([silent.clone().path("Mailbox").times(1), silent.path("_search").times(1)]);
    let draft = world.portal.draft("3007", patient("Mees"))?.with_identifier("once");
    let error = world.portal.send(draft.clone()).await.expect_err("no answer");
    let SendError::Transport(error) = &error else { panic!("{error:?}") };
    assert!(error.is_outcome_unknown());
    assert_eq!(world.portal.send(draft).await?.identifier, "once");
    let delivery = world.game.receive().await?.ok_or("no message")?;
    delivery.success().await?;
    assert!(world.game.receive().await?.is_none(), "it was delivered once");
    Ok(())
}

#[tokio::test]
async fn a_post_that_did_not_arrive_stays_unknown() -> Result {
    let world = World::start(Format::Json).await?;
    world.sandbox.set_faults([Fault::new(FaultKind::Refuse).path("Mailbox").times(1)]);
    let error = world.portal.send(world.portal.draft("3007", patient("Mees"))?).await.expect_err("no answer");
    assert!(matches!(&error, SendError::Transport(error) if error.is_outcome_unknown()), "{error:?}");
    assert!(world.game.receive().await?.is_none());
    Ok(())
}

#[tokio::test]
async fn the_versions_of_a_post_are_recorded_even_if_its_future_is_dropped() -> Result {
    let world = World::start(Format::Json).await?;
    world.sandbox.set_faults([Fault::new(FaultKind::Latency { pause: Duration::from_millis(200) }).times(1)]);
    let draft = world.portal.draft("3007", patient("Mees"))?;
    assert!(tokio::time::timeout(Duration::from_millis(20), world.portal.send(draft)).await.is_err());
    // It waits for the first, and names the version that the first one got.
    let sent = world.portal.send(world.portal.draft("3007", patient("Mies"))?).await?;
    let delivery = world.game.receive().await?.ok_or("no message")?;
    assert_eq!(delivery.url(), Some(&sent.url), "the newer one takes the place of the older one");
    Ok(())
}

#[tokio::test]
async fn an_application_does_not_conflict_with_itself() -> Result {
    let world = World::start(Format::Json).await?;
    let changes = (0..20).map(|_| async {
        let draft = world.portal.draft("3007", patient("Mees"))?;
        Result::Ok(world.portal.send(draft).await?.url)
    });
    let mut versions = futures_util::future::try_join_all(changes).await?;
    versions.sort_by(|one, other| one.as_str().cmp(other.as_str()));
    versions.dedup();
    assert_eq!(versions.len(), 20);
    Ok(())
}
