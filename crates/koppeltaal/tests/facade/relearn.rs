//! A version store that was lost or restored learns the newest versions again.

use koppeltaal::SendError;
use koppeltaal::messaging::{Event, ResourceKind};
use koppeltaal::transport::Format;
use koppeltaal_sandbox::Instance;

use crate::world::{DOMAIN, Result, World, config, patient, patient_url, plan, plan_draft};

/// A world with a clinic that is told of what it sends itself.
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
async fn an_application_that_is_not_told_of_its_own_messages_learns_by_their_identifiers() -> Result {
    let world = World::start(Format::Json).await?;
    let sent = world.portal.send(world.portal.draft("3007", patient("Mees"))?).await?;
    let lost = world.connector("portal")?;
    assert_eq!(lost.relearn(&[patient_url(&lost)?]).await?, []);
    assert_eq!(lost.relearn_from(&sent.identifier).await?, sent.versions);
    assert_eq!(lost.relearn_from("of nobody").await?, []);
    lost.send(lost.draft("3007", patient("Saar"))?).await?;

    // Another application's message teaches nothing.
    assert_eq!(world.connector("game")?.relearn_from(&sent.identifier).await?, []);
    Ok(())
}
