//! A sandbox with a portal and a game, and what they send each other.

use koppeltaal_fhir::{Bundle, ReadOptions};
use koppeltaal_messaging::{Event, Header, ProcessingStatus, ResourceUrl};
use koppeltaal_sandbox::{Application, Instance, Sandbox, SandboxConfig};
use koppeltaal_transport::{Client, Credentials, Format, RetryPolicy, StoredMessage};

pub(crate) const DOMAIN: &str = "Zonnedauw";

/// Where the game's users come back to after Authorize.
pub(crate) const LOGIN: &str = "https://game.example/login";

/// A running server, and clients of its two application instances.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    /// Receives messages about statuses and activity definitions.
    pub(crate) portal: Client,
    /// Receives all other messages.
    pub(crate) game: Client,
    pub(crate) format: Format,
}

impl World {
    pub(crate) async fn start(format: Format) -> Self {
        let for_portal = [Event::UpdateCarePlanActivityStatus, Event::CreateOrUpdateActivityDefinition];
        let for_game = Event::ALL.into_iter().filter(|event| !for_portal.contains(event));
        let sandbox = SandboxConfig::new()
            .instance(Instance::new("portal", "wacht:wöord", DOMAIN).subscribe(for_portal))
            .instance(Instance::new("game", "g", DOMAIN).subscribe(for_game))
            .application(
                Application::new("game")
                    .launch_url("https://game.example/start")
                    .redirect_uri(LOGIN)
                    .secret("hush")
                    .refresh_tokens(true),
            )
            .start()
            .await
            .expect("a sandbox");
        let client = |username, password| {
            let credentials = Credentials::basic(username, password).expect("credentials");
            Client::builder(sandbox.url())
                .credentials(credentials)
                .format(format)
                .retry(RetryPolicy::never())
                .build()
                .expect("a client")
        };
        let portal = client("portal", "wacht:wöord");
        let game = portal.with_credentials(Credentials::basic("game", "g").expect("credentials"));
        Self { sandbox, portal, game, format }
    }

    /// Both worlds, one per format.
    pub(crate) async fn both() -> [Self; 2] {
        [Self::start(Format::Json).await, Self::start(Format::Xml).await]
    }

    /// Posts this many care plans, and returns the identifiers of their messages.
    pub(crate) async fn post_plans(&self, count: u32) -> Vec<String> {
        let mut identifiers = Vec::new();
        for number in 0..count {
            let identifier = format!("message-{number}");
            self.portal.send(&plan(&identifier, &format!("9{number}"))).await.expect("accepted");
            identifiers.push(identifier);
        }
        identifiers
    }

    /// What has become of a message in the game's queue.
    pub(crate) async fn status(&self, header: &Header) -> Option<ProcessingStatus> {
        let url = header.url().expect("an address").as_str();
        let message = self.game.message(url).await.expect("an answer").expect("a message");
        message.header.processing()?.status()
    }

    pub(crate) async fn claim(&self) -> StoredMessage {
        self.game.claim().await.expect("an answer").expect("a message")
    }
}

/// A new care plan with its patient, without versions.
pub(crate) fn plan(identifier: &str, id: &str) -> Bundle {
    let path =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/messages/CreateOrUpdateCarePlan-minimal.json");
    let text = std::fs::read(path).expect("the fixture");
    let read = ReadOptions::tolerant().json(&text).expect("a document");
    let mut bundle = read.document.into_bundle().expect("a bundle");
    rename(&mut bundle, identifier, &format!("https://portal.example/fhir/CarePlan/{id}"));
    bundle
}

/// Gives the message an identifier, and the care plan in it an address.
pub(crate) fn rename(bundle: &mut Bundle, identifier: &str, url: &str) {
    let header: &mut koppeltaal_fhir::resources::MessageHeader =
        bundle.entry[0].content.as_mut().and_then(|content| content.get_mut()).expect("a header first");
    header.identifier = identifier.into();
    header.data[0].reference = url.into();
    let versionless = url.parse::<ResourceUrl>().expect("an address").versionless().to_owned();
    url.clone_into(&mut bundle.entry[1].link[0].href);
    bundle.entry[1].id = Some(versionless);
}
