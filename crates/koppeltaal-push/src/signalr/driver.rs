//! The task of a [`HubConnection`](super::HubConnection). It starts the connection, lets it
//! [run](super::active_connection) until it is given up, and starts it anew after a pause.

use std::time::Duration;

use koppeltaal_transport::{Backoff, causes};
use tokio::time::{Instant, sleep};

use super::active_connection::ActiveConnection;
use super::context::{Context, StartReply};
use super::error::ConnectError;
use super::handshake;
use super::http::HttpClient;
use super::status::ConnectionState;
use super::stop::StopRequest;

/// After a connection of this age, the pauses before restarts begin with the shortest again.
const STABLE: Duration = Duration::from_secs(10);

/// Runs until the connection is stopped or dropped. With `started`, the task also ends when the first start
/// fails, and the caller gets the error.
pub(crate) async fn run(mut context: Context, mut started: Option<StartReply>) {
    let mut backoff = Backoff::new(context.options.restart_delay, context.options.longest_restart_delay);
    let mut is_restart = false;
    let stop = loop {
        let error = match run_connection(&mut context, is_restart, &mut started, &mut backoff).await {
            Ok(error) => error,
            Err(stop) => break stop,
        };
        if let Some(started) = started.take() {
            // If the caller is gone, so is its connection.
            let _ = started.send(Err(error));
            break StopRequest::default();
        }
        tracing::debug!(error = causes(&error), "there is no hub connection");
        let longest = context.options.longest_restart_delay;
        let next = backoff.next_delay();
        let delay = if error.is_authentication() { longest } else { next };
        context.status.send_modify(|status| *status = status.disconnected(Some(error)));
        if let Err(stop) = context.unless_stopped(sleep(delay)).await {
            break stop;
        }
        is_restart = true;
    };
    context.status.send_modify(|status| *status = status.disconnected(None));
    // The request goes last, so that whoever waits for the end finds nothing of the task left.
    drop(context);
    drop(stop);
}

/// Starts a connection and runs it until it ends. Returns why it ended or did not start; an error if it was
/// stopped.
async fn run_connection(
    context: &mut Context,
    is_restart: bool,
    started: &mut Option<StartReply>,
    backoff: &mut Backoff,
) -> Result<ConnectError, StopRequest> {
    context.status.send_modify(|status| status.state = ConnectionState::Connecting);
    let http = HttpClient::new(context.client.clone(), &context.options.path);
    if is_restart {
        http.distrust_connections();
    }
    let (options, hub) = (context.options.clone(), context.hub.clone());
    let connection = match context.unless_stopped(handshake::start(&options, &hub, http)).await? {
        Ok(connection) => connection,
        Err(error) => return Ok(error),
    };
    let connected_at = Instant::now();
    let error = ActiveConnection::new(context, connection).run(started.take()).await?;
    if connected_at.elapsed() >= STABLE {
        backoff.reset();
    }
    Ok(error)
}
