//! [`serve`]: accepts connections and serves HTTP on them, so that no client can block the server. The number
//! of connections is bounded, the header of a request has to come in time, answers have to be taken in time,
//! and stopping does not wait for silent clients.

mod stream;

use std::convert::Infallible;
use std::future::Future;
use std::future::ready;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::{Service, ServiceExt as _};

use crate::config::Limits;
use stream::TimeoutStream;

/// The pause after a failed accept, for example when the process has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stopped`, and then for [`Limits::stop_time`] at most. When the future is dropped, all
/// connections end.
pub(crate) async fn serve<S>(
    listener: TcpListener,
    service: S,
    limits: Limits,
    stopped: impl Future<Output = ()>,
) where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static,
{
    let (stop, _) = watch::channel(false);
    let slots = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
    let mut connections = JoinSet::new();
    let accepting = async {
        loop {
            // The semaphore is never closed.
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let connection =
                        connection(stream, service.clone(), limits.request_time, stop.subscribe());
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
    if tokio::time::timeout(limits.stop_time, finished).await.is_err() {
        tracing::debug!(connections = connections.len(), "connections are cut off");
    }
}

/// How much of a request's header, and of what is read ahead, a connection holds. A longer header gets 431.
const BUFFER_BYTES: usize = 64 << 10;

/// Takes the place of an answer: the connection is closed instead.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the connection is cut on purpose")]
pub(crate) struct ConnectionCut;

impl ConnectionCut {
    pub(crate) fn response() -> Response {
        let mut response = Response::default();
        response.extensions_mut().insert(Self);
        response
    }
}

async fn connection<S>(stream: TcpStream, service: S, patience: Duration, mut stop: watch::Receiver<bool>)
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static,
{
    // Small answers go out at once. Without it they are slower, which is no reason to refuse the connection.
    let _ = stream.set_nodelay(true);
    let service = service
        .map_request(|request: hyper::Request<_>| request.map(Body::new))
        .map_err(|never: Infallible| -> ConnectionCut { match never {} })
        .and_then(|response: Response| {
            ready(if response.extensions().get::<ConnectionCut>().is_some() {
                Err(ConnectionCut)
            } else {
                Ok(response)
            })
        });
    let service = TowerToHyperService::new(service);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(TimeoutStream::new(stream, patience)), service)
        .with_upgrades();
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
