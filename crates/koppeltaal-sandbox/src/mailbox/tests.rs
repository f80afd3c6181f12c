//! The rules of the mailbox, one test each, without HTTP and without waiting: the tests say what time it is.

mod definitions;
mod posts;
mod queues;
mod room;
mod search;
mod versions;

use std::time::Duration;

use koppeltaal_fhir::datatypes::{Extension, ExtensionValue, HumanName, ResourceReference};
use koppeltaal_fhir::resources::{CarePlan, MessageHeader, Other, Patient};
use koppeltaal_fhir::{Bundle, Category, Entry, Format, Link, Resource};
use koppeltaal_messaging::{ApiVersion, Event, ProcessingStatus as Status, ResourceKind, vocabulary};
use uuid::Uuid;

use super::*;
use crate::clock::Version;
use crate::representation::Source;

const DOMAIN: &str = "Zonnedauw";
const PATIENT: &str = "https://epd.example/Patient/1";
const PLAN: &str = "https://portal.example/CarePlan/9";
/// Every message counts as this many bytes of content.
const SOURCE: Source = Source { format: Format::Json, bytes: 1000 };
const TIMEOUT: Duration = Duration::from_secs(300);

/// A mailbox and the time of day.
struct World {
    mailbox: Mailbox,
    now: Timestamp,
}

impl World {
    /// A portal, a game subscribed to care plans and patients, a ROM application of api-version 1.3.3
    /// subscribed to care plans, and a stranger in another domain, subscribed to everything.
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut SandboxConfig)) -> Self {
        let mut config = SandboxConfig::new()
            .instance(
                Instance::new("portal", "p", DOMAIN)
                    .subscribe([Event::CreateOrUpdatePractitioner, Event::CreateOrUpdateActivityDefinition]),
            )
            .instance(
                Instance::new("game", "g", DOMAIN)
                    .subscribe([Event::CreateOrUpdateCarePlan, Event::CreateOrUpdatePatient]),
            )
            .instance(
                Instance::new("rom", "r", DOMAIN)
                    .subscribe([Event::CreateOrUpdateCarePlan])
                    .api_version(ApiVersion::V1_3_3),
            )
            .instance(Instance::new("stranger", "s", "Elsewhere").subscribe(Event::ALL));
        config.claim_timeout = TIMEOUT;
        change(&mut config);
        let now = Timestamp::from_unix(Duration::from_secs(1_600_000_000));
        let mut mailbox = Mailbox::new(&config);
        for (place, definition) in config.activity_definitions.iter().enumerate() {
            mailbox.seed(place, definition, now);
        }
        Self { mailbox, now }
    }

    fn id(&self, username: &str) -> InstanceId {
        let found = self.mailbox.instances().find(|(_, instance)| instance.username == username);
        found.expect("an instance of the world").0.clone()
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }

    fn post(&mut self, sender: &str, draft: Draft) -> Result<Arc<Receipt>, Refusal> {
        let sender = self.id(sender);
        let posting = Posting::read(draft.bundle(), SOURCE)?;
        self.mailbox.post(&sender, posting, Uuid::new_v4(), self.now)
    }

    fn claim(&mut self, receiver: &str) -> Option<Delivery> {
        self.claim_of(receiver, &Filter::default())
    }

    fn claim_of(&mut self, receiver: &str, filter: &Filter) -> Option<Delivery> {
        let receiver = self.id(receiver);
        self.mailbox.claim(&receiver, filter, false, self.now)
    }

    fn acknowledge(&mut self, receiver: &str, number: u64, status: Status) -> Result<Delivery, Refusal> {
        self.report(receiver, number, &Acknowledgement { status, exception: None, header_version: None })
    }

    fn report(&mut self, receiver: &str, number: u64, report: &Acknowledgement) -> Result<Delivery, Refusal> {
        let receiver = self.id(receiver);
        self.mailbox.acknowledge(&receiver, number, report, None, self.now)
    }

    /// Number and status of the messages in a queue.
    fn queue(&mut self, receiver: &str) -> Vec<(u64, Status)> {
        let receiver = self.id(receiver);
        let (total, page) = self.mailbox.list(&receiver, &Filter::default(), 0, 1000, self.now);
        assert_eq!(total, page.len());
        page.iter().map(|delivery| (delivery.number, delivery.status)).collect()
    }

    fn statuses(&mut self, receiver: &str) -> Vec<Status> {
        self.queue(receiver).into_iter().map(|(_, status)| status).collect()
    }
}

/// A message to post. Its first resource is the focal one.
#[derive(Clone)]
struct Draft {
    identifier: String,
    event: Event,
    domain: Option<String>,
    patient: Option<String>,
    resources: Vec<(String, Option<String>, Resource)>,
}

impl Draft {
    fn new(identifier: &str, event: Event, url: &str, focal: impl Into<Resource>) -> Self {
        Self {
            identifier: identifier.to_owned(),
            event,
            domain: Some(DOMAIN.to_owned()),
            patient: event.has_patient().then(|| PATIENT.to_owned()),
            resources: vec![(url.to_owned(), None, focal.into())],
        }
    }

    /// A care plan and its patient, both without versions.
    fn plan(identifier: &str) -> Self {
        let mut draft = Self::new(identifier, Event::CreateOrUpdateCarePlan, PLAN, CarePlan::default());
        draft.resources.push((PATIENT.to_owned(), None, patient("Lieke").into()));
        draft
    }

    /// A patient as focal resource.
    fn patient(identifier: &str) -> Self {
        Self::new(identifier, Event::CreateOrUpdatePatient, PATIENT, patient("Lieke"))
    }

    /// A care plan of its own, with nothing else.
    fn lone_plan(identifier: &str, id: u64) -> Self {
        let url = format!("https://portal.example/CarePlan/{id}");
        Self::new(identifier, Event::CreateOrUpdateCarePlan, &url, CarePlan::default())
    }

    fn version(mut self, place: usize, version: &str) -> Self {
        self.resources[place].1 = Some(version.to_owned());
        self
    }

    fn resource(mut self, place: usize, resource: impl Into<Resource>) -> Self {
        self.resources[place].2 = resource.into();
        self
    }

    fn bundle(self) -> Bundle {
        let versioned = |url: &str, version: &Option<String>| match version {
            Some(version) => format!("{url}/_history/{version}"),
            None => url.to_owned(),
        };
        let patient = self.patient.as_ref().map(|url| Extension {
            url: vocabulary::extension::message_header::PATIENT.into(),
            value: Some(ExtensionValue::Resource(Box::new(reference(url)))),
            ..Extension::default()
        });
        let focal = self.resources.first().map(|(url, version, _)| reference(&versioned(url, version)));
        let header = MessageHeader {
            identifier: self.identifier.as_str().into(),
            event: Some(self.event.coding()),
            extension: patient.into_iter().collect(),
            data: focal.into_iter().collect(),
            ..MessageHeader::default()
        };
        let header =
            Entry { id: Some("urn:uuid:header".into()), content: Some(header.into()), ..Entry::default() };
        let resources = self.resources.iter().map(|(url, version, resource)| Entry {
            id: Some(url.clone()),
            link: vec![Link::new("self", versioned(url, version))],
            content: Some(resource.clone()),
            ..Entry::default()
        });
        let tag = self.domain.map(|domain| {
            Category::new(
                vocabulary::SECURITY_TAG_SCHEME,
                format!("{}{domain}", vocabulary::DOMAIN_TAG_PREFIX),
            )
        });
        Bundle {
            category: tag.into_iter().collect(),
            entry: std::iter::once(header).chain(resources).collect(),
            ..Bundle::default()
        }
    }
}

fn patient(name: &str) -> Patient {
    Patient {
        name: vec![HumanName { given: vec![name.into()], ..HumanName::default() }],
        ..Patient::default()
    }
}

fn reference(url: &str) -> ResourceReference {
    ResourceReference { reference: url.into(), ..ResourceReference::default() }
}

fn other(kind: ResourceKind) -> Other {
    Other { code: kind.usage_concept(), ..Other::default() }
}

/// The versions that a receipt names: URL and version.
fn named(receipt: &Receipt) -> Vec<(String, String)> {
    let text = |(address, version): &(Address, Option<Version>)| match address {
        Address::Given(url) => (url.clone(), version.as_ref().map(Version::to_string).unwrap_or_default()),
        Address::Definition(number) => (number.to_string(), String::new()),
    };
    receipt.data.iter().map(text).collect()
}

/// The URLs that a receipt names.
fn named_urls(receipt: &Receipt) -> Vec<String> {
    named(receipt).into_iter().map(|(url, _)| url).collect()
}

/// The version of the focal resource in a receipt.
fn focal_version(receipt: &Receipt) -> String {
    named(receipt)[0].1.clone()
}

/// The text of the first issue.
fn details(refusal: &Refusal) -> String {
    refusal.issues[0].details.clone().unwrap_or_default()
}
