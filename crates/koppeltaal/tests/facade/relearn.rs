//! A version store that was lost or restored learns the newest versions again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt as _;
use koppeltaal::messaging::{Event, ResourceKind};
use koppeltaal::transport::Format;
use koppeltaal::{RelearnError, SendError};
use koppeltaal_sandbox::Instance;

use crate::forward::forward;
use crate::world::{DOMAIN, Result, World, config, connector_at, patient, patient_url, plan, plan_draft};

/// A world with a clinic that receives its own messages.
async fn world() -> Result<World> {
    let events = [Event::CreateOrUpdatePatient, Event::CreateOrUpdateCarePlan];
    World::with(config().instance(Instance::new("clinic", "secret", DOMAIN).subscribe(events)), Format::Json)
        .await
}

#[tokio::test]
async fn a_lost_version_store_learns_from_the_messages_at_the_server() -> Result {
    let world = world().await?;
    let clinic = world.connector("clinic")?;
    for given in ["Mees", "Mies", "Fenna"] {
        clinic.send(clinic.draft("3007", patient(given))?).await?;
    }
    clinic.send(plan_draft(&clinic, plan(&clinic)?)?).await?;

    let lost = world.connector("clinic")?;
    let error = lost.send(lost.draft("3007", patient("Saar"))?).await.expect_err("no version is known");
    assert!(error.to_string().contains("`Connector::relearn`"), "{error}");
    let SendError::Conflict { resources, .. } = &error else { panic!("{error:?}") };
    let learned = lost.relearn(resources).await?;
    assert_eq!(learned.len(), 1);
    let known = clinic.versions().versions(DOMAIN, &learned).await?;
    assert_eq!(known, [Some(learned[0].clone())]);
    lost.send(lost.draft("3007", patient("Saar"))?).await?;

    // The plan stood in one message, as its focal resource.
    assert_eq!(lost.relearn(&[clinic.url(ResourceKind::CarePlan, "31")?]).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_restored_version_store_learns_what_is_newer() -> Result {
    let world = world().await?;
    let clinic = world.connector("clinic")?;
    let restored = world.connector("clinic")?;
    let old = clinic.send(clinic.draft("3007", patient("Mees"))?).await?;
    restored.versions().record(DOMAIN, &old.versions).await?;
    clinic.send(clinic.draft("3007", patient("Mies"))?).await?;

    let error = restored.send(restored.draft("3007", patient("Saar"))?).await.expect_err("an old version");
    assert_eq!(restored.relearn_after(&error).await?.len(), 1);
    restored.send(restored.draft("3007", patient("Saar"))?).await?;
    Ok(())
}

#[tokio::test]
async fn an_application_that_does_not_receive_its_own_messages_learns_by_their_identifiers() -> Result {
    let world = World::start(Format::Json).await?;
    let sent = world.portal.send(world.portal.draft("3007", patient("Mees"))?).await?;
    let lost = world.connector("portal")?;
    let error = lost.relearn(&[patient_url(&lost)?]).await.expect_err("it does not receive its own messages");
    let RelearnError::NotFound { found, missing } = &error else { panic!("{error:?}") };
    assert_eq!((found.as_slice(), missing.as_slice()), (&[][..], &[patient_url(&lost)?][..]));
    let text = error.to_string();
    assert!(
        text.contains("has the version of Patient") && text.contains("`Connector::relearn_from`"),
        "{text}"
    );
    assert!(!text.contains("3007"), "{text}");
    assert_eq!(lost.relearn_from(&sent.identifier).await?, sent.versions);
    assert_eq!(lost.relearn_from("of nobody").await?, []);
    lost.send(lost.draft("3007", patient("Saar"))?).await?;

    // Another application's message teaches nothing.
    assert_eq!(world.connector("game")?.relearn_from(&sent.identifier).await?, []);
    Ok(())
}

#[tokio::test]
async fn versions_that_are_found_are_recorded_even_if_others_are_not_found() -> Result {
    let world = world().await?;
    let clinic = world.connector("clinic")?;
    clinic.send(clinic.draft("3007", patient("Mees"))?).await?;
    let lost = world.connector("clinic")?;
    let asked = [patient_url(&lost)?, lost.url(ResourceKind::CarePlan, "31")?];
    let error = lost.relearn(&asked).await.expect_err("there is no plan");
    let RelearnError::NotFound { found, missing } = &error else { panic!("{error:?}") };
    assert!(found[0].same_resource(&asked[0]) && missing.as_slice() == &asked[1..]);
    assert_eq!(lost.versions().versions(DOMAIN, found).await?, [Some(found[0].clone())]);
    assert_eq!(lost.relearn(&[]).await?, []);
    Ok(())
}

#[tokio::test]
async fn a_conflict_is_searched_for_among_the_messages_of_its_patient() -> Result {
    let world = world().await?;
    let clinic = world.connector("clinic")?;
    let first = clinic.send(plan_draft(&clinic, plan(&clinic)?)?).await?;
    clinic.send(plan_draft(&clinic, plan(&clinic)?)?).await?;
    let (server, asked) = watched(world.sandbox.url(), "Patient=").await?;
    let lost = connector_at(&server, "clinic")?;
    // Only the plan is in conflict; it is the message that names the patient.
    lost.versions().record(DOMAIN, &first.versions).await?;
    let error = lost.send(plan_draft(&lost, plan(&lost)?)?).await.expect_err("an old version");
    let SendError::Conflict { resources, patient, .. } = &error else { panic!("{error:?}") };
    assert!(resources.iter().all(|url| url.resource_type() == "CarePlan"), "{resources:?}");
    assert_eq!(patient.as_ref(), Some(&patient_url(&lost)?));
    assert_eq!(lost.relearn_after(&error).await?.len(), 1);
    assert!(asked.load(Ordering::Relaxed) > 0);
    lost.send(plan_draft(&lost, plan(&lost)?)?).await?;
    Ok(())
}

#[tokio::test]
async fn no_message_is_opened_when_nothing_can_be_newer() -> Result {
    let world = world().await?;
    let clinic = world.connector("clinic")?;
    clinic.send(plan_draft(&clinic, plan(&clinic)?)?).await?;
    for given in ["Mees", "Mies", "Fenna"] {
        clinic.send(clinic.draft("3007", patient(given))?).await?;
    }
    let (server, opened) = watched(world.sandbox.url(), "_id=").await?;
    let lost = connector_at(&server, "clinic")?;
    assert_eq!(lost.relearn(&[patient_url(&lost)?]).await?.len(), 1);
    assert_eq!(opened.load(Ordering::Relaxed), 0, "the newest message is about the patient");

    // Any newer message may hold the plan, too; the one about it is the last that is looked at.
    let plan = lost.url(ResourceKind::CarePlan, "31")?;
    assert_eq!(lost.relearn(&[patient_url(&lost)?, plan]).await?.len(), 2);
    assert_eq!(opened.load(Ordering::Relaxed), 3);
    Ok(())
}

/// A way to the server on which requests are counted that have this in their query.
async fn watched(server: &str, query: &'static str) -> Result<(String, Arc<AtomicUsize>)> {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let url = forward(server, move |request| {
        if request.uri.query().is_some_and(|text| text.contains(query)) {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        std::future::ready(()).boxed()
    });
    Ok((url.await?, count))
}
