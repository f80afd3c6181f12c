//! How a message is posted: versions checked and given out, the message delivered, and the answer remembered.

use std::sync::Arc;

use koppeltaal_messaging::{ApiVersion, Event};
use uuid::Uuid;

use super::history::{PostedMessage, Receipt};
use super::message::{Address, Message, MessageResource, Origin, UseCount};
use super::posting::Posting;
use super::resources::Effect;
use super::{Domain, Mailbox, unknown_instance};
use crate::clock::{Timestamp, Version};
use crate::instance::InstanceId;
use crate::refusal::Refusal;

impl Mailbox {
    /// Posts a message: checks versions, gives out new ones, and copies the message into the queue of every
    /// instance of the domain that subscribed to its event, the sender included. When the sender has posted a
    /// message with this identifier before, it gets the first answer again, and nothing changes. `identifier`
    /// is the answer's.
    pub(crate) fn post(
        &mut self,
        sender: &InstanceId,
        posting: Posting,
        identifier: Uuid,
        now: Timestamp,
    ) -> Result<Arc<Receipt>, Refusal> {
        if posting.domain.as_str() != &*sender.domain {
            return Err(Refusal::forbidden("The message is not for the domain of these credentials."));
        }
        let account = self.accounts.get(sender).ok_or_else(unknown_instance)?;
        let rules = account.instance.api_version;
        if let Some(sent) = account.history.identified(&posting.identifier) {
            return Ok(Arc::clone(&sent.receipt));
        }

        // Definitions are published through `Other`. A message with one is accepted and changes nothing.
        let is_inert = posting.event == Event::CreateOrUpdateActivityDefinition;
        let effects = if is_inert {
            posting.resources.iter().map(|_| Effect::Untouched(None)).collect()
        } else {
            self.check_versions_and_room(&posting, rules, now)?;
            let step = &mut self.counters.clock.step(now);
            let resources = &mut Domain::get_or_new(&mut self.domains, &posting.domain).resources;
            resources.apply(&posting.resources, posting.focal, rules, step)
        };
        if !is_inert && rules >= ApiVersion::V1_3_5 {
            warn_of_missing_versions(&posting, &effects, &sender.username);
        }

        let data = new_versions(&posting, &effects, rules);
        let receipt = Arc::new(Receipt {
            number: self.next_number(),
            version: self.counters.clock.step(now).version(),
            identifier: identifier.to_string(),
            at: now,
            event: posting.event,
            domain: posting.domain.clone(),
            request: posting.identifier.clone(),
            patient: posting.patient.clone(),
            data,
        });
        let message = Arc::new(posted_message(self.next_message(), posting, effects));
        if let Some(account) = self.accounts.get_mut(sender) {
            let forgotten = account
                .history
                .put(PostedMessage { message: Arc::clone(&message), receipt: Arc::clone(&receipt) });
            self.remove_unused(&forgotten);
        }
        if !is_inert {
            self.deliver(&message, now);
        }
        self.add_if_used(message);
        Ok(receipt)
    }

    /// Checks a message, and then whether there is room for it. The sender's own mistakes come first, because
    /// trying again later would not help.
    fn check_versions_and_room(
        &mut self,
        posting: &Posting,
        rules: ApiVersion,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let Posting { domain, event, resources, focal, bytes, .. } = posting;
        let known = &Domain::get_or_new(&mut self.domains, domain).resources;
        let created = known.check(resources, *focal, rules)?;
        self.check_size(domain, *event, *bytes)?;
        let known = &Domain::get_or_new(&mut self.domains, domain).resources;
        known.check_room(created, self.limits.resources)?;
        let focal = Address::Given(resources[*focal].url.clone());
        self.check_room(domain, *event, &focal, *bytes, now)
    }
}

/// A posted message; `effects` has the versions of its resources.
fn posted_message(key: u64, posting: Posting, effects: Vec<Effect>) -> Message {
    let resources = posting.resources.into_iter().zip(effects).map(|(posted, effect)| {
        let version = match effect {
            Effect::Untouched(None) if posted.is_definition => posted.version.as_deref().map(Version::from),
            effect => effect.version().cloned(),
        };
        MessageResource { address: Address::Given(posted.url), version, entry: posted.entry }
    });
    Message {
        key,
        identifier: posting.identifier,
        event: posting.event,
        domain: posting.domain,
        origin: Origin::Instance,
        patient: posting.patient,
        header: posting.header,
        focal: posting.focal,
        resources: resources.collect(),
        bytes: posting.bytes,
        uses: UseCount::default(),
    }
}

/// Warns when a sender of api-version 1.3.5 left out versions of known resources (rule 5).
fn warn_of_missing_versions(posting: &Posting, effects: &[Effect], sender: &str) {
    let is_missing = |place: &usize| {
        let is_known = matches!(effects[*place], Effect::Changed(_) | Effect::Unchanged(_));
        *place != posting.focal && is_known && posting.resources[*place].version.is_none()
    };
    let missing = (0..effects.len()).filter(is_missing).count();
    if missing > 0 {
        tracing::warn!(
            sender,
            resources = missing,
            "a 1.3.5 sender posted known resources without a version"
        );
    }
}

/// The versions in the answer to a post. The focal resource comes first. A 1.3.5 sender also gets the others:
/// all of them when the focal resource is new, else those with a new version.
fn new_versions(posting: &Posting, effects: &[Effect], rules: ApiVersion) -> Vec<(Address, Option<Version>)> {
    let name = |place: usize| {
        (Address::Given(posting.resources[place].url.clone()), effects[place].version().cloned())
    };
    let is_create = matches!(effects[posting.focal], Effect::Created(_));
    let is_named = |place: &usize| {
        rules >= ApiVersion::V1_3_5
            && *place != posting.focal
            && match effects[*place] {
                Effect::Created(_) | Effect::Changed(_) => true,
                Effect::Unchanged(_) => is_create,
                Effect::Untouched(_) => false,
            }
    };
    let others = (0..effects.len()).filter(is_named);
    std::iter::once(posting.focal).chain(others).map(name).collect()
}
