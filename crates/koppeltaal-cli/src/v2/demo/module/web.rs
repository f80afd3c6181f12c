//! [`Web`]: the module's web server: the form of a launch, the way back from the login, the notifications,
//! and its public keys.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use koppeltaal_smart::JwksService;
use koppeltaal2::{LaunchContext, LaunchFailure, LaunchReceiver, PendingLaunch, WebhookService};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use crate::v2::demo::error::{DemoError, Result};

/// Where the public keys are. The path is not to be guessed, though the keys are no secret.
const KEYS: &str = "/keys/5b1c0e7a";

/// How many logins may be under way.
const MAX_PENDING: usize = 100;

/// A web server on a free port of this machine, which answers once it [serves](Self::serve).
pub(in crate::v2::demo) struct Web {
    address: SocketAddr,
    listener: Option<std::net::TcpListener>,
    keys: JwksService,
    notifications: watch::Sender<usize>,
    launches: Option<mpsc::Receiver<Result<LaunchContext>>>,
}

/// What the pages of a launch need.
#[derive(Clone)]
struct Launches {
    receiver: LaunchReceiver,
    redirect_uri: Arc<str>,
    /// By `state`. A real module keeps them with the sessions of its users.
    pending: Arc<Mutex<HashMap<String, PendingLaunch>>>,
    done: mpsc::Sender<Result<LaunchContext>>,
}

impl Web {
    /// Takes a port. The keys are those that the module signs with.
    pub(in crate::v2::demo) fn bind(keys: JwksService) -> Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).map_err(DemoError::Web)?;
        listener.set_nonblocking(true).map_err(DemoError::Web)?;
        let address = listener.local_addr().map_err(DemoError::Web)?;
        Ok(Self {
            address,
            listener: Some(listener),
            keys,
            notifications: watch::Sender::new(0),
            launches: None,
        })
    }

    /// The address of a page.
    pub(in crate::v2::demo) fn address(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Where the keys are, for the registration.
    pub(in crate::v2::demo) fn keys_address(&self) -> String {
        self.address(KEYS)
    }

    /// Where browsers come back to after the login, for the registration.
    pub(in crate::v2::demo) fn redirect_uri(&self) -> String {
        self.address("/login")
    }

    /// How many notifications came.
    pub(super) fn notifications(&self) -> usize {
        *self.notifications.borrow()
    }

    /// Waits until this many notifications came.
    pub(super) async fn notified(&self, count: usize) {
        // The sender is this one, so it is not gone.
        let _ = self.notifications.subscribe().wait_for(|came| *came >= count).await;
    }

    /// The next user who was launched, or could not be let in.
    pub(super) async fn launched(&mut self) -> Result<LaunchContext> {
        let launch = match &mut self.launches {
            Some(launches) => launches.recv().await,
            None => None,
        };
        launch.unwrap_or(Err(DemoError::Late("a launch")))
    }

    /// Serves the pages from now on, until the program ends.
    pub(super) fn serve(&mut self, receiver: LaunchReceiver, webhook: WebhookService) -> Result<()> {
        let Some(listener) = self.listener.take() else { return Ok(()) };
        let listener = TcpListener::from_std(listener).map_err(DemoError::Web)?;
        let (done, launches) = mpsc::channel(MAX_PENDING);
        self.launches = Some(launches);
        let pages =
            Launches { receiver, redirect_uri: self.redirect_uri().into(), pending: Arc::default(), done };
        let count = from_fn_with_state(self.notifications.clone(), count);
        let router = Router::new()
            .route_service("/notified", webhook)
            .route_layer(count)
            .route("/launch", post(launch))
            .route("/login", get(login))
            .route_service(KEYS, self.keys.clone())
            .with_state(pages);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(())
    }
}

/// Counts the notifications that were accepted.
async fn count(State(notifications): State<watch::Sender<usize>>, request: Request, next: Next) -> Response {
    let answer = next.run(request).await;
    if answer.status().is_success() {
        notifications.send_modify(|came| *came += 1);
    }
    answer
}

/// The form that the portal's page sends: the user is to log in.
async fn launch(State(launches): State<Launches>, body: Bytes) -> Response {
    let begun = launches.receiver.receive(&body).and_then(|launch| {
        let (url, pending) = launches.receiver.begin(&launch, &launches.redirect_uri)?;
        Ok((url, pending))
    });
    match begun {
        Ok((url, login)) => {
            let mut pending = launches.pending.lock().unwrap_or_else(PoisonError::into_inner);
            if pending.len() >= MAX_PENDING {
                return StatusCode::SERVICE_UNAVAILABLE.into_response();
            }
            pending.insert(login.state().to_owned(), login);
            Redirect::to(url.as_str()).into_response()
        }
        Err(failure) => refuse(&launches, failure),
    }
}

/// The way back from the login.
async fn login(State(launches): State<Launches>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let state = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "state");
    let state = state.map(|(_, state)| state.into_owned()).unwrap_or_default();
    let login = launches.pending.lock().unwrap_or_else(PoisonError::into_inner).remove(&state);
    let Some(login) = login else { return StatusCode::BAD_REQUEST.into_response() };
    match launches.receiver.finish(&login, &query).await {
        Ok(context) => {
            let is_kept = launches.done.try_send(Ok(context)).is_ok();
            let page = Html("<!DOCTYPE html><title>The Lighthouse Keeper</title><p>The game begins.</p>");
            if is_kept { page.into_response() } else { StatusCode::SERVICE_UNAVAILABLE.into_response() }
        }
        Err(failure) => refuse(&launches, failure),
    }
}

/// The page for a user who is not let in. The story hears of it.
fn refuse(launches: &Launches, failure: LaunchFailure) -> Response {
    let page = launches.receiver.failure(&failure);
    // When nobody waits for a launch, nobody is told.
    let _ = launches.done.try_send(Err(failure.into()));
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    (page.status, headers, page.html).into_response()
}
