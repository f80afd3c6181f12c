//! [`Connector`]: one application in one domain. It knows how to reach the server, and which versions of
//! resources are current. Its methods are in this folder, in `receive` and in `launch`.

mod configuration;
mod definitions;
mod merge;
mod outcome;
mod post;
mod prepare;
mod relearn;
mod send;
mod turns;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use koppeltaal_fhir::{Rule, Severity};
use koppeltaal_messaging::{Draft, Focal, Header, ResourceKind, ResourceUrl, Sender, UrlError, Validator};
use koppeltaal_transport::{Client, Credentials, Error};
use tokio::time::timeout;

use crate::receive::InHand;
use crate::versions::VersionStore;
use turns::Turns;

pub use definitions::{DefinitionError, DefinitionOutcome};
pub use merge::{MergeLimits, NewerVersions};
#[cfg(any(feature = "sqlite", feature = "postgresql"))]
pub(crate) use outcome::CONFLICT_HELP;
pub use outcome::{SendError, SentMessage};
pub use prepare::PreparedMessage;
pub use relearn::RelearnError;

/// How many messages are opened at most, the newest first, to find a resource that is not their focal one.
const MAX_OPENED_MESSAGES: usize = 20;

/// The number of a message at the server, by its header. Higher numbers are newer.
fn message_number(header: &Header) -> Option<u64> {
    header.url()?.id().parse().ok()
}

/// An application in a domain of Koppeltaal: sends messages, receives them, launches users.
///
/// It consists of a [`Client`] (which server, with which credentials), a [`Sender`] (which application, in
/// which domain) and a [`VersionStore`]. The application never handles a version: the connector learns them
/// from the replies to what it sends and from what it receives, and fills them in.
///
/// Cheap to clone; clones share everything. All methods take `&self` and may be called from any number of
/// tasks.
///
/// ```
/// use koppeltaal::messaging::{Sender, Source};
/// use koppeltaal::transport::{Client, Credentials};
/// use koppeltaal::{Connector, MemoryVersionStore};
///
/// let client = Client::builder("https://koppeltaal.example").credentials(Credentials::basic("epd", "secret")?).build()?;
/// let sender = Sender::new(Source::new("EPD", "https://epd.example/fhir"), "Zonnedauw");
/// let connector = Connector::new(client, sender, MemoryVersionStore::default());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Connector {
    client: Client,
    validates: bool,
    validator: Arc<Validator>,
    merge_limits: MergeLimits,
    shared: Arc<Shared>,
}

/// The parts that all connectors of one application share, whatever credentials they use.
struct Shared {
    sender: Sender,
    versions: Box<dyn VersionStore>,
    turns: Turns,
    /// Held while an activity definition is put.
    definition_turn: tokio::sync::Mutex<()>,
    in_hand: Arc<InHand>,
}

impl Connector {
    /// A connector for the application that `sender` names, with the credentials of `client`.
    ///
    /// [`MemoryVersionStore`](crate::MemoryVersionStore) forgets its versions when the process ends: an
    /// application that uses it and restarts cannot change what it sent before. The other stores keep
    /// versions in a database.
    pub fn new(client: Client, sender: Sender, versions: impl VersionStore) -> Self {
        let validator = Arc::new(Validator::default().with_api_version(sender.api_version()));
        let shared = Arc::new(Shared {
            sender,
            versions: Box::new(versions),
            turns: Turns::default(),
            definition_turn: tokio::sync::Mutex::default(),
            in_hand: Arc::default(),
        });
        Self { client, validates: true, validator, merge_limits: MergeLimits::default(), shared }
    }

    /// Sends messages without validating them by the rules of DSTU1 and Koppeltaal; the server decides.
    /// Composing still follows the rules for messages.
    #[must_use]
    pub fn without_validation(self) -> Self {
        Self { validates: false, ..self }
    }

    /// Gives all findings of a rule this severity when a message is validated before it is sent, as
    /// [`Validator::with_severity`] does. May be called once for each rule; the last call for a rule counts.
    ///
    /// Only an error stops a message. So `Severity::Warning` relaxes a rule: the message is sent, and
    /// [`PreparedMessage::findings`] has the finding. `Severity::Error` makes a rule strict. The server, and
    /// composing, still follow their own rules. Received messages are not validated, so for them nothing
    /// changes.
    ///
    /// ```
    /// # fn example(epd: koppeltaal::Connector) -> koppeltaal::Connector {
    /// use koppeltaal::fhir::Severity;
    /// use koppeltaal::messaging::rules;
    ///
    /// // This system has numbers in the place of BSNs that are none.
    /// epd.with_severity(rules::IDENTIFIER_BSN, Severity::Warning)
    /// # }
    /// ```
    #[must_use]
    pub fn with_severity(self, rule: Rule, severity: Severity) -> Self {
        let validator = Arc::unwrap_or_clone(self.validator).with_severity(rule, severity);
        Self { validator: Arc::new(validator), ..self }
    }

    /// How hard [`send_with_merge`](Self::send_with_merge) tries.
    #[must_use]
    pub fn merge_limits(self, merge_limits: MergeLimits) -> Self {
        Self { merge_limits, ..self }
    }

    /// A connector of the same application with other credentials, such as those of a launched user. Both
    /// share the version store.
    #[must_use]
    pub fn with_credentials(&self, credentials: Credentials) -> Self {
        self.with_client(self.client.with_credentials(credentials))
    }

    pub(crate) fn with_client(&self, client: Client) -> Self {
        Self { client, ..self.clone() }
    }

    /// Asks the server something harmless, for a readiness probe or at the start: whether it can be reached
    /// and takes the credentials. Changes nothing at the server, and claims nothing.
    ///
    /// `limit` is how long it may take at most, retries included; take less than the probe itself waits. Ask
    /// at most every few seconds, since each call is one request.
    ///
    /// A server that is down does not make an application unready that only hands messages to an outbox.
    ///
    /// ```no_run
    /// # async fn example(epd: koppeltaal::Connector) {
    /// use std::time::Duration;
    ///
    /// match epd.check(Duration::from_secs(5)).await {
    ///     Ok(()) => println!("ready"),
    ///     Err(error) => println!("not ready: {}", koppeltaal::transport::causes(&error)),
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The reason, whose variants say what helps: [`Error::Authentication`], [`Error::Unreachable`],
    /// [`Error::Unavailable`], or [`Error::Timeout`] after `limit`, for instance.
    pub async fn check(&self, limit: Duration) -> Result<(), Error> {
        // No message has this identifier, so the answer is short.
        match timeout(limit, self.client.message("koppeltaal-check")).await {
            Ok(answer) => answer.map(drop),
            Err(_) => Err(Error::Timeout { limit }),
        }
    }

    /// The client, for all that the connector has no method for: lists of activity definitions, storage,
    /// header searches.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The application and its domain.
    pub fn sender(&self) -> &Sender {
        &self.shared.sender
    }

    /// The store of the versions.
    pub fn versions(&self) -> &dyn VersionStore {
        &*self.shared.versions
    }

    /// The address of one of the application's own resources.
    ///
    /// # Errors
    ///
    /// An id that cannot stand in a URL.
    pub fn url(&self, kind: ResourceKind, id: &str) -> Result<ResourceUrl, UrlError> {
        self.sender().url(kind, id)
    }

    /// The draft of a message about one of the application's own resources. The kind of the resource decides
    /// the event.
    ///
    /// # Errors
    ///
    /// An id that cannot stand in a URL.
    pub fn draft<P: Focal>(&self, id: &str, focal: P) -> Result<Draft, UrlError> {
        self.sender().draft(id, focal)
    }

    /// The deliveries that the workers of this application are handling.
    pub(crate) fn in_hand(&self) -> &Arc<InHand> {
        &self.shared.in_hand
    }

    fn domain(&self) -> &str {
        self.sender().domain()
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("client", &self.client)
            .field("application", &self.sender().source().software)
            .field("domain", &self.domain())
            .finish_non_exhaustive()
    }
}
