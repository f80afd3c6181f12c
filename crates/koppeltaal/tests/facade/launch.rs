//! Launches at both ends: what a portal and the launched application may rely on. The good case is in
//! `guide`.

use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use koppeltaal::messaging::profiles::{ActivityDefinition, CarePlan, CarePlanActivityStatus};
use koppeltaal::messaging::{Profile, Reference, ResourceKind, ResourceUrl, Sender, valuesets};
use koppeltaal::transport::{
    AuthorizationError, ClientAuthentication, Error, Format, OAuthErrorCode, TokenStore, Tokens,
};
use koppeltaal::{
    Connector, Launch, LaunchError, LaunchSession, Launches, MemoryVersionStore, PendingLaunch, SessionError,
};
use koppeltaal_sandbox::{Fault, FaultKind};

use crate::world::{
    ACTIVITY, DEFINITION, DOMAIN, REDIRECT_URI, Result, World, patient_url, plan, plan_draft, status,
};

fn launches(game: &Connector) -> Result<Launches> {
    Ok(game.launches(ClientAuthentication::basic("game", "game")?, REDIRECT_URI))
}

/// What an activity's user is launched by, without a definition to look up.
fn target(world: &World) -> Result<Launch> {
    Ok(Launch::of_application("game", patient_url(&world.portal)?, ACTIVITY).intent("play"))
}

async fn session(world: &World) -> Result<LaunchSession> {
    let page = world.portal.launch_url(&target(world)?, &patient_url(&world.portal)?).await?;
    let launches = launches(&world.game)?;
    let (authorize, pending) = launches.begin(page.as_str()).await?;
    Ok(launches.finish(&pending, &world.sandbox.browse(&authorize).await?).await?)
}

#[tokio::test]
async fn a_launched_user_reports_the_status_of_the_activity() -> Result {
    for format in [Format::Json, Format::Xml] {
        let world = World::start(format).await?;
        let session = session(&world).await?;
        assert_eq!((session.activity(), session.intent()), (Some(ACTIVITY), Some("play")));
        let patient = session.patient().ok_or("no patient")?;
        let game = session.connector();
        let report = status(valuesets::ActivityStatus::InProgress, 40);
        game.send(game.draft("718", report)?.with_patient(&patient)).await?;
        // The application itself knows the version that its user's session was given.
        let report = status(valuesets::ActivityStatus::Completed, 100);
        world.game.send(world.game.draft("718", report)?.with_patient(&patient)).await?;
        let delivery = world.portal.receive().await?.ok_or("no message")?;
        let told = delivery.get::<CarePlanActivityStatus>().ok_or("no status")?;
        assert_eq!(told.percentage_completed, Some(100), "the newer one takes the place of the older one");
        delivery.success().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_session_renews_its_token_by_itself() -> Result {
    let world = World::start(Format::Json).await?;
    let session = session(&world).await?;
    let before = session.tokens().access_token().to_owned();
    world.sandbox.set_faults([Fault::new(FaultKind::TokenExpires).times(1)]);
    assert!(session.connector().receive().await?.is_none());
    assert_ne!(session.tokens().access_token(), before);

    Ok(())
}

/// A table of tokens with one row.
#[derive(Default)]
struct Row(Mutex<Vec<Tokens>>);

impl TokenStore for Row {
    fn save<'a>(
        &'a self,
        tokens: &'a Tokens,
    ) -> BoxFuture<'a, std::result::Result<(), Box<dyn std::error::Error + Send + Sync>>> {
        self.0.lock().expect("no panic").push(tokens.clone());
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test]
async fn a_session_whose_tokens_are_stored_is_resumed_after_a_restart() -> Result {
    let world = World::start(Format::Json).await?;
    let row = Arc::new(Row::default());
    let table = Arc::clone(&row);
    let launches = launches(&world.game)?.with_store(move |context| {
        assert_eq!(context.domain.as_deref(), Some(DOMAIN));
        table.clone()
    });
    let page = world.portal.launch_url(&target(&world)?, &patient_url(&world.portal)?).await?;
    let (authorize, pending) = launches.begin(page.as_str()).await?;
    let session = launches.finish(&pending, &world.sandbox.browse(&authorize).await?).await?;
    world.sandbox.set_faults([Fault::new(FaultKind::TokenExpires).times(1)]);
    assert!(session.connector().receive().await?.is_none());
    let kept = row.0.lock().expect("no panic").clone();
    assert_eq!(kept.len(), 2, "the first ones, and the new ones");
    drop(session);

    let resumed = launches.resume(kept[1].clone())?;
    assert!(resumed.connector().receive().await?.is_none());
    assert_eq!(resumed.patient(), Some(patient_url(&world.portal)?));
    Ok(())
}

#[tokio::test]
async fn an_activation_code_opens_a_session_once() -> Result {
    let world = World::start(Format::Json).await?;
    let mobile = world.portal.mobile_launch(&target(&world)?, &patient_url(&world.portal)?).await?;
    let launches = launches(&world.game)?;
    let session = launches.activate(&mobile.activation_code).await?;
    assert_eq!(session.activity(), Some(ACTIVITY));
    let error = launches.activate(&mobile.activation_code).await.expect_err("used up");
    let SessionError::Transport(Error::OAuth { error, .. }) = &error else { panic!("{error:?}") };
    assert_eq!(error.code, OAuthErrorCode::InvalidScope);
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_not_on_the_list_is_asked_for_nothing() -> Result {
    let (world, other) = (World::start(Format::Json).await?, World::start(Format::Json).await?);
    let page = other.portal.launch_url(&target(&other)?, &patient_url(&other.portal)?).await?;
    let known = launches(&world.game)?;
    let error = known.begin(page.as_str()).await.expect_err("another server");
    assert!(matches!(&error, SessionError::UnknownIssuer { iss } if iss.starts_with(other.sandbox.url())));

    // On the list, it is followed.
    let both = known.also_of(other.game.clone());
    let (authorize, pending) = both.begin(page.as_str()).await?;
    assert!(authorize.as_str().starts_with(other.sandbox.url()));
    let session = both.finish(&pending, &other.sandbox.browse(&authorize).await?).await?;
    assert_eq!(session.connector().client().server_url(), other.sandbox.url());
    let error = both.begin("https://game.example/").await.expect_err("no launch");
    assert!(matches!(error, SessionError::NotALaunch(_)));
    Ok(())
}

#[tokio::test]
async fn only_the_browser_that_began_a_launch_can_finish_it() -> Result {
    let world = World::start(Format::Json).await?;
    let launches = launches(&world.game)?;
    let page = world.portal.launch_url(&target(&world)?, &patient_url(&world.portal)?).await?;
    let (authorize, pending) = launches.begin(page.as_str()).await?;
    let (_, somebody) = launches.begin(page.as_str()).await?;
    let back = world.sandbox.browse(&authorize).await?;
    let error = launches.finish(&somebody, &back).await.expect_err("another state");
    assert!(matches!(error, SessionError::Authorization(AuthorizationError::State)), "{error:?}");
    // Its own can; also when its parts were kept elsewhere in the meantime. A code works once.
    let kept = PendingLaunch::resume(pending.iss(), REDIRECT_URI, pending.state(), pending.code_verifier());
    launches.finish(&kept, &back).await?;
    let error = launches.finish(&pending, &back).await.expect_err("used up");
    assert!(matches!(error, SessionError::Transport(Error::OAuth { .. })), "{error:?}");
    let shown = format!("{pending:?} {launches:?}");
    assert!(!shown.contains(pending.state()), "{shown}");
    Ok(())
}

#[tokio::test]
async fn a_session_belongs_to_the_connector_of_its_domain() -> Result {
    let world = World::start(Format::Json).await?;
    let source = world.game.sender().source().clone();
    let elsewhere = Connector::new(
        world.game.client().clone(),
        Sender::new(source, "Elsewhere"),
        MemoryVersionStore::default(),
    );
    let page = world.portal.launch_url(&target(&world)?, &patient_url(&world.portal)?).await?;
    let alone = launches(&elsewhere)?;
    let (authorize, pending) = alone.begin(page.as_str()).await?;
    let error =
        alone.finish(&pending, &world.sandbox.browse(&authorize).await?).await.expect_err("another domain");
    assert!(matches!(&error, SessionError::UnknownDomain { domain } if domain == DOMAIN), "{error:?}");

    let both = alone.also_of(world.game.clone());
    let (authorize, pending) = both.begin(page.as_str()).await?;
    let session = both.finish(&pending, &world.sandbox.browse(&authorize).await?).await?;
    assert_eq!(session.connector().sender().domain(), DOMAIN);
    Ok(())
}

#[tokio::test]
async fn an_impossible_launch_says_what_is_missing() -> Result {
    let world = World::start(Format::Json).await?;
    let (whole, user) = (plan(&world.portal)?, patient_url(&world.portal)?);
    assert!(matches!(Launch::of_activity(&whole, "other"), Err(LaunchError::NoActivity)));
    let nobodys = CarePlan { patient: None, ..whole.clone() };
    assert!(matches!(Launch::of_activity(&nobodys, ACTIVITY), Err(LaunchError::NoPatient)));
    let mut undefined = whole.clone();
    undefined.activity[0].definition = None;
    assert!(matches!(Launch::of_activity(&undefined, ACTIVITY), Err(LaunchError::NoDefinition)));

    let launch = Launch::of_activity(&whole, ACTIVITY)?;
    let error = world.portal.launch_url(&launch, &user).await.expect_err("no definition");
    assert!(matches!(&error, LaunchError::UnknownDefinition { identifier } if identifier == DEFINITION));
    let definition = ActivityDefinition {
        activity_definition_identifier: Some(DEFINITION.to_owned()),
        name: Some("De vuurtoren".to_owned()),
        application: Some(Reference::from("https://k.example/Device/1")),
        ..ActivityDefinition::default()
    };
    world.game.client().create_activity_definition(&definition.into_fhir()).await?;
    let error = world.portal.launch_url(&launch, &user).await.expect_err("no application");
    assert!(matches!(error, LaunchError::NoApplication { .. }), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn a_caregiver_is_launched_about_the_patient_of_the_plan() -> Result {
    let world = World::start(Format::Json).await?;
    world.portal.send(plan_draft(&world.portal, plan(&world.portal)?)?).await?;
    let caregiver: ResourceUrl = world.portal.url(ResourceKind::RelatedPerson, "12")?;
    let page = world.portal.launch_url(&target(&world)?, &caregiver).await?;
    let launches = launches(&world.game)?;
    let (authorize, pending) = launches.begin(page.as_str()).await?;
    let session = launches.finish(&pending, &world.sandbox.browse(&authorize).await?).await?;
    assert_eq!((session.user(), session.patient()), (Some(caregiver), Some(patient_url(&world.portal)?)));
    Ok(())
}
