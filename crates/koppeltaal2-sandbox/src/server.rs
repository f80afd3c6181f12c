//! [`serve`]: accepts connections and serves HTTP on them, so that no client can block the server: their
//! number is bounded, and the header of a request has to come in time.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

/// How many connections there may be at a time.
const CONNECTIONS: usize = 1024;

/// How long the header of a request may take, and a silent connection may stay.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much of a request's header a connection holds. A longer header gets 431.
const BUFFER_BYTES: usize = 64 << 10;

/// The pause after a failed accept, for example when the process has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long requests under way may take once the server stops.
const STOP_TIME: Duration = Duration::from_secs(5);

/// Serves until `stopped`, and then for five seconds at most. When the future is dropped, all connections
/// end.
pub(crate) async fn serve(listener: TcpListener, router: Router, stopped: impl Future<Output = ()>) {
    let (stop, _) = watch::channel(false);
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    let accepting = async {
        loop {
            // The semaphore is never closed.
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let connection = connection(stream, router.clone(), stop.subscribe());
                    connections.spawn(async move {
                        connection.await;
                        drop(slot);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
            // Drops the handles of connections that have ended.
            while connections.try_join_next().is_some() {}
        }
    };
    tokio::select! {
        () = accepting => {}
        () = stopped => {}
    }
    drop(listener);
    stop.send_replace(true);
    let finished = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_TIME, finished).await.is_err() {
        tracing::debug!(connections = connections.len(), "connections are cut off");
    }
}

async fn connection(stream: TcpStream, router: Router, mut stop: watch::Receiver<bool>) {
    // Small answers go out at once. Without it they are slower, which is no reason to refuse the connection.
    let _ = stream.set_nodelay(true);
    let service = router
        .map_request(|request: hyper::Request<_>| request.map(Body::new))
        .map_err(|never: Infallible| never);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = async { let _ = stop.wait_for(|stop| *stop).await; } => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        // Clients come and go; how they go matters only to somebody who debugs one.
        tracing::trace!(%error, "a connection ended");
    }
}
