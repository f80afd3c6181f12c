//! [`Connection`]: what both applications of the demo have in common: how they post, claim and acknowledge, and how
//! they remember the versions of resources.

use std::collections::HashMap;
use std::io;
use std::rc::Rc;

use koppeltaal_fhir::{Finding, Format, Resource};
use koppeltaal_messaging::{
    Acknowledgement, ComposeError, Draft, ExtractError, Message, ProcessingStatus, ResourceKind, ResourceUrl,
    Sender, Source, UrlError,
};
use koppeltaal_transport::{BuildError, Client, Credentials, CredentialsError, Error};

use super::archive::Archive;

/// An application instance at a server.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    client: Client,
    sender: Sender,
    /// The newest version that is known of each resource, by address without version. An application that may be
    /// restarted keeps this on disk.
    versions: HashMap<String, ResourceUrl>,
    archive: Rc<Archive>,
}

/// Where to connect, as whom, and how.
pub(super) struct Account<'a> {
    pub(super) server: &'a str,
    pub(super) domain: &'a str,
    pub(super) user_name: &'a str,
    pub(super) password: &'a str,
    pub(super) format: Format,
    pub(super) archive: Rc<Archive>,
}

/// A message that was accepted by the server.
#[derive(Debug)]
pub(super) struct Sent {
    /// The identifier that the message had.
    pub(super) identifier: Option<String>,
    /// The resources that got a version, the one that the message is about first.
    pub(super) versions: Vec<ResourceUrl>,
    /// What the schema of DSTU1 finds wrong with what was sent.
    pub(super) findings: Vec<Finding>,
}

/// A message that was claimed.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) message: Message,
    /// What was odd about its text.
    pub(super) findings: Vec<Finding>,
}

/// What can go wrong for an application of the demo.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("the client cannot be built: {0}")]
    Build(#[from] BuildError),
    #[error("the account cannot be used: {0}")]
    Credentials(#[from] CredentialsError),
    #[error("the message cannot be composed: {0}")]
    Compose(#[from] ComposeError),
    #[error("an id makes no address: {0}")]
    Url(#[from] UrlError),
    #[error(transparent)]
    Transport(#[from] Error),
    #[error("what was delivered is no message: {0}")]
    Extract(#[from] ExtractError),
    #[error("the message cannot be saved: {0}")]
    Save(#[from] io::Error),
}

impl Connection {
    /// Nothing goes over the network yet.
    pub(super) fn new(account: Account<'_>, source: Source) -> Result<Self, Trouble> {
        let client = Client::builder(account.server)
            .credentials(Credentials::basic(account.user_name, account.password)?)
            .format(account.format)
            .build()?;
        let sender = Sender::new(source, account.domain);
        Ok(Self { client, sender, versions: HashMap::new(), archive: account.archive })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// The address of one of the application's own resources, with the version that is known, if one is.
    pub(super) fn url(&self, kind: ResourceKind, id: &str) -> Result<ResourceUrl, Trouble> {
        let url = self.sender.url(kind, id)?;
        Ok(self.versions.get(url.as_str()).cloned().unwrap_or(url))
    }

    /// Composes and posts a message, and remembers the versions that come back.
    pub(super) async fn post(&mut self, draft: Draft) -> Result<Sent, Trouble> {
        let message = Message::compose(&self.sender, draft)?;
        self.archive.save(&message)?;
        let identifier = message.header.identifier().map(str::to_owned);
        let findings = message.entries().flat_map(|entry| Resource::check(entry.resource())).collect();
        let reply = self.client.send(&message.into_bundle()).await?;
        let versions: Vec<_> = reply.versions().collect();
        self.remember(&versions);
        Ok(Sent { identifier, versions, findings })
    }

    /// Claims the oldest message that waits, if there is one, and remembers the versions in it.
    pub(super) async fn claim(&mut self) -> Result<Option<Delivery>, Trouble> {
        let Some(received) = self.client.claim().await? else { return Ok(None) };
        let message = Message::extract(received.bundle)?;
        let versions: Vec<_> = message.entries().filter_map(|entry| entry.url().cloned()).collect();
        self.remember(&versions);
        Ok(Some(Delivery { message, findings: received.findings }))
    }

    /// Tells the server that a claimed message is processed.
    pub(super) async fn done_with(&self, delivery: &Delivery) -> Result<(), Trouble> {
        Ok(self.client.acknowledge(&delivery.message.header, &Acknowledgement::Success).await?)
    }

    /// What the server says has become of a claimed message.
    pub(super) async fn status_of(&self, delivery: &Delivery) -> Result<Option<ProcessingStatus>, Trouble> {
        let Some(url) = delivery.message.header.url() else { return Ok(None) };
        let message = self.client.message(url.as_str()).await?;
        Ok(message.and_then(|message| message.header.processing()?.status()))
    }

    fn remember(&mut self, versions: &[ResourceUrl]) {
        let known = versions.iter().filter(|url| url.version().is_some());
        self.versions.extend(known.map(|url| (url.versionless().to_owned(), url.clone())));
    }
}
