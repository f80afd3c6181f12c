//! The server's half of the WebSocket handshake (RFC 6455, section 1.3), for tests that answer it themselves.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha1_smol::Sha1;

/// The `Sec-WebSocket-Accept` for a client's `Sec-WebSocket-Key`.
pub(crate) fn web_socket_accept(key: &str) -> String {
    let digest = Sha1::from(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")).digest().bytes();
    BASE64_STANDARD.encode(digest)
}
