//! What the tests of push share: short times, and a message to be told of.

use std::time::Duration;

use koppeltaal_sandbox::{Push, Sandbox};

use super::{Client, FORMATS, plan};

/// Times of push that a test can wait for.
pub fn fast() -> Push {
    let mut push = Push::default();
    push.keep_alive = Duration::from_millis(200);
    push.connection_timeout = Duration::from_millis(700);
    push.webhook_pause = Duration::from_millis(10);
    push
}

/// The portal posts a message, in each format in turn.
pub async fn post(sandbox: &Sandbox, number: usize) {
    Client::portal(sandbox, FORMATS[number % 2])
        .send_message(plan(&format!("m{number}"), &number.to_string()))
        .await
        .bundle();
}
