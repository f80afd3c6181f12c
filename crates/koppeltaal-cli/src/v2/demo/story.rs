//! [`Story`]: what happens, in order, and what must be true after each step.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use koppeltaal_r4::resources::{SubscriptionStatus, TaskStatus};
use koppeltaal_smart::{Operation, Signer};
use koppeltaal2::profiles::{ActivityDefinition, AuditEvent, Patient, Practitioner, Task};
use koppeltaal2::{Connector, Domain, LaunchContext, Profile, Search, StoredResource, UpdateError};
use koppeltaal2_sandbox::Sandbox;

use super::archive::Archive;
use super::browser::Browser;
use super::epd::Epd;
use super::error::Result;
use super::module::{Module, Web};
use super::portal::{Portal, note};
use crate::facts::Facts;
use crate::narrator::Narrator;

/// The types that an application's token may allow it to create, for the newcomer to see.
const CREATED: [&str; 6] =
    ["Patient", "Practitioner", "Endpoint", "ActivityDefinition", "Task", "Subscription"];

/// Lets the applications act in turn, tells it and checks it.
pub(super) struct Story<W> {
    narrator: Narrator<W>,
    facts: Facts,
    archive: Archive,
}

/// The applications of the story.
struct Cast {
    epd: Epd,
    portal: Portal,
    module: Module,
    /// Who looks at the AuditEvents.
    administration: Connector,
}

impl<W: Write> Story<W> {
    pub(super) fn new(narrator: Narrator<W>, archive: Archive) -> Self {
        Self { narrator, facts: Facts::default(), archive }
    }

    /// Tells the whole story in a domain with the four applications. The module's signing key is the one
    /// whose public half `web` serves.
    ///
    /// # Errors
    ///
    /// The first fact that is not true, or what keeps an application from acting.
    pub(super) async fn tell(mut self, sandbox: &Sandbox, web: Web, key: Arc<dyn Signer>) -> Result<()> {
        self.narrator
            .say("Three applications treat the same patient: a record system (EPD), a portal and a game.")?;
        self.narrator.say(
            "They never speak to each other: each reads and writes resources in the FHIR store of the",
        )?;
        self.narrator.say("domain, with an access token of its own.")?;
        self.narrator.say("")?;

        let mut cast = self.join(sandbox, web, key).await?;
        let (patient, practitioner) = self.people(&cast.epd).await?;
        let activity = self.game(&cast).await?;
        let task = self.assignment(&cast, &activity, &patient, &practitioner).await?;
        self.notification(&mut cast.module, &task).await?;
        let launch = self.launch(sandbox, &mut cast, &task, &patient).await?;
        self.work(&cast.module, &launch, &patient).await?;
        self.conflict(&mut cast, task).await?;
        self.end(&cast.module, &launch).await?;
        self.lost_notification(sandbox, &mut cast, &activity, &patient, &practitioner).await?;
        self.audit(&cast, &launch).await?;

        let count = self.facts.count();
        self.narrator.say("")?;
        self.narrator
            .say(&format!("The end. {count} facts were checked on the way, and all of them held."))?;
        Ok(())
    }

    async fn join(&mut self, sandbox: &Sandbox, web: Web, key: Arc<dyn Signer>) -> Result<Cast> {
        self.narrator.step("Each application asks the domain about itself, and then for an access token.")?;
        let domain = Domain::builder(sandbox.fhir_base()).site("demo.example").discover().await?;
        self.facts.same("the version of FHIR", &Some("4.0.1"), &domain.fhir_version())?;
        self.narrator.result(&format!(
            "The domain is at {}; its profiles have version {}.",
            domain.base(),
            domain.package_version().unwrap_or("(unknown)")
        ))?;
        let connect = |name: &str| {
            let application = sandbox.application(name);
            domain.connect(application.client_id(), application.key())
        };
        let module = domain.connect(sandbox.application("module").client_id(), key);
        let cast = Cast {
            epd: Epd::new(connect("epd")),
            portal: Portal::new(connect("portal")),
            module: Module::new(module, web)?,
            administration: connect("administration"),
        };
        for (name, connector) in [
            ("EPD", cast.epd.connector()),
            ("portal", cast.portal.connector()),
            ("game", cast.module.connector()),
        ] {
            let scopes = connector.scopes().await?;
            let creates: Vec<_> =
                CREATED.into_iter().filter(|name| scopes.allows(name, Operation::Create)).collect();
            self.narrator
                .result(&format!("The {name} signs for its token; it may create: {}.", creates.join(", ")))?;
        }
        Ok(cast)
    }

    async fn people(&mut self, epd: &Epd) -> Result<(StoredResource<Patient>, StoredResource<Practitioner>)> {
        self.narrator.step("The EPD registers a patient, Lieke, and a practitioner, Teun Haverkruid.")?;
        let patient = epd.register_patient().await?;
        let practitioner = epd.register_practitioner().await?;
        self.created(&patient, epd.connector())?;
        self.created(&practitioner, epd.connector())?;
        Ok((patient, practitioner))
    }

    async fn game(&mut self, cast: &Cast) -> Result<StoredResource<ActivityDefinition>> {
        self.narrator.step(
            "The game says where users are launched to (Endpoint), and offers itself (ActivityDefinition).",
        )?;
        let endpoint = cast.module.publish_endpoint().await?;
        self.created(&endpoint, cast.module.connector())?;
        let game = cast.module.publish_game(&endpoint).await?;
        self.created(&game, cast.module.connector())?;
        self.narrator.step("It asks to be told of Tasks for it (Subscription).")?;
        let subscription = cast.module.subscribe().await?;
        self.facts.same(
            "the state of the subscription",
            &Some(&SubscriptionStatus::Active),
            &subscription.status.get(),
        )?;
        self.created(&subscription, cast.module.connector())?;
        Ok(game)
    }

    async fn assignment(
        &mut self,
        cast: &Cast,
        game: &StoredResource<ActivityDefinition>,
        patient: &StoredResource<Patient>,
        practitioner: &StoredResource<Practitioner>,
    ) -> Result<StoredResource<Task>> {
        self.narrator
            .step("The portal looks at what is offered, and gives Lieke that game to play (Task).")?;
        let offered = cast.portal.activities().await?;
        let found: Vec<_> = offered.iter().map(StoredResource::reference).collect();
        self.facts.same("what is offered", &vec![game.reference()], &found)?;
        let task = cast.portal.assign(game, patient, practitioner, "1").await?;
        self.created(&task, cast.portal.connector())?;
        Ok(task)
    }

    async fn notification(&mut self, module: &mut Module, task: &StoredResource<Task>) -> Result<()> {
        self.narrator.step(
            "The server tells the game to look. The notification says nothing else, so the game searches.",
        )?;
        module.told(1).await?;
        let found = module.next_task().await?;
        self.facts.same(
            "the Task that the game finds",
            &task.versioned_reference(),
            &found.versioned_reference(),
        )?;
        Ok(self.narrator.result(&format!(
            "It finds {}, which is {}.",
            short(&found.reference()),
            status_of(&found)
        ))?)
    }

    async fn launch(
        &mut self,
        sandbox: &Sandbox,
        cast: &mut Cast,
        task: &StoredResource<Task>,
        patient: &StoredResource<Patient>,
    ) -> Result<LaunchContext> {
        self.narrator.step(
            "Lieke begins. The portal answers her browser with a signed launch, in a page that sends itself.",
        )?;
        let sent = cast.portal.launch(task, patient).await?;
        let module = cast.module.connector().device();
        self.facts.same("the module that is launched", &module, &sent.module.as_str())?;
        self.narrator.result(&format!(
            "The launch is for {}; its trace id is {}.",
            sent.address,
            short(&sent.trace_id)
        ))?;

        self.narrator
            .step("The game sends the browser to the domain to log in. There Lieke chooses who she is.")?;
        let browser = Browser::new()?;
        let login = browser.send_itself(&sent.page).await?;
        let back = sandbox.log_in(&login, &patient.reference()).await?;
        browser.open(&back).await?;
        let launch = cast.module.launched().await?;
        self.facts.same("who was launched", &patient.reference(), &launch.user)?;
        self.facts.same("the Task that she was launched for", &task.reference(), &launch.task)?;
        self.facts.same(
            "the trace of the launch",
            &Some(sent.trace_id.as_str()),
            &launch.trace.trace_id(),
        )?;
        self.narrator.result(&format!(
            "The game exchanges the code: {} works on {}.",
            short(&launch.user),
            short(&launch.task)
        ))?;
        Ok(launch)
    }

    async fn work(
        &mut self,
        module: &Module,
        launch: &LaunchContext,
        patient: &StoredResource<Patient>,
    ) -> Result<()> {
        self.narrator.step("The game reads the patient with its own token, and says that she has begun.")?;
        let read = module.patient(launch).await?;
        self.facts.same("the patient", &patient.versioned_reference(), &read.versioned_reference())?;
        let task = module.report(launch, TaskStatus::InProgress).await?;
        self.changed(&task, &TaskStatus::InProgress, "2")
    }

    async fn conflict(&mut self, cast: &mut Cast, old: StoredResource<Task>) -> Result<()> {
        self.narrator.step("The portal, which still has the first version, writes a note into the Task.")?;
        let first = old.version.clone();
        let current = match cast.portal.describe(old).await {
            Err(UpdateError::Conflict { current }) => Some(current),
            Err(error) => return Err(error.into()),
            Ok(_) => None,
        };
        let current = self.facts.some("a refusal of the old version", current)?;
        self.facts.differ("the version", &first, &current.version)?;
        self.narrator
            .result(&format!("The server refuses: the Task has version {} by now.", current.version))?;
        self.narrator.step("It puts the same note into the current version, and writes that.")?;
        let merged = cast.portal.describe(*current).await?;
        self.changed(&merged, &TaskStatus::InProgress, "3")?;
        let noted = cast.module.next_task().await?;
        self.facts.same(
            "what the game finds",
            &merged.versioned_reference(),
            &noted.versioned_reference(),
        )?;
        self.facts.same("the note", &note_text(), &description_of(&noted))?;
        Ok(self.narrator.result("The game finds that change too. What it wrote itself it is not shown.")?)
    }

    async fn end(&mut self, module: &Module, launch: &LaunchContext) -> Result<()> {
        self.narrator.step("Lieke is done. The game says so, in the newest version.")?;
        let task = module.report(launch, TaskStatus::Completed).await?;
        self.facts.same("the note", &note_text(), &description_of(&task))?;
        self.changed(&task, &TaskStatus::Completed, "4")
    }

    async fn lost_notification(
        &mut self,
        sandbox: &Sandbox,
        cast: &mut Cast,
        game: &StoredResource<ActivityDefinition>,
        patient: &StoredResource<Patient>,
        practitioner: &StoredResource<Practitioner>,
    ) -> Result<()> {
        self.narrator
            .step("The portal gives Lieke another turn, and the notification gets lost on its way.")?;
        // One for each of the four versions of the first Task.
        cast.module.told(4).await?;
        sandbox.lose_notifications(1);
        let task = cast.portal.assign(game, patient, practitioner, "2").await?;
        self.created(&task, cast.portal.connector())?;
        let found = cast.module.next_task().await?;
        self.facts.same("how many times the server told the game", &4, &cast.module.times_told())?;
        self.facts.same(
            "the Task that it finds",
            &task.versioned_reference(),
            &found.versioned_reference(),
        )?;
        Ok(self
            .narrator
            .result("The game finds it all the same, since it also searches from time to time.")?)
    }

    async fn audit(&mut self, cast: &Cast, launch: &LaunchContext) -> Result<()> {
        self.narrator.step("The administration looks for what happened in that launch, by its trace id.")?;
        for connector in [cast.portal.connector(), cast.module.connector()] {
            connector.flush_events().await;
            self.facts.same("AuditEvents that were lost", &0, &connector.lost_events())?;
        }
        let trace_id = self.facts.some("the trace id", launch.trace.trace_id())?;
        let search = Search::<AuditEvent>::new().trace_id(trace_id).sort("date");
        let events = cast.administration.search(search).collect().await?;
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        for event in &events {
            self.archive.save(event)?;
            *found.entry(audit_line(cast, event)).or_default() += 1;
        }
        for (line, count) in &found {
            self.narrator.result(&format!("{count} {line}"))?;
        }
        for expected in CHAIN {
            self.facts.some(expected, found.get(expected))?;
        }
        Ok(())
    }

    /// Checks that a resource is in its first version, and that the server knows who created it.
    fn created<P: Profile>(&mut self, resource: &StoredResource<P>, by: &Connector) -> Result<()> {
        self.facts.same("the version", &"1", &resource.version.as_str())?;
        let origin = resource.resource_origin();
        self.facts.same(
            "who created it",
            &Some(by.device()),
            &origin.and_then(|origin| origin.reference.as_str()),
        )?;
        self.archive.save(resource)?;
        Ok(self.narrator.result(&format!("The server stores {}.", short(&resource.reference())))?)
    }

    fn changed(&mut self, task: &StoredResource<Task>, status: &TaskStatus, version: &str) -> Result<()> {
        self.facts.same("the version of the Task", &version, &task.version.as_str())?;
        self.facts.same("its status", &Some(status), &task.status.get())?;
        self.archive.save(task)?;
        Ok(self.narrator.result(&format!(
            "{} is {}, version {version}.",
            short(&task.reference()),
            status_of(task)
        ))?)
    }
}

/// A reference that fits into a line: with the first eight characters of the id.
fn short(reference: &str) -> String {
    match reference.split_once('-') {
        Some((start, _)) => format!("{start}..."),
        None => reference.to_owned(),
    }
}

/// The word for how far a Task is.
fn status_of(task: &Task) -> &str {
    task.status.as_str().unwrap_or("(no status)")
}

/// The portal's note.
fn note_text() -> Option<String> {
    let mut task = Task::default();
    note(&mut task);
    description_of(&task)
}

/// The note in a Task.
fn description_of(task: &Task) -> Option<String> {
    task.description.as_str().map(str::to_owned)
}

/// An AuditEvent in a few words: who did what, with which type of resource.
fn audit_line(cast: &Cast, event: &AuditEvent) -> String {
    let applications = [
        ("EPD", cast.epd.connector()),
        ("portal", cast.portal.connector()),
        ("game", cast.module.connector()),
    ];
    let device =
        event.agent.first().and_then(|agent| agent.who.as_ref()).and_then(|who| who.reference.as_str());
    let who = applications.iter().find(|(_, connector)| Some(connector.device()) == device);
    let what = event.subtype.first().or(event.r#type.as_ref()).and_then(|coding| coding.display.as_str());
    let entity =
        event.entity.first().and_then(|entity| entity.what.as_ref()).and_then(|what| what.reference.as_str());
    let about = entity.and_then(|reference| reference.split('/').next());
    format!(
        "{}: {} ({})",
        who.map_or("the domain", |(name, _)| *name),
        what.unwrap_or("(?)"),
        about.unwrap_or("(?)")
    )
}

/// What the administration must find of the launch: both applications say that it happened, the domain says
/// who logged in, what was read and written, and whom it notified.
const CHAIN: [&str; 8] = [
    "portal: Application Start (Task)",
    "game: Login (Patient)",
    "game: Authentication Delegated to IdP (Patient)",
    "game: IdP Authentication Decision (Patient)",
    "game: Application Start (Task)",
    "game: read (Patient)",
    "game: update (Task)",
    "game: Transmit Record Lifecycle Event (Task)",
];
