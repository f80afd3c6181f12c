//! The integration tests that the guide "Write a Koppeltaal Connector" asks for: create an activity
//! definition; create a patient; create a care plan with an activity; launch it as patient and as caregiver;
//! update its status. In both formats.

use koppeltaal::Launch;
use koppeltaal::messaging::profiles::{
    ActivityDefinition, CarePlan, CarePlanActivityStatus, CarePlanParticipant, Patient, Practitioner,
};
use koppeltaal::messaging::{Event, Profile, Reference, ResourceKind, ResourceUrl, valuesets};
use koppeltaal::transport::{ClientAuthentication, Format, IncludeArchived, Url};

use crate::formats::in_both_formats;
use crate::world::{
    ACTIVITY, DEFINITION, REDIRECT_URI, Result, World, definition, patient, patient_url, plan, plan_draft,
    status,
};

in_both_formats! {
    an_activity_definition_is_created_and_subscribers_are_told create_definition;
    a_patient_is_created create_patient;
    a_care_plan_is_created_with_an_activity_of_the_definition create_plan;
    the_activity_is_launched_as_patient_and_as_caregiver launch;
    the_status_of_the_activity_is_updated update_status;
}

async fn create_definition(format: Format) -> Result {
    let world = World::start(format).await?;
    let created = world.game.client().create_activity_definition(&definition().into_fhir()).await?;
    assert!(created.version().is_some());
    let mut definitions = world.portal.client().activity_definitions(IncludeArchived::No);
    let stored = definitions.next().await?.ok_or("no definition")?;
    assert_eq!(stored.url, Some(created.clone()));
    let read = ActivityDefinition::from_fhir(stored.resource);
    assert_eq!(read.name.as_deref(), Some("De vuurtoren"));

    let delivery = world.portal.receive().await?.ok_or("no message")?;
    assert_eq!(delivery.event(), Some(Event::CreateOrUpdateActivityDefinition));
    assert_eq!(delivery.url(), Some(&created));
    let told = delivery.get::<ActivityDefinition>().ok_or("no definition")?;
    assert_eq!(told.activity_definition_identifier.as_deref(), Some(DEFINITION));
    Ok(delivery.success().await?)
}

async fn create_patient(format: Format) -> Result {
    let world = World::start(format).await?;
    let sent = world.portal.send(world.portal.draft("3007", patient("Mees"))?).await?;
    assert!(sent.url.same_resource(&patient_url(&world.portal)?));
    assert!(sent.url.version().is_some());
    assert_eq!(sent.versions, std::slice::from_ref(&sent.url));

    let delivery = world.game.receive().await?.ok_or("no message")?;
    assert_eq!(delivery.identifier(), Some(sent.identifier.as_str()));
    assert_eq!(delivery.url(), Some(&sent.url));
    assert_eq!(delivery.patient(), Some(patient_url(&world.portal)?));
    let received = delivery.get::<Patient>().ok_or("no patient")?;
    assert_eq!(received.name[0].given[0].as_str(), Some("Mees"));
    delivery.success().await?;
    assert!(world.game.receive().await?.is_none());
    Ok(())
}

async fn create_plan(format: Format) -> Result {
    let world = World::start(format).await?;
    world.game.client().create_activity_definition(&definition().into_fhir()).await?;
    let sent = world.portal.send(plan_draft(&world.portal, plan(&world.portal)?)?).await?;
    assert_eq!(sent.versions.len(), 2, "the plan and the patient");

    let delivery = world.game.receive().await?.ok_or("no message")?;
    assert_eq!(delivery.event(), Some(Event::CreateOrUpdateCarePlan));
    let received = delivery.get::<CarePlan>().ok_or("no plan")?;
    assert_eq!(received.activity[0].definition.as_deref(), Some(DEFINITION));
    assert!(delivery.message()?.patient().is_some(), "what the plan refers to comes along");
    Ok(delivery.success().await?)
}

async fn launch(format: Format) -> Result {
    let world = World::start(format).await?;
    world.game.client().create_activity_definition(&definition().into_fhir()).await?;
    let practitioner = world.portal.url(ResourceKind::Practitioner, "77")?;
    let requester = CarePlanParticipant {
        member: Some(Reference::from(&practitioner)),
        role: Some(valuesets::CarePlanParticipantRole::Requester),
        ..CarePlanParticipant::default()
    };
    let plan = CarePlan { participant: vec![requester], ..plan(&world.portal)? };
    let caregiver = Practitioner { name: patient("Teun").name.pop(), ..Practitioner::default() };
    let draft = plan_draft(&world.portal, plan.clone())?.with_resource(practitioner.clone(), caregiver);
    world.portal.send(draft).await?;

    let target = Launch::of_activity(&plan, ACTIVITY)?;
    for user in [patient_url(&world.portal)?, practitioner] {
        let page = world.portal.launch_url(&target, &user).await?;
        assert!(page.as_str().starts_with("https://game.example/?"), "{page}");
        let session = take_in(&world, &page).await?;
        assert_eq!(session.user(), Some(user));
        assert_eq!(session.patient(), Some(patient_url(&world.portal)?));
        assert_eq!(session.activity(), Some(ACTIVITY));
        // The token works: the patient's plan waits for the game, and is not processed by looking at it.
        let delivery = session.connector().receive().await?.ok_or("no message")?;
        assert_eq!(delivery.event(), Some(Event::CreateOrUpdateCarePlan));
        delivery.release().await?;
    }
    Ok(())
}

/// What the game does with a browser at its launch page and at its redirect URI.
async fn take_in(world: &World, page: &Url) -> Result<koppeltaal::LaunchSession> {
    let launches = world.game.launches(ClientAuthentication::basic("game", "game")?, REDIRECT_URI);
    let (authorize, pending) = launches.begin(page.as_str()).await?;
    let back = world.sandbox.browse(&authorize).await?;
    assert!(back.starts_with(REDIRECT_URI), "{back}");
    Ok(launches.finish(&pending, &back).await?)
}

async fn update_status(format: Format) -> Result {
    let world = World::start(format).await?;
    world.portal.send(plan_draft(&world.portal, plan(&world.portal)?)?).await?;
    let delivery = world.game.receive().await?.ok_or("no message")?;
    let plan = delivery.get::<CarePlan>().ok_or("no plan")?;
    let patient = delivery.patient().ok_or("no patient")?;
    delivery.success().await?;
    assert_eq!(plan.activity[0].identifier.as_deref(), Some(ACTIVITY));

    let mut versions: Vec<ResourceUrl> = Vec::new();
    for (code, percentage) in
        [(valuesets::ActivityStatus::InProgress, 40), (valuesets::ActivityStatus::Completed, 100)]
    {
        let draft = world.game.draft("718", status(code.clone(), percentage))?.with_patient(&patient);
        versions.push(world.game.send(draft).await?.url);
        let delivery = world.portal.receive().await?.ok_or("no message")?;
        assert_eq!(delivery.event(), Some(Event::UpdateCarePlanActivityStatus));
        assert_eq!(delivery.url(), versions.last());
        let told = delivery.get::<CarePlanActivityStatus>().ok_or("no status")?;
        assert_eq!((told.activity_status, told.percentage_completed), (Some(code), Some(percentage)));
        delivery.success().await?;
    }
    assert!(versions[0].version() < versions[1].version(), "the second is a new version of the first");
    Ok(())
}
