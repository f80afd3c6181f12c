//! [`Story`]: what happens, in order, and what must be true after each step.

use std::io::{self, Write};
use std::rc::Rc;

use koppeltaal_messaging::profiles::ActivityDefinition;
use koppeltaal_messaging::valuesets;
use koppeltaal_messaging::{CodeSystem, Event, ProcessingStatus, Profile, ResourceUrl};
use koppeltaal_transport::{Error, Format};

use super::archive::Archive;
use super::connection::{Account, Connection, Delivery, Sent, Trouble};
use super::facts::{Facts, NotSo};
use super::game::Game;
use super::narrator::Narrator;
use super::portal::{ACTIVITY, Portal};

/// The domain of the sandbox's own configuration, and the game's activity definition in it.
const DOMAIN: &str = "Sandbox";
const DEFINITION: &str = "SANDBOX-GAME";

/// The story, as it is told.
pub(super) struct Story<W> {
    narrator: Narrator<W>,
    facts: Facts,
    format: Format,
    archive: Rc<Archive>,
}

/// Why the story broke off.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error(transparent)]
    NotSo(#[from] NotSo),
    #[error(transparent)]
    Trouble(#[from] Trouble),
    #[error("the story cannot be printed: {0}")]
    Output(#[from] io::Error),
}

type Result<T> = std::result::Result<T, Broken>;

impl<W: Write> Story<W> {
    pub(super) fn new(narrator: Narrator<W>, format: Format, archive: Rc<Archive>) -> Self {
        Self { narrator, facts: Facts::default(), format, archive }
    }

    /// Tells the whole story, with the server at this address.
    ///
    /// # Errors
    ///
    /// The first fact that does not hold, or what keeps an application from acting.
    pub(super) async fn tell(mut self, server: &str) -> Result<()> {
        self.narrator.say(
            "Two applications, a portal and a game, treat the same patient. They never speak to each other:",
        )?;
        self.narrator
            .say("each posts messages to a Koppeltaal server, and claims those that wait for it there.")?;
        self.narrator.say("")?;
        self.narrator.say(&format!("The server listens on {server}"))?;
        self.narrator.say(&format!("The messages are in {}", self.format.name().to_uppercase()))?;
        self.narrator.say("")?;
        let mut portal = Portal::new(self.account(server, "portal"))?;
        let mut game = Game::new(self.account(server, "game"), DEFINITION)?;

        let definition = self.definition(&portal).await?;
        let published = self.publication(&mut portal, &definition).await?;
        let mut second_session = portal.clone();
        self.plan_arrives(&mut game, &portal, &published, &valuesets::CarePlanActivityStatus::Available)
            .await?;

        let begun = self.report(&mut game, valuesets::CarePlanActivityStatus::InProgress, 40).await?;
        self.report_arrives(&mut portal, &begun, valuesets::CarePlanActivityStatus::InProgress, 40).await?;
        let finished = self.report(&mut game, valuesets::CarePlanActivityStatus::Completed, 100).await?;
        self.new_version("the report's second version", &begun, &finished)?;
        self.report_arrives(&mut portal, &finished, valuesets::CarePlanActivityStatus::Completed, 100)
            .await?;

        let updated = self.update(&mut portal, &published).await?;
        self.plan_arrives(&mut game, &portal, &updated, &valuesets::CarePlanActivityStatus::Completed)
            .await?;
        self.conflict(&mut second_session).await?;
        self.silence(&mut portal, &mut game).await?;

        let held = self.facts.held();
        self.narrator.say("")?;
        self.narrator
            .say(&format!("The end. {held} facts were checked on the way, and all of them held."))?;
        Ok(())
    }

    /// The sandbox's own users have their names for passwords.
    fn account<'a>(&self, server: &'a str, user: &'a str) -> Account<'a> {
        Account {
            server,
            domain: DOMAIN,
            user_name: user,
            password: user,
            format: self.format,
            archive: Rc::clone(&self.archive),
        }
    }

    async fn definition(&mut self, portal: &Portal) -> Result<ActivityDefinition> {
        self.narrator.step("The portal asks which activities there are.")?;
        let definitions = portal.activity_definitions().await?;
        let mut games = definitions
            .into_iter()
            .filter(|definition| definition.activity_definition_identifier.as_deref() == Some(DEFINITION));
        let definition = self.facts.some("the game's activity definition", games.next())?;
        self.facts.same("other definitions with its identifier", &0, &games.count())?;
        self.nothing("what the definition lacks", &definition.validate())?;
        let name = self.facts.some("the name of the game", definition.name.as_deref())?;
        self.narrator.so(&format!("The server has a game: {name:?}, identifier {DEFINITION}."))?;
        Ok(definition)
    }

    async fn publication(&mut self, portal: &mut Portal, definition: &ActivityDefinition) -> Result<Sent> {
        self.narrator.step(
            "The portal publishes a care plan (CreateOrUpdateCarePlan): Teun Haverkruid gives Lieke that game to play.",
        )?;
        let sent = portal.publish(definition).await?;
        self.accepted(&sent)?;
        self.facts.same("resources with a version", &4, &sent.versions.len())?;
        let url = portal.plan_url()?;
        self.facts.same("the plan's version that the portal keeps", &url, &sent.versions[0])?;
        self.narrator.so(&format!(
            "The server says ok, and gives a first version to each of its 4 resources: {}",
            shown(&url)
        ))?;
        Ok(sent)
    }

    /// The game gets the plan that was sent, with the activity in this status.
    async fn plan_arrives(
        &mut self,
        game: &mut Game,
        portal: &Portal,
        sent: &Sent,
        status: &valuesets::CarePlanActivityStatus,
    ) -> Result<()> {
        self.narrator.step("The game claims the message that waits for it (CreateOrUpdateCarePlan).")?;
        let delivery = game.receive_plan().await?;
        let (delivery, plan) = self.facts.some("a message for the game", delivery)?;
        self.delivered(&delivery, Event::CreateOrUpdateCarePlan, sent)?;
        let patient = delivery.message.header.patient();
        self.facts.same("the patient", &Some(portal.patient_url()?.versionless()), &patient)?;
        self.facts.same("resources beside the plan", &3, &delivery.message.related.len())?;
        self.facts.some("the patient's resource", delivery.message.patient())?;

        let plan = self.facts.some("a care plan in the message", plan)?;
        self.nothing("what the care plan lacks", &plan.validate())?;
        self.facts.same("activities in the plan", &1, &plan.activity.len())?;
        let activity = &plan.activity[0];
        self.facts.same("the activity", &Some(ACTIVITY), &activity.identifier.as_deref())?;
        self.facts.same("the activity's definition", &Some(DEFINITION), &activity.definition.as_deref())?;
        self.facts.same("the activity's status", &Some(status), &activity.status.as_ref())?;
        self.narrator.so(&format!("In the plan activity {ACTIVITY} is {}.", status.code()))?;
        self.acknowledged(game.connection(), &delivery).await
    }

    async fn report(
        &mut self,
        game: &mut Game,
        status: valuesets::CarePlanActivityStatus,
        percentage: i32,
    ) -> Result<Sent> {
        let code = status.code().to_owned();
        self.narrator.step(&format!(
            "Lieke plays, and the game reports {code}, {percentage} % (UpdateCarePlanActivityStatus)."
        ))?;
        let sent = game.report(status, percentage).await?;
        let sent = self.facts.some("an activity to report about", sent)?;
        self.accepted(&sent)?;
        self.facts.same("resources with a version", &1, &sent.versions.len())?;
        let url = game.report_url()?;
        self.facts.same("the report's version that the game keeps", &url, &sent.versions[0])?;
        self.narrator.so(&format!("The server says ok: {}", shown(&url)))?;
        Ok(sent)
    }

    /// The portal gets the report that was sent.
    async fn report_arrives(
        &mut self,
        portal: &mut Portal,
        sent: &Sent,
        status: valuesets::CarePlanActivityStatus,
        percentage: i32,
    ) -> Result<()> {
        self.narrator
            .step("The portal claims the message that waits for it (UpdateCarePlanActivityStatus).")?;
        let delivery = portal.receive_status().await?;
        let (delivery, report) = self.facts.some("a message for the portal", delivery)?;
        self.delivered(&delivery, Event::UpdateCarePlanActivityStatus, sent)?;
        let patient = delivery.message.header.patient();
        self.facts.same("the patient", &Some(portal.patient_url()?.versionless()), &patient)?;

        let report = self.facts.some("a report in the message", report)?;
        self.nothing("what the report lacks", &report.validate())?;
        self.facts.same("the activity", &Some(ACTIVITY), &report.activity.as_deref())?;
        self.facts.same("the activity's status", &Some(&status), &report.activity_status.as_ref())?;
        self.facts.same("the percentage", &Some(percentage), &report.percentage_completed)?;
        self.narrator.so(&format!("Activity {ACTIVITY} is {}, {percentage} %.", status.code()))?;
        self.acknowledged(portal.connection(), &delivery).await
    }

    async fn update(&mut self, portal: &mut Portal, published: &Sent) -> Result<Sent> {
        self.narrator.step("The portal marks the activity as Completed, and publishes the plan again (CreateOrUpdateCarePlan).")?;
        let sent = portal.set_activity_status(valuesets::CarePlanActivityStatus::Completed).await?;
        self.accepted(&sent)?;
        self.new_version("the plan's second version", published, &sent)?;
        // Patient, practitioner and care team did not change, so they keep their versions.
        self.facts.same("resources with a new version", &1, &sent.versions.len())?;
        self.narrator.so(&format!(
            "It came with the version that the server has, so the server says ok: {}",
            shown(&sent.versions[0])
        ))?;
        Ok(sent)
    }

    async fn conflict(&mut self, portal: &mut Portal) -> Result<()> {
        self.narrator.step(
            "Another session of the portal, which still has the first version, cancels the activity.",
        )?;
        let stale = portal.plan_url()?;
        let refusal = portal.set_activity_status(valuesets::CarePlanActivityStatus::Cancelled).await;
        let resources = match refusal {
            Err(Trouble::Transport(Error::Conflict { resources, .. })) => Some(resources),
            Err(other) => return Err(other.into()),
            Ok(_) => None,
        };
        let resources = self.facts.some("a refusal of the old version", resources)?;
        self.facts.same("the resources in conflict", &[stale.without_version()][..], &resources)?;
        let name = format!("{}/{}", stale.resource_type(), stale.id());
        self.narrator
            .so(&format!("The server refuses (409, conflict): {name} is of another version there."))?;
        Ok(())
    }

    async fn silence(&mut self, portal: &mut Portal, game: &mut Game) -> Result<()> {
        self.narrator.step("Both look once more whether a message waits.")?;
        for (fact, connection) in [
            ("more messages for the portal", portal.connection()),
            ("more messages for the game", game.connection()),
        ] {
            let waiting = connection.claim().await?.map(|delivery| delivery.message.event());
            self.facts.same(fact, &None, &waiting)?;
        }
        self.narrator.so("None does.")?;
        Ok(())
    }

    /// What was sent is in order, and the resource that it is about got a version.
    fn accepted(&mut self, sent: &Sent) -> Result<()> {
        self.nothing("what the schema finds wrong in the message", &sent.findings)?;
        self.facts.some("the identifier of the message", sent.identifier.as_deref())?;
        let version = sent.versions.first().and_then(|url| url.version());
        self.facts.some("the version of what the message is about", version)?;
        Ok(())
    }

    /// The resource that both messages are about is the same, in another version.
    fn new_version(&mut self, fact: &'static str, before: &Sent, after: &Sent) -> Result<()> {
        let (before, after) = (&before.versions[0], &after.versions[0]);
        self.facts.same("the resource", before.versionless(), after.versionless())?;
        self.facts.differ(fact, before, after)?;
        Ok(())
    }

    /// What was delivered is what was sent, it is claimed, and nothing about it was odd.
    fn delivered(&mut self, delivery: &Delivery, event: Event, sent: &Sent) -> Result<()> {
        let Delivery { message, findings } = delivery;
        // Servers write the feed's `totalResults` as text in JSON, which is odd enough. The resources are in order.
        let odd: Vec<_> = findings.iter().filter(|finding| finding.path.starts_with("entry")).collect();
        self.nothing("what is odd about the resources", &odd)?;
        self.facts.same("the event", &event, &message.event())?;
        self.facts.same("the domain", &Some(DOMAIN), &message.domain.as_deref())?;
        self.facts.same(
            "the identifier of the message",
            &sent.identifier.as_deref(),
            &message.header.identifier(),
        )?;
        self.facts.same("what the message is about", &Some(&sent.versions[0]), &message.focal.url())?;
        self.facts.same(
            "what the header says that it is about",
            &Some(&sent.versions[0]),
            &message.header.focal().as_ref(),
        )?;
        let status = message.header.processing().and_then(|processing| processing.status());
        self.facts.same("the message's status", &Some(ProcessingStatus::Claimed), &status)?;
        Ok(())
    }

    /// Acknowledges a message, after which the server has it as processed and does not deliver it again.
    async fn acknowledged(&mut self, connection: &mut Connection, delivery: &Delivery) -> Result<()> {
        let again = connection.claim().await?.map(|delivery| delivery.message.event());
        self.facts.same("a second delivery of a claimed message", &None, &again)?;
        connection.done_with(delivery).await?;
        let status = connection.status_of(delivery).await?;
        self.facts.same("the message's status", &Some(ProcessingStatus::Success), &status)?;
        self.narrator.so("It acknowledges the message, which is now a Success for the server.")?;
        Ok(())
    }

    fn nothing<T: PartialEq + std::fmt::Debug>(&mut self, fact: &'static str, found: &[T]) -> Result<()> {
        Ok(self.facts.same(fact, &[][..], found)?)
    }
}

/// `CarePlan/31, version 2020-08-15T07:33:55:708.2583`.
fn shown(url: &ResourceUrl) -> String {
    format!("{}/{}, version {}", url.resource_type(), url.id(), url.version().unwrap_or("(none)"))
}

#[cfg(test)]
mod tests {
    use koppeltaal_sandbox::{Instance, SandboxConfig, StartError};

    use super::*;

    async fn told(server: &str, text: &mut Vec<u8>) -> Result<()> {
        let archive = Rc::new(Archive::new(None, Format::Json)?);
        Story::new(Narrator::new(text), Format::Json, archive).tell(server).await
    }

    #[tokio::test]
    async fn the_story_breaks_off_where_a_fact_does_not_hold() -> std::result::Result<(), StartError> {
        // A game that is told about nothing.
        let sandbox = SandboxConfig::new()
            .portal_and_game()
            .instance(Instance::new("game", "game", DOMAIN))
            .start()
            .await?;
        let mut text = Vec::new();
        let broken = told(sandbox.url(), &mut text).await.expect_err("no message reaches the game");
        assert!(matches!(broken, Broken::NotSo(_)), "{broken:?}");
        assert_eq!(broken.to_string(), "a message for the game: expected something, found nothing");
        assert!(!String::from_utf8_lossy(&text).contains("The end"));
        Ok(())
    }

    #[tokio::test]
    async fn the_story_breaks_off_where_a_server_lets_nobody_in() -> std::result::Result<(), StartError> {
        let sandbox = SandboxConfig::new()
            .portal_and_game()
            .instance(Instance::new("portal", "another", DOMAIN))
            .start()
            .await?;
        let broken = told(sandbox.url(), &mut Vec::new()).await.expect_err("the password is wrong");
        assert!(
            matches!(broken, Broken::Trouble(Trouble::Transport(Error::Authentication { .. }))),
            "{broken:?}"
        );
        Ok(())
    }
}
