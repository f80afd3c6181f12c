//! [`App`]: what all requests share.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use uuid::Uuid;

use crate::config::{Limits, SandboxConfig};
use crate::mailbox::{InstanceId, Mailbox, Moment, Occasion};
use crate::oauth::Grants;
use crate::storage::Storage;

/// The state behind the handlers. The mailbox is locked for one step at a time, never while a body is read or written.
pub(crate) struct App {
    mailbox: Mutex<Mailbox>,
    oauth: Mutex<Grants>,
    storage: Mutex<Storage>,
    /// By username.
    accounts: HashMap<String, Account>,
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

struct Account {
    password: String,
    id: InstanceId,
}

impl fmt::Debug for App {
    /// What is in here is about patients, or secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("address", &self.address).finish_non_exhaustive()
    }
}

impl App {
    /// `address` is where a client on this machine reaches the sandbox.
    pub(crate) fn new(config: &SandboxConfig, address: SocketAddr) -> Self {
        let mailbox = Mailbox::new(config, Moment::now());
        let accounts = mailbox.instances().map(|(id, instance)| {
            (instance.username.clone(), Account { password: instance.password.clone(), id: id.clone() })
        });
        let applications =
            mailbox.instances().map(|(id, instance)| (id.clone(), instance.application.clone()));
        let instances = mailbox
            .instances()
            .map(|(id, instance)| ((instance.domain.clone(), instance.application.clone()), id.clone()));
        Self {
            instances: instances.collect(),
            oauth: Mutex::new(Grants::new(config)),
            storage: Mutex::new(Storage::new(config.limits)),
            applications: applications.collect(),
            accounts: accounts.collect(),
            mailbox: Mutex::new(mailbox),
            public_url: config.public_url.clone(),
            address: address.to_string(),
            limits: config.limits,
            ahead: AtomicU64::new(0),
        }
    }

    /// The mailbox, for one step.
    pub(crate) fn mailbox(&self) -> MutexGuard<'_, Mailbox> {
        // A step that panicked left the mailbox as it was or nearly so; other clients go on.
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Launches and tokens, for one step.
    pub(crate) fn oauth(&self) -> MutexGuard<'_, Grants> {
        self.oauth.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The storage service, for one step.
    pub(crate) fn storage(&self) -> MutexGuard<'_, Storage> {
        self.storage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The application that an instance is of; none for an instance that is not.
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

    pub(crate) fn now(&self) -> Moment {
        Moment::now().after(Duration::from_millis(self.ahead.load(Ordering::Relaxed)))
    }

    pub(crate) fn occasion(&self) -> Occasion {
        Occasion { now: self.now(), fresh: Uuid::new_v4() }
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
