//! [`Hub`]: the part of the hub `KoppeltaalHub` (classic SignalR 2.x) that is the same for all transports:
//! connections, their tokens and cursors, and who is told of a message. The transports are in
//! `http/signalr.rs` and `http/websocket.rs`.

mod connection;
pub(crate) mod protocol;
mod token;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

pub(crate) use connection::{Channel, Connection, Frame};
pub(crate) use token::Seal;

use crate::config::Push;
use crate::instance::InstanceId;
use protocol::Call;
use token::SealError;

/// How long a lost connection is remembered after its client has given up.
const GRACE: Duration = Duration::from_secs(5);
/// Purposes of tokens.
const CONNECTION: &str = "connection";
const GROUPS: &str = "groups";

/// All connections to the hub.
pub(crate) struct Hub {
    push: Push,
    capacity: usize,
    seal: Seal,
    /// Part of every cursor, so that a cursor of another process is recognized.
    process: String,
    connections: Mutex<HashMap<String, Arc<Connection>>>,
}

/// Why there is no connection for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// It is not a token of this server, or was not percent-encoded.
    Unreadable,
    /// It was made with another secret: probably before a restart without a data file.
    Foreign,
    /// It was given to another user.
    OtherUser,
    /// There are too many connections.
    Full,
}

impl Hub {
    /// `seal` makes the tokens. With the seal of an earlier process, its tokens are valid too.
    pub(crate) fn new(push: Push, capacity: usize, seal: Seal) -> Self {
        let process = Uuid::new_v4().simple().to_string()[..8].to_uppercase();
        Self { push, capacity, seal, process, connections: Mutex::default() }
    }

    pub(crate) fn push(&self) -> Push {
        self.push
    }

    fn connections(&self) -> MutexGuard<'_, HashMap<String, Arc<Connection>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new connection's id and token, bound to the user.
    pub(crate) fn negotiate(&self, instance: &InstanceId) -> (String, String) {
        let id = Uuid::new_v4().to_string();
        let token = self.seal.token(CONNECTION, &format!("{id}:{}", instance.username));
        (id, token)
    }

    /// The connection of a token. A connection that was forgotten is made again, without its events.
    pub(crate) fn connection(
        &self,
        instance: &InstanceId,
        token: &str,
    ) -> Result<Arc<Connection>, TokenError> {
        let text = self.seal.open(CONNECTION, token).map_err(|unsealed| match unsealed {
            SealError::Unreadable => TokenError::Unreadable,
            SealError::Foreign => TokenError::Foreign,
        })?;
        let (id, user) = text.split_once(':').ok_or(TokenError::Unreadable)?;
        if !user.eq_ignore_ascii_case(&instance.username) {
            return Err(TokenError::OtherUser);
        }
        let mut connections = self.connections();
        if let Some(connection) = connections.get(id) {
            return Ok(Arc::clone(connection));
        }
        self.forget_lost(&mut connections);
        if connections.len() >= self.capacity {
            return Err(TokenError::Full);
        }
        let connection = Arc::new(Connection::new(id.to_owned(), instance.clone()));
        connections.insert(id.to_owned(), Arc::clone(&connection));
        Ok(connection)
    }

    fn forget_lost(&self, connections: &mut HashMap<String, Arc<Connection>>) {
        let now = Instant::now();
        let patience = self.push.disconnect_timeout + GRACE;
        connections.retain(|_, connection| {
            connection.lost().is_none_or(|lost| now.duration_since(lost) <= patience)
        });
    }

    /// A channel for the events after the cursor; with `patient`, for those about that patient. A groups
    /// token of the connection puts it back into its group.
    pub(crate) fn open(
        &self,
        connection: &Arc<Connection>,
        cursor: Option<&str>,
        groups_token: Option<&str>,
        patient: Option<&str>,
    ) -> Channel {
        let groups = groups_token.and_then(|token| self.seal.open(GROUPS, token).ok());
        if groups.is_some_and(|id| id == connection.id) {
            connection.start_push(None);
        }
        connection.open(cursor.and_then(|cursor| self.read_cursor(cursor)), patient)
    }

    /// Carries out a client's call, and gives the result.
    pub(crate) fn call(&self, connection: &Connection, call: &Call) -> String {
        if let Call::StartPush(_) = call {
            connection.start_push(Some(self.seal.token(GROUPS, &connection.id)));
        }
        call.result()
    }

    /// A cursor as clients see it.
    pub(crate) fn cursor(&self, number: u64) -> String {
        format!("d-{}-B,0|I,{number:X}", self.process)
    }

    fn read_cursor(&self, cursor: &str) -> Option<u64> {
        let number = cursor.strip_prefix("d-")?.strip_prefix(&self.process)?.strip_prefix("-B,0|I,")?;
        u64::from_str_radix(number, 16).ok()
    }

    /// The client says goodbye.
    pub(crate) fn abort(&self, connection: &Connection) {
        connection.abort();
        self.connections().remove(&connection.id);
    }

    /// Tells the connections of an instance that a message waits. Channels for one patient hear only of that
    /// patient's.
    pub(crate) fn notify(&self, instance: &InstanceId, patient: Option<&Arc<str>>) {
        let connections = self.connections();
        for connection in connections.values().filter(|connection| connection.instance == *instance) {
            connection.notify(patient.cloned());
        }
    }

    /// How many connections of an instance are told of messages.
    pub(crate) fn subscribed(&self, instance: &InstanceId) -> usize {
        let connections = self.connections();
        let of_instance = connections.values().filter(|connection| connection.instance == *instance);
        of_instance.filter(|connection| connection.is_started() && connection.lost().is_none()).count()
    }

    /// Ends all channels.
    pub(crate) fn stop(&self) {
        for (_, connection) in self.connections().drain() {
            connection.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(username: &str) -> InstanceId {
        InstanceId { domain: "Sandbox".into(), username: username.into() }
    }

    fn hub(capacity: usize) -> Hub {
        let push = Push { disconnect_timeout: Duration::from_secs(3600), ..Push::default() };
        Hub::new(push, capacity, Seal::new())
    }

    async fn next(channel: &mut Channel) -> Option<Option<String>> {
        let next = tokio::time::timeout(Duration::from_millis(20), channel.next()).await;
        next.ok().map(|frame| frame.map(|frame| frame.text("c")))
    }

    const TOLD: &str = r#"{"C":"c","M":[{"A":[],"H":"KoppeltaalHub","M":"NewMessage"}]}"#;

    #[tokio::test]
    async fn who_started_is_told_and_nobody_else() {
        let hub = hub(10);
        let (game, portal) = (instance("game"), instance("portal"));
        let open = |instance: &InstanceId| {
            let token = hub.negotiate(instance).1;
            hub.open(&hub.connection(instance, &token).expect("a connection"), None, None, None)
        };
        let mut channels = [open(&game), open(&game), open(&portal)];
        for place in [0, 2] {
            let result = hub.call(channels[place].connection(), &Call::StartPush("7".into()));
            assert_eq!(result, r#"{"I":"7"}"#);
            let groups = next(&mut channels[place]).await.flatten().expect("a frame");
            assert!(groups.contains(r#""G":""#) && groups.contains(r#""M":[]"#), "{groups}");
        }
        hub.notify(&game, None);
        let [first, second, third] = &mut channels;
        assert_eq!(next(first).await, Some(Some(TOLD.to_owned())));
        assert_eq!((next(second).await, next(third).await), (None, None));
        assert_eq!((hub.subscribed(&game), hub.subscribed(&portal)), (1, 1));
    }

    #[tokio::test]
    async fn what_was_told_meanwhile_comes_after_a_reconnect() {
        let hub = hub(10);
        let game = instance("game");
        let token = hub.negotiate(&game).1;
        let connection = hub.connection(&game, &token).expect("a connection");
        let first = hub.open(&connection, None, None, None);
        connection.start_push(None);
        let cursor = hub.cursor(first.cursor);
        drop(first);
        hub.notify(&game, None);
        let mut second = hub.open(&connection, Some(&cursor), None, None);
        assert_eq!(next(&mut second).await, Some(Some(TOLD.to_owned())));
        // A cursor of another process means "from now on".
        let mut third = hub.open(&connection, Some("d-00000000-B,0|I,0"), None, None);
        assert_eq!(next(&mut third).await, None);
        assert_eq!(next(&mut second).await, Some(None), "another channel took its place");
    }

    #[tokio::test]
    async fn a_groups_token_leads_back_into_the_group_of_a_forgotten_connection() {
        let hub = hub(10);
        let game = instance("game");
        let token = hub.negotiate(&game).1;
        let connection = hub.connection(&game, &token).expect("a connection");
        let groups = hub.seal.token(GROUPS, &connection.id);
        hub.abort(&connection);
        let again = hub.connection(&game, &token).expect("the token is enough");
        hub.open(&again, None, Some("nonsense"), None);
        assert!(!again.is_started());
        hub.open(&again, None, Some(&groups), None);
        assert!(again.is_started());
    }

    #[test]
    fn tokens_are_bound_to_their_user_and_connections_to_a_number() {
        let hub = hub(1);
        let token = hub.negotiate(&instance("game")).1;
        let error = |instance: &InstanceId, token: &str| hub.connection(instance, token).map(|_| ()).err();
        assert_eq!(error(&instance("portal"), &token), Some(TokenError::OtherUser));
        assert_eq!(error(&instance("game"), "x"), Some(TokenError::Unreadable));
        assert_eq!(error(&instance("GAME"), &token), None);
        let second = hub.negotiate(&instance("game")).1;
        assert_eq!(error(&instance("game"), &second), Some(TokenError::Full));
    }
}
