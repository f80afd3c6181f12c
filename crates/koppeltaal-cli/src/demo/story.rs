//! [`Story`]: what happens, in order, and what must be true after each step.

use std::io::Write;

use koppeltaal::{Connector, Delivery, PreparedMessage, SendError, SentMessage};
use koppeltaal_messaging::profiles::{ActivityDefinition, CarePlan, CarePlanActivityStatus};
use koppeltaal_messaging::valuesets;
use koppeltaal_messaging::{CodeSystem, Event, ProcessingStatus, Profile, ResourceUrl};
use koppeltaal_transport::{Client, Credentials, Format};

use super::archive::Archive;
use super::error::{DemoError, Result};
use super::game::Game;
use super::portal::{ACTIVITY, Portal};
use crate::facts::Facts;
use crate::narrator::Narrator;

/// The domain of the sandbox's own configuration, and the game's activity definition in it.
const DOMAIN: &str = "Sandbox";
const DEFINITION: &str = "SANDBOX-GAME";

/// Lets the applications act in turn, tells it and checks it.
pub(super) struct Story<W> {
    narrator: Narrator<W>,
    facts: Facts,
    format: Format,
    archive: Archive,
}

impl<W: Write> Story<W> {
    pub(super) fn new(narrator: Narrator<W>, format: Format, archive: Archive) -> Self {
        Self { narrator, facts: Facts::default(), format, archive }
    }

    /// Tells the whole story, with the server at this address.
    ///
    /// # Errors
    ///
    /// The first fact that is not true, or what keeps an application from acting.
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
        let mut portal = Portal::new(self.client(server, "portal")?, DOMAIN);
        let mut game = Game::new(self.client(server, "game")?, DOMAIN, DEFINITION);

        let definition = self.definition(&portal).await?;
        let published = self.publication(&mut portal, &definition).await?;
        let mut second_session = portal.clone();
        self.plan_arrives(&mut game, &portal, &published, &valuesets::ActivityStatus::Available).await?;

        let begun = self.report(&game, valuesets::ActivityStatus::InProgress, 40).await?;
        self.report_arrives(&portal, &begun, valuesets::ActivityStatus::InProgress, 40).await?;
        let finished = self.report(&game, valuesets::ActivityStatus::Completed, 100).await?;
        self.new_version("the report's second version", &begun, &finished)?;
        self.report_arrives(&portal, &finished, valuesets::ActivityStatus::Completed, 100).await?;

        let updated = self.update(&mut portal, &published).await?;
        self.plan_arrives(&mut game, &portal, &updated, &valuesets::ActivityStatus::Completed).await?;
        self.conflict(&mut second_session, &published).await?;
        self.silence(&portal, &game).await?;

        let count = self.facts.count();
        self.narrator.say("")?;
        self.narrator
            .say(&format!("The end. {count} facts were checked on the way, and all of them held."))?;
        Ok(())
    }

    /// The sandbox's own users have their names for passwords.
    fn client(&self, server: &str, user: &str) -> Result<Client> {
        let client = Client::builder(server).credentials(Credentials::basic(user, user)?);
        Ok(client.format(self.format).build()?)
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
        self.narrator.result(&format!("The server has a game: {name:?}, identifier {DEFINITION}."))?;
        Ok(definition)
    }

    async fn publication(
        &mut self,
        portal: &mut Portal,
        definition: &ActivityDefinition,
    ) -> Result<SentMessage> {
        self.narrator.step(
            "The portal publishes a care plan (CreateOrUpdateCarePlan): Teun Haverkruid gives Lieke that game to play.",
        )?;
        let message = portal.publish(definition)?;
        let sent = self.send(portal.connector(), message).await?;
        self.facts.same("resources with a version", &4, &sent.versions.len())?;
        let known = known_version(portal.connector(), &portal.plan_url()?).await?;
        self.facts.same("the plan's version that the portal keeps", &known.as_ref(), &Some(&sent.url))?;
        self.narrator.result(&format!(
            "The server says ok, and gives a first version to each of its 4 resources: {}",
            version_text(&sent.url)
        ))?;
        Ok(sent)
    }

    /// The game gets the plan that was sent, with the activity in this status.
    async fn plan_arrives(
        &mut self,
        game: &mut Game,
        portal: &Portal,
        sent: &SentMessage,
        status: &valuesets::ActivityStatus,
    ) -> Result<()> {
        self.narrator.step("The game claims the message that waits for it (CreateOrUpdateCarePlan).")?;
        let delivery = game.receive_plan().await?;
        let delivery = self.facts.some("a message for the game", delivery)?;
        self.delivered(&delivery, Event::CreateOrUpdateCarePlan, sent)?;
        self.facts.same("the patient", &Some(portal.patient_url()?), &delivery.patient())?;
        let message = delivery.message()?;
        self.facts.same("resources beside the plan", &3, &message.related.len())?;
        self.facts.some("the patient's resource", message.patient())?;

        let plan = self.facts.some("a care plan in the message", delivery.get::<CarePlan>())?;
        self.nothing("what the care plan lacks", &plan.validate())?;
        self.facts.same("activities in the plan", &1, &plan.activity.len())?;
        let activity = &plan.activity[0];
        self.facts.same("the activity", &Some(ACTIVITY), &activity.identifier.as_deref())?;
        self.facts.same("the activity's definition", &Some(DEFINITION), &activity.definition.as_deref())?;
        self.facts.same("the activity's status", &Some(status), &activity.status.as_ref())?;
        self.narrator.result(&format!("In the plan activity {ACTIVITY} is {}.", status.code()))?;
        self.acknowledge(game.connector(), delivery).await
    }

    async fn report(
        &mut self,
        game: &Game,
        status: valuesets::ActivityStatus,
        percentage: i32,
    ) -> Result<SentMessage> {
        let code = status.code().to_owned();
        self.narrator.step(&format!(
            "Lieke plays, and the game reports {code}, {percentage} % (UpdateCarePlanActivityStatus)."
        ))?;
        let message = self.facts.some("an activity to report about", game.report(status, percentage)?)?;
        let sent = self.send(game.connector(), message).await?;
        self.facts.same("resources with a version", &1, &sent.versions.len())?;
        let known = known_version(game.connector(), &game.report_url()?).await?;
        self.facts.same("the report's version that the game keeps", &known.as_ref(), &Some(&sent.url))?;
        self.narrator.result(&format!("The server says ok: {}", version_text(&sent.url)))?;
        Ok(sent)
    }

    /// The portal gets the report that was sent.
    async fn report_arrives(
        &mut self,
        portal: &Portal,
        sent: &SentMessage,
        status: valuesets::ActivityStatus,
        percentage: i32,
    ) -> Result<()> {
        self.narrator
            .step("The portal claims the message that waits for it (UpdateCarePlanActivityStatus).")?;
        let delivery = portal.receive_report().await?;
        let delivery = self.facts.some("a message for the portal", delivery)?;
        self.delivered(&delivery, Event::UpdateCarePlanActivityStatus, sent)?;
        self.facts.same("the patient", &Some(portal.patient_url()?), &delivery.patient())?;

        let report = delivery.get::<CarePlanActivityStatus>();
        let report = self.facts.some("a report in the message", report)?;
        self.nothing("what the report lacks", &report.validate())?;
        self.facts.same("the activity", &Some(ACTIVITY), &report.activity.as_deref())?;
        self.facts.same("the activity's status", &Some(&status), &report.activity_status.as_ref())?;
        self.facts.same("the percentage", &Some(percentage), &report.percentage_completed)?;
        self.narrator.result(&format!("Activity {ACTIVITY} is {}, {percentage} %.", status.code()))?;
        self.acknowledge(portal.connector(), delivery).await
    }

    async fn update(&mut self, portal: &mut Portal, published: &SentMessage) -> Result<SentMessage> {
        self.narrator.step("The portal marks the activity as Completed, and publishes the plan again (CreateOrUpdateCarePlan).")?;
        let status = valuesets::ActivityStatus::Completed;
        let message = portal.set_activity_status(&status, &published.url)?;
        let sent = self.send(portal.connector(), message).await?;
        self.new_version("the plan's second version", published, &sent)?;
        // Patient, practitioner and care team did not change, so they keep their versions.
        self.facts.same("resources with a new version", &1, &sent.versions.len())?;
        self.narrator.result(&format!(
            "It came with the version that the server has, so the server says ok: {}",
            version_text(&sent.url)
        ))?;
        Ok(sent)
    }

    async fn conflict(&mut self, portal: &mut Portal, published: &SentMessage) -> Result<()> {
        self.narrator.step(
            "Another session of the portal, which still has the first version, cancels the activity.",
        )?;
        let stale = &published.url;
        let message = portal.set_activity_status(&valuesets::ActivityStatus::Cancelled, stale)?;
        let resources = match self.post(portal.connector(), message).await {
            Err(DemoError::Send(SendError::Conflict { resources, .. })) => Some(resources),
            Err(other) => return Err(other),
            Ok(_) => None,
        };
        let resources = self.facts.some("a refusal of the old version", resources)?;
        self.facts.same("the resources in conflict", &[stale.without_version()][..], &resources)?;
        let name = format!("{}/{}", stale.resource_type(), stale.id());
        let refusal = format!("The server refuses (409, conflict): {name} is of another version there.");
        Ok(self.narrator.result(&refusal)?)
    }

    async fn silence(&mut self, portal: &Portal, game: &Game) -> Result<()> {
        self.narrator.step("Both look once more whether a message waits.")?;
        for (fact, connector) in [
            ("more messages for the portal", portal.connector()),
            ("more messages for the game", game.connector()),
        ] {
            self.no_delivery(fact, connector).await?;
        }
        Ok(self.narrator.result("None does.")?)
    }

    /// Saves a message in the archive and sends it.
    async fn post(&mut self, connector: &Connector, message: PreparedMessage) -> Result<SentMessage> {
        self.archive.save(connector, &message).await?;
        Ok(connector.send_prepared(message).await?)
    }

    /// Sends a message. Checks that it is valid, and that its focal resource gets a version.
    async fn send(&mut self, connector: &Connector, message: PreparedMessage) -> Result<SentMessage> {
        self.nothing("what is wrong with the message", message.findings())?;
        let identifier = message.identifier().to_owned();
        let sent = self.post(connector, message).await?;
        self.facts.same("the identifier of the message", &identifier, &sent.identifier)?;
        self.facts.some("the version of what the message is about", sent.url.version())?;
        Ok(sent)
    }

    /// Checks that both messages are about the same resource, in different versions.
    fn new_version(&mut self, fact: &'static str, before: &SentMessage, after: &SentMessage) -> Result<()> {
        self.facts.same("the resource", before.url.versionless(), after.url.versionless())?;
        Ok(self.facts.differ(fact, &before.url, &after.url)?)
    }

    /// Checks that the delivered message is the one that was sent, that it is claimed, and that nothing in it
    /// is odd.
    fn delivered(&mut self, delivery: &Delivery, event: Event, sent: &SentMessage) -> Result<()> {
        // In JSON, servers write the feed's `totalResults` as text. Only the resources have to be in order.
        let findings = delivery.findings().iter();
        let odd: Vec<_> = findings.filter(|finding| finding.path.starts_with("entry")).collect();
        self.nothing("what is odd about the resources", &odd)?;
        let (message, header) = (delivery.message()?, delivery.header());
        self.facts.same("the event", &event, &message.event())?;
        self.facts.same("the domain", &Some(DOMAIN), &message.domain.as_deref())?;
        let identifier = Some(sent.identifier.as_str());
        self.facts.same("the identifier of the message", &identifier, &delivery.identifier())?;
        self.facts.same("what the message is about", &Some(&sent.url), &delivery.url())?;
        let focal = header.focal();
        self.facts.same("what the header says that it is about", &Some(&sent.url), &focal.as_ref())?;
        let status = header.processing().and_then(|processing| processing.status());
        self.facts.same("the message's status", &Some(ProcessingStatus::Claimed), &status)?;
        Ok(())
    }

    /// Acknowledges a message. Checks that the server then has it as processed and does not deliver it again.
    async fn acknowledge(&mut self, connector: &Connector, delivery: Delivery) -> Result<()> {
        self.no_delivery("a second delivery of a claimed message", connector).await?;
        let received = delivery.received().clone();
        delivery.success().await?;
        let stored = match received.header().url() {
            Some(url) => connector.client().message(url.as_str()).await?,
            None => None,
        };
        let status = stored.and_then(|stored| stored.header.processing()?.status());
        self.facts.same("the message's status", &Some(ProcessingStatus::Success), &status)?;
        Ok(self.narrator.result("It acknowledges the message, which is now a Success for the server.")?)
    }

    async fn no_delivery(&mut self, fact: &'static str, connector: &Connector) -> Result<()> {
        let event = connector.receive().await?.map(|delivery| delivery.event());
        Ok(self.facts.same(fact, &None, &event)?)
    }

    fn nothing<T: PartialEq + std::fmt::Debug>(&mut self, fact: &'static str, found: &[T]) -> Result<()> {
        Ok(self.facts.same(fact, &[][..], found)?)
    }
}

/// A resource in the newest version that an application knows.
async fn known_version(connector: &Connector, url: &ResourceUrl) -> Result<Option<ResourceUrl>> {
    let domain = connector.sender().domain();
    let known = connector.versions().versions(domain, std::slice::from_ref(url)).await?;
    Ok(known.into_iter().flatten().next())
}

/// `CarePlan/31, version 2020-08-15T07:33:55:708.2583`.
fn version_text(url: &ResourceUrl) -> String {
    format!("{}/{}, version {}", url.resource_type(), url.id(), url.version().unwrap_or("(none)"))
}

#[cfg(test)]
mod tests {
    use koppeltaal_sandbox::{Instance, SandboxConfig, StartError};
    use koppeltaal_transport::Error;

    use super::*;

    async fn tell(server: &str, text: &mut Vec<u8>) -> Result<()> {
        let archive = Archive::new(None, Format::Json).expect("it makes nothing");
        Story::new(Narrator::new(text), Format::Json, archive).tell(server).await
    }

    #[tokio::test]
    async fn the_story_ends_at_a_fact_that_is_not_true() -> std::result::Result<(), StartError> {
        // A game that subscribes to nothing.
        let sandbox = SandboxConfig::new()
            .portal_and_game()
            .instance(Instance::new("game", "game", DOMAIN))
            .start()
            .await?;
        let mut text = Vec::new();
        let error = tell(sandbox.url(), &mut text).await.expect_err("no message reaches the game");
        assert!(matches!(error, DemoError::Fact(_)), "{error:?}");
        assert_eq!(error.to_string(), "a message for the game: expected something, found nothing");
        assert!(!String::from_utf8_lossy(&text).contains("The end"));
        Ok(())
    }

    #[tokio::test]
    async fn the_story_ends_when_the_server_lets_nobody_in() -> std::result::Result<(), StartError> {
        let sandbox = SandboxConfig::new()
            .portal_and_game()
            .instance(Instance::new("portal", "another", DOMAIN))
            .start()
            .await?;
        let error = tell(sandbox.url(), &mut Vec::new()).await.expect_err("the password is wrong");
        assert!(matches!(error, DemoError::Server(Error::Authentication { .. })), "{error:?}");
        Ok(())
    }
}
