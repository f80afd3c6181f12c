//! [`App`]: the running sandbox without its sockets. It owns the three parts of the state (mailbox, OAuth 2,
//! storage service), the data file, the hub, webhooks, faults and the clock, and carries out one step at a
//! time: in memory, in the data file, then towards hub and webhooks.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock::Timestamp;
use crate::config::{ConfiguredActivityDefinition, Limits, SandboxConfig};
use crate::faults::{Faults, PushFault};
use crate::hub::{Hub, Seal};
use crate::instance::InstanceId;
use crate::mailbox::{Mailbox, Notification};
use crate::oauth::{Code, Grants, OAuthError};
use crate::persistence::{DataFile, DataFileError, Eviction, Persistent, WriteFailure};
use crate::refusal::{Refusal, RefusalKind};
use crate::refusals::{Refusals, RefusedRequest};
use crate::storage::Storage;
use crate::webhook;

/// What the handlers share. A part of the state is locked for one step at a time, never while a body is read
/// or written.
pub(crate) struct App {
    mailbox: Mutex<Mailbox>,
    oauth: Mutex<Grants>,
    storage: Mutex<Storage>,
    /// The data file of all three, if there is one.
    data_file: Option<Mutex<DataFile>>,
    /// Whether a warning has said that the data file has no room.
    was_full: AtomicBool,
    /// Whether a warning has said that messages are forgotten to make room.
    has_forgotten: AtomicBool,
    /// Shared with its sockets, which may live a little longer than the rest.
    hub: Arc<Hub>,
    faults: Faults,
    refusals: Refusals,
    is_admin: bool,
    has_page: bool,
    /// The address that the sandbox listens on.
    listens: IpAddr,
    /// Counts the steps that moved a message, and the refused requests.
    revision: watch::Sender<u64>,
    webhooks: HashMap<InstanceId, webhook::Calls>,
    /// By username.
    accounts: HashMap<String, Credentials>,
    /// The instances by domain and application.
    instances: HashMap<(String, String), InstanceId>,
    /// The applications of the instances.
    applications: HashMap<InstanceId, String>,
    public_url: Option<String>,
    address: String,
    limits: Limits,
    /// How far the sandbox's clock is ahead of the machine's, in milliseconds.
    ahead: AtomicU64,
}

struct Credentials {
    password: String,
    id: InstanceId,
}

impl fmt::Debug for App {
    /// Leaves out everything that is about patients, or secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("address", &self.address).finish_non_exhaustive()
    }
}

impl App {
    /// `address` is where a client on this machine reaches the sandbox, and `listens` is where it listens.
    /// Tasks that run beside the requests go into `tasks`.
    ///
    /// # Errors
    ///
    /// The data file cannot be read or written.
    pub(crate) fn new(
        config: &SandboxConfig,
        address: SocketAddr,
        listens: IpAddr,
        tasks: &mut JoinSet<()>,
    ) -> Result<Self, DataFileError> {
        let mut mailbox = Mailbox::new(config);
        let mut oauth = Grants::new(config);
        let mut storage = Storage::new(config.limits);
        let open = |path| DataFile::open(path, config.limits.data_bytes);
        let mut data_file = config.data.as_deref().map(open).transpose()?;
        if let Some(data_file) = &mut data_file {
            data_file.restore(&mut mailbox)?;
            data_file.restore(&mut oauth)?;
            data_file.restore(&mut storage)?;
            data_file.restored(&[Mailbox::KINDS, Grants::KINDS, Storage::KINDS, DataFile::KINDS])?;
        }
        // Hub clients that come back after a restart bring tokens from before it.
        let seal = Seal::new();
        let seal = match &mut data_file {
            Some(data_file) => Seal::with_secret(&data_file.secret("hub", seal.secret())).unwrap_or(seal),
            None => seal,
        };
        let accounts = mailbox.instances().map(|(id, instance)| {
            (instance.username.clone(), Credentials { password: instance.password.clone(), id: id.clone() })
        });
        let applications =
            mailbox.instances().map(|(id, instance)| (id.clone(), instance.application.clone()));
        let instances = mailbox
            .instances()
            .map(|(id, instance)| ((instance.domain.clone(), instance.application.clone()), id.clone()));
        let webhooks = mailbox.instances().filter_map(|(id, instance)| {
            Some((id.clone(), webhook::Calls::start(instance, config.push, tasks)?))
        });
        let app = Self {
            webhooks: webhooks.collect(),
            faults: Faults::new(config.faults.clone()),
            refusals: Refusals::default(),
            is_admin: config.admin,
            has_page: config.admin || listens.is_loopback(),
            listens,
            revision: watch::Sender::new(0),
            hub: Arc::new(Hub::new(config.push, config.limits.hub_connections, seal)),
            instances: instances.collect(),
            data_file: data_file.map(Mutex::new),
            was_full: AtomicBool::new(false),
            has_forgotten: AtomicBool::new(false),
            oauth: Mutex::new(oauth),
            storage: Mutex::new(storage),
            applications: applications.collect(),
            accounts: accounts.collect(),
            mailbox: Mutex::new(mailbox),
            public_url: config.public_url.clone(),
            address: address.to_string(),
            limits: config.limits,
            ahead: AtomicU64::new(0),
        };
        app.seed(&config.activity_definitions)?;
        Ok(app)
    }

    /// Stores the configured definitions that were not stored before. A definition for which the data file
    /// has no room is left out until the next start; the messages in the file can be processed meanwhile.
    fn seed(&self, configured: &[ConfiguredActivityDefinition]) -> Result<(), DataFileError> {
        let mut left_out = 0;
        for (place, definition) in configured.iter().enumerate() {
            let seed = |mailbox: &mut Mailbox| mailbox.seed(place, definition, Timestamp::now());
            match self.try_step(&self.mailbox, None, seed) {
                Ok(()) => {}
                Err(DataFileError::Full) => left_out += 1,
                Err(error) => return Err(error),
            }
        }
        if left_out > 0 {
            tracing::warn!(
                definitions = left_out,
                "the data file has no room for configured activity definitions, so they are left out until the next start: \
                 raise data_bytes or make room on the disk, and start again"
            );
        }
        Ok(())
    }

    /// A step of the mailbox. It is saved before it is answered and before hub and webhooks are told.
    pub(crate) fn mailbox<T>(&self, step: impl FnOnce(&mut Mailbox) -> T) -> Result<T, SaveError> {
        let (outcome, notifications, has_moved) = self.step(&self.mailbox, None, |mailbox| {
            let before = mailbox.revision();
            let outcome = step(mailbox);
            (outcome, mailbox.take_notifications(), mailbox.revision() != before)
        })?;
        if has_moved {
            self.revision.send_modify(|revision| *revision += 1);
        }
        for Notification { instance, identifier, event, patient } in notifications {
            let times = match self.faults.meet_push(&instance.username, event)[..] {
                [] => 1,
                [PushFault::Lost, ..] => 0,
                [PushFault::Duplicate, ..] => 2,
            };
            for _ in 0..times {
                self.hub.notify(&instance, patient.as_ref());
                if let Some(webhook) = self.webhooks.get(&instance) {
                    webhook.notify(&identifier);
                }
            }
        }
        Ok(outcome)
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Adds a refused request to the list of the last ones.
    pub(crate) fn refuse(&self, refused: RefusedRequest) {
        self.refusals.push(refused);
        self.revision.send_modify(|revision| *revision += 1);
    }

    /// The last refused requests, the oldest first.
    pub(crate) fn refusals(&self) -> Vec<RefusedRequest> {
        self.refusals.all()
    }

    /// Whether there is a page for people.
    pub(crate) fn has_page(&self) -> bool {
        self.has_page
    }

    /// The address that the sandbox listens on.
    pub(crate) fn listens(&self) -> IpAddr {
        self.listens
    }

    /// Tells of each step that moves a message, and of each refused request.
    pub(crate) fn revision(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    pub(crate) fn knows(&self, instance: &InstanceId) -> bool {
        self.applications.contains_key(instance)
    }

    /// Whether faults can be set over HTTP.
    pub(crate) fn is_admin(&self) -> bool {
        self.is_admin
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// A step of launches and tokens.
    pub(crate) fn oauth<T>(&self, step: impl FnOnce(&mut Grants) -> T) -> Result<T, SaveError> {
        self.step(&self.oauth, Some(&self.mailbox), step)
    }

    /// A step of the storage service.
    pub(crate) fn storage<T>(&self, step: impl FnOnce(&mut Storage) -> T) -> Result<T, SaveError> {
        self.step(&self.storage, Some(&self.mailbox), step)
    }

    /// Carries a step out, and says in the log why one cannot be saved.
    fn step<P: Persistent, T>(
        &self,
        part: &Mutex<P>,
        mailbox: Option<&Mutex<Mailbox>>,
        step: impl FnOnce(&mut P) -> T,
    ) -> Result<T, SaveError> {
        match self.try_step(part, mailbox, step) {
            Ok(outcome) => Ok(outcome),
            Err(DataFileError::Full) => {
                Self::warn_once(
                    &self.was_full,
                    "the data file has no room, and no processed messages that could be forgotten, so requests are refused: let \
                     the receivers process their messages, make room on the disk, or raise data_bytes",
                );
                Err(SaveError)
            }
            Err(error) => {
                tracing::error!(%error, "a step cannot be saved, so it does not happen");
                Err(SaveError)
            }
        }
    }

    /// Carries a step out in memory and then saves it. A step that cannot be saved is taken back: it did not
    /// happen. `mailbox` is given when `part` is another part: its processed messages can make room.
    fn try_step<P: Persistent, T>(
        &self,
        part: &Mutex<P>,
        mailbox: Option<&Mutex<Mailbox>>,
        step: impl FnOnce(&mut P) -> T,
    ) -> Result<T, DataFileError> {
        let mut part = self.lock(part);
        let outcome = step(&mut part);
        let mut locked = None;
        let written = match &self.data_file {
            Some(file) => self.write(file, &mut *part, mailbox, &mut locked),
            None => Ok(()),
        };
        match &written {
            Ok(()) => {
                part.commit();
                locked.iter_mut().for_each(|mailbox| mailbox.commit());
            }
            Err(_) => {
                part.roll_back();
                locked.iter_mut().for_each(|mailbox| mailbox.roll_back());
            }
        }
        written.map(|()| outcome)
    }

    /// Writes what a step changed. When the file may not grow any more, processed messages are forgotten in
    /// the same transaction, to make room. The mailbox is locked only for that.
    fn write<'a>(
        &self,
        file: &Mutex<DataFile>,
        part: &mut impl Persistent,
        mailbox: Option<&'a Mutex<Mailbox>>,
        locked: &mut Option<MutexGuard<'a, Mailbox>>,
    ) -> Result<(), DataFileError> {
        loop {
            let mut records = part.changes()?;
            if let Some(mailbox) = locked.as_mut() {
                records.append(&mut mailbox.changes()?);
            }
            let bytes = {
                let mut file = lock_file(file);
                match file.write(&records) {
                    Err(WriteFailure::NoRoom { bytes }) => file.batch(bytes),
                    written => return Ok(written?),
                }
            };
            let mut forgotten = part.make_room(bytes);
            if forgotten.is_none() {
                if locked.is_none() {
                    *locked = mailbox.map(|mailbox| self.lock(mailbox));
                }
                forgotten = locked.as_mut().and_then(|mailbox| mailbox.make_room(bytes));
            }
            match forgotten {
                None => return Err(DataFileError::Full),
                Some(Eviction::EarlierClaims) => {}
                Some(Eviction::Messages) => Self::warn_once(
                    &self.has_forgotten,
                    "the data file is full, so the messages that were processed longest ago are forgotten: raise data_bytes \
                     to keep more of them, or lower queue_messages",
                ),
            }
        }
    }

    fn warn_once(was_warned: &AtomicBool, text: &'static str) {
        if !was_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!("{text}");
        }
    }

    /// After a panic the step that panicked is taken back, and other clients go on.
    fn lock<'a, P: Persistent>(&self, part: &'a Mutex<P>) -> MutexGuard<'a, P> {
        part.lock().unwrap_or_else(|poisoned| {
            let mut guard = poisoned.into_inner();
            guard.roll_back();
            part.clear_poison();
            guard
        })
    }

    /// How many records of the data file could not be used when it was opened.
    pub(crate) fn number_set_aside(&self) -> usize {
        self.data_file.as_ref().map_or(0, |file| lock_file(file).number_set_aside())
    }

    /// Bounds the data file from now on.
    pub(crate) fn limit_data(&self, bytes: u64) -> Result<(), DataFileError> {
        self.data_file.as_ref().map_or(Ok(()), |file| lock_file(file).set_limit(bytes))
    }

    /// The application that an instance belongs to; empty for an unknown instance.
    pub(crate) fn application_of(&self, instance: &InstanceId) -> &str {
        self.applications.get(instance).map(String::as_str).unwrap_or_default()
    }

    /// The instance of an application in a domain.
    pub(crate) fn instance_of(&self, domain: &str, application: &str) -> Option<InstanceId> {
        self.instances.get(&(domain.to_owned(), application.to_owned())).cloned()
    }

    /// The instance with these credentials.
    pub(crate) fn authenticate(&self, username: &str, password: &str) -> Option<InstanceId> {
        self.accounts
            .get(username)
            .filter(|account| account.password == password)
            .map(|account| account.id.clone())
    }

    /// The instance with this username.
    pub(crate) fn instance_named(&self, username: &str) -> Option<&InstanceId> {
        self.accounts.get(username).map(|account| &account.id)
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now().after(Duration::from_millis(self.ahead.load(Ordering::Relaxed)))
    }

    pub(crate) fn advance_clock(&self, by: Duration) {
        self.ahead.fetch_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX / 2), Ordering::Relaxed);
    }

    pub(crate) fn public_url(&self) -> Option<&str> {
        self.public_url.as_deref()
    }

    /// Host and port at which a client on this machine reaches the sandbox.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }
}

/// A transaction that panicked was rolled back.
fn lock_file(file: &Mutex<DataFile>) -> MutexGuard<'_, DataFile> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A step could not be saved, so it did not happen. It may be tried again.
#[derive(Debug)]
pub(crate) struct SaveError;

impl From<SaveError> for Refusal {
    fn from(_: SaveError) -> Self {
        Self::new(
            RefusalKind::Full,
            "no-store",
            "The sandbox cannot write its data file, so nothing happened. Try again later.",
        )
    }
}

impl From<SaveError> for OAuthError {
    fn from(_: SaveError) -> Self {
        Self::new(Code::ServerError, "the sandbox cannot write its data file")
    }
}
