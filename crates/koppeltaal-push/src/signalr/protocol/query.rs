//! Query parameters of each request. Every value is percent-encoded.

use super::Transport;

/// The protocol version of the client, the same on every request. 1.5 is the newest without redirects:
/// credentials go to the configured server only, so the client must not promise to follow redirects.
pub(crate) const CLIENT_PROTOCOL: &str = "1.5";

/// The client's position in the server's messages. It is sent when a channel is opened again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The last `C`.
    pub(crate) message_id: Option<String>,
    /// The last `G`.
    pub(crate) groups_token: Option<String>,
}

/// The query of `negotiate`.
pub(crate) fn negotiate(hub: &str) -> String {
    write(&[("clientProtocol", CLIENT_PROTOCOL), ("connectionData", &connection_data(hub))])
}

/// The query of every later request. Requests that open a channel again or poll have a cursor.
pub(crate) fn connected(hub: &str, transport: Transport, token: &str, cursor: Option<&Cursor>) -> String {
    let data = connection_data(hub);
    let mut pairs = vec![
        ("clientProtocol", CLIENT_PROTOCOL),
        ("transport", transport.name()),
        ("connectionData", &data),
        ("connectionToken", token),
    ];
    if let Some(cursor) = cursor {
        let id = cursor.message_id.as_deref().map(|id| ("messageId", id));
        let groups = cursor.groups_token.as_deref().map(|token| ("groupsToken", token));
        // In the query, not in a form: servers before 2.2 look nowhere else.
        pairs.extend(id.into_iter().chain(groups));
    }
    write(&pairs)
}

/// The list of hubs: only this one, spelt as the application spells it.
fn connection_data(hub: &str) -> String {
    serde_json::json!([{ "name": hub }]).to_string()
}

fn write(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
