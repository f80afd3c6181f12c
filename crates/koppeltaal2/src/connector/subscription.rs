//! Subscriptions: made once, found again, and mended when the server gave up (topic 6).

use std::fmt;

use koppeltaal_r4::Primitive;
use koppeltaal_r4::resources::{SubscriptionChannelType, SubscriptionStatus};
use secrecy::{ExposeSecret as _, SecretString};

use crate::connector::application::Connector;
use crate::connector::error::Error;
use crate::connector::search::Search;
use crate::connector::search::encoding::is_same_criteria;
use crate::connector::stored::StoredResource;
use crate::connector::update::UpdateError;
use crate::profile::Profile;
use crate::profiles::Subscription;

/// A subscription that an application wants to have: the server POSTs to its endpoint when a resource that
/// meets the criteria is created or updated. The POST says "look" and nothing else.
#[derive(Clone)]
#[must_use]
pub struct NewSubscription {
    criteria: String,
    endpoint: String,
    reason: String,
    headers: Vec<(String, SecretString)>,
}

/// A subscription, and what was done to have it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SubscriptionOutcome {
    /// It was made.
    Created(StoredResource<Subscription>),
    /// It was there and works.
    Found(StoredResource<Subscription>),
    /// It was there, but the server had given up (`error`, `off`), or its reason or headers were others. It
    /// was set to `requested` again.
    Mended(StoredResource<Subscription>),
}

impl NewSubscription {
    /// Notifications of what the search finds go to the endpoint, an https address of the application. The
    /// reason is for people.
    pub fn new<P: Profile>(search: &Search<P>, endpoint: &str, reason: &str) -> Self {
        Self::with_criteria(search.to_criteria(), endpoint, reason)
    }

    /// The same with criteria as a text: `Task?status=ready`.
    pub fn with_criteria(criteria: impl Into<String>, endpoint: &str, reason: &str) -> Self {
        let (endpoint, reason) = (endpoint.to_owned(), reason.to_owned());
        Self { criteria: criteria.into(), endpoint, reason, headers: Vec::new() }
    }

    /// A header of each notification, with a secret that only the server can send:
    /// [`WebhookService`](crate::WebhookService) checks it. `Debug` does not show it.
    pub fn header(mut self, name: &str, value: impl Into<SecretString>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    fn lines(&self) -> Vec<String> {
        self.headers.iter().map(|(name, value)| format!("{name}: {}", value.expose_secret())).collect()
    }

    /// Whether this is the subscription that is wanted, whatever its state.
    fn is(&self, subscription: &Subscription) -> bool {
        let endpoint = subscription.channel.as_ref().and_then(|channel| channel.endpoint.as_str());
        endpoint == Some(&self.endpoint)
            && subscription
                .criteria
                .as_str()
                .is_some_and(|criteria| is_same_criteria(criteria, &self.criteria))
    }

    /// The subscription with what is wanted, to be set up by the server.
    fn apply(&self, subscription: &mut Subscription) {
        subscription.status = SubscriptionStatus::Requested.into();
        subscription.error = Primitive::default();
        subscription.reason = self.reason.as_str().into();
        subscription.criteria = self.criteria.as_str().into();
        let channel = subscription.channel.get_or_insert_default();
        channel.r#type = SubscriptionChannelType::RestHook.into();
        channel.endpoint = self.endpoint.as_str().into();
        channel.header = self.lines().iter().map(|line| line.as_str().into()).collect();
    }

    /// Whether the subscription works as it is wanted.
    fn works(&self, subscription: &Subscription) -> bool {
        let headers = subscription.channel.as_ref().map_or(&[][..], |channel| &channel.header);
        let headers: Vec<_> = headers.iter().filter_map(|header| header.as_str()).collect();
        matches!(subscription.status.get(), Some(SubscriptionStatus::Active | SubscriptionStatus::Requested))
            && subscription.reason.as_str() == Some(&self.reason)
            && headers == self.lines()
    }
}

impl Connector {
    /// Makes a subscription, or finds the one with these criteria and this endpoint that the application made
    /// before, and mends it if the server gave up.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`]: the server does not take the criteria or the endpoint. [`Error::Denied`], and
    /// others.
    pub async fn subscribe(&self, wanted: &NewSubscription) -> Result<SubscriptionOutcome, Error> {
        let mut found = self.search(Search::<Subscription>::new().resource_origin(self.device()));
        let mut broken = None;
        while let Some(subscription) = found.next().await {
            let subscription = match subscription {
                // Somebody else's, perhaps; it is not the one.
                Err(Error::Entry { .. }) => continue,
                subscription => subscription?,
            };
            if wanted.is(&subscription) {
                if wanted.works(&subscription) {
                    return Ok(SubscriptionOutcome::Found(subscription));
                }
                broken = Some(subscription);
            }
        }
        let Some(broken) = broken else {
            let mut subscription = Subscription::default();
            wanted.apply(&mut subscription);
            return self.create(subscription).await.map(SubscriptionOutcome::Created);
        };
        match self.update(broken.edit(|subscription| wanted.apply(subscription))).await {
            Ok(mended) => Ok(SubscriptionOutcome::Mended(mended)),
            // The server, or another instance of this application, was faster.
            Err(UpdateError::Conflict { current }) => Ok(SubscriptionOutcome::Found(*current)),
            Err(UpdateError::Failed(error)) => Err(error),
        }
    }
}

impl SubscriptionOutcome {
    /// The subscription.
    pub fn subscription(&self) -> &StoredResource<Subscription> {
        match self {
            Self::Created(subscription) | Self::Found(subscription) | Self::Mended(subscription) => {
                subscription
            }
        }
    }

    /// The subscription.
    pub fn into_subscription(self) -> StoredResource<Subscription> {
        match self {
            Self::Created(subscription) | Self::Found(subscription) | Self::Mended(subscription) => {
                subscription
            }
        }
    }
}

impl fmt::Debug for NewSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("NewSubscription")
            .field("endpoint", &self.endpoint)
            .field("headers", &headers)
            .finish_non_exhaustive()
    }
}
