//! [`LaunchReceiver`]: a module receives the users that portals launch.

use std::fmt;

use koppeltaal_smart::{AuthorizationRequest, PendingAuthorization, ReceivedLaunch, UnverifiedJwt, Url};

use crate::connector::application::Connector;
use crate::connector::audit::event::{ApplicationEvent, EventKind};
use crate::connector::launch::context::LaunchContext;
use crate::connector::launch::failure::{FailurePage, FailureReason, LaunchFailure};
use crate::connector::trace::{Trace, is_id};
use crate::profiles::Task;

/// Receives launches of one domain. Cheap to clone.
///
/// A launch works once, so a module either asks the domain about it ([`introspect`](Self::introspect): no
/// personal data), or has the user log in ([`begin`](Self::begin) and [`finish`](Self::finish)).
///
/// ```no_run
/// # use koppeltaal2::{Connector, LaunchContext, LaunchFailure, LaunchReceiver, PendingLaunch};
/// # async fn example(connector: &Connector, body: &[u8], redirected: &str) -> Result<LaunchContext, LaunchFailure> {
/// let receiver = LaunchReceiver::new(connector);
/// // POST of the form: send the browser to `url`, keep `pending` with the user's session.
/// let launch = receiver.receive(body)?;
/// let (url, pending) = receiver.begin(&launch, "https://module.example/cb")?;
/// # drop(url);
/// // GET of the redirect URI. On a failure answer with `receiver.failure(&failure)`.
/// receiver.finish(&pending, redirected).await
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct LaunchReceiver {
    connector: Connector,
    bases: Vec<String>,
}

/// A launch that came and names this domain. Its token is not checked yet. `Debug` does not show it.
#[derive(Debug, Clone)]
pub struct IncomingLaunch {
    launch: ReceivedLaunch,
    trace_id: Option<String>,
}

/// A launch whose user logs in. Keep it with the user's session until the browser is back. `Debug` shows none
/// of its secrets.
#[derive(Clone)]
pub struct PendingLaunch {
    authorization: PendingAuthorization,
    trace_id: Option<String>,
}

impl LaunchReceiver {
    /// A receiver of this module.
    pub fn new(connector: &Connector) -> Self {
        Self { connector: connector.clone(), bases: vec![connector.domain().base().to_owned()] }
    }

    /// Another base URL that the domain is known by: an old host name, for instance.
    pub fn also_known_as(mut self, base: &str) -> Self {
        self.bases.push(base.to_owned());
        self
    }

    /// Reads the form that the browser POSTs, `application/x-www-form-urlencoded`. It must name the domain.
    ///
    /// # Errors
    ///
    /// [`FailureReason::NotALaunch`], [`FailureReason::UnknownIssuer`].
    pub fn receive(&self, body: &[u8]) -> Result<IncomingLaunch, LaunchFailure> {
        let launch = ReceivedLaunch::from_form(body).map_err(|error| LaunchFailure::new(error, None))?;
        let trace_id = trace_id(launch.token());
        if !self.bases.iter().any(|base| launch.is_from(base)) {
            return Err(LaunchFailure::new(FailureReason::UnknownIssuer, trace_id.as_deref()));
        }
        Ok(IncomingLaunch { launch, trace_id })
    }

    /// Asks the domain about the launch, which uses it up. The user stays unknown but for the references. The
    /// AuditEvent "launched" is written in the background.
    ///
    /// # Errors
    ///
    /// [`FailureReason::Inactive`] and others.
    pub async fn introspect(&self, launch: &IncomingLaunch) -> Result<LaunchContext, LaunchFailure> {
        let failed = |reason: FailureReason| LaunchFailure::new(reason, launch.trace_id.as_deref());
        let introspection = self.connector.smart().introspect(launch.launch.token()).await;
        let introspection = introspection.map_err(|error| failed(error.into()))?;
        let claims = introspection.launch().map_err(|error| failed(error.into()))?;
        // The domain has checked it; a server that does not must not let a launch into the wrong module.
        if !claims.audiences.iter().any(|audience| audience == self.connector.device()) {
            return Err(failed(FailureReason::Inactive));
        }
        Ok(self.launched(LaunchContext::from_claims(claims)))
    }

    /// Begins the login of the user: the URL to send the browser to, and what is needed when it comes back to
    /// the redirect URI, which is one that is registered for the application, verbatim.
    ///
    /// # Errors
    ///
    /// [`FailureReason::Service`]: the domain does not say where users log in.
    pub fn begin(
        &self,
        launch: &IncomingLaunch,
        redirect_uri: &str,
    ) -> Result<(Url, PendingLaunch), LaunchFailure> {
        let failed = |reason: FailureReason| LaunchFailure::new(reason, launch.trace_id.as_deref());
        let base = launch.launch.iss().unwrap_or(self.connector.domain().base());
        let request =
            AuthorizationRequest::new(self.connector.client_id(), redirect_uri, base, launch.launch.token());
        let endpoint = self.connector.domain().configuration().to_authorization();
        let endpoint = endpoint.map_err(|error| failed(koppeltaal_smart::Error::from(error).into()))?;
        let (url, authorization) = request.begin(&endpoint).map_err(|error| failed(error.into()))?;
        Ok((url, PendingLaunch { authorization, trace_id: launch.trace_id.clone() }))
    }

    /// Ends the login: `redirected` is the URL with which the browser came back, or its query. The `id_token`
    /// is checked. The AuditEvent "launched" is written in the background.
    ///
    /// # Errors
    ///
    /// [`LaunchFailure`]. The user must not be let in.
    pub async fn finish(
        &self,
        pending: &PendingLaunch,
        redirected: &str,
    ) -> Result<LaunchContext, LaunchFailure> {
        let failed = |reason: FailureReason| LaunchFailure::new(reason, pending.trace_id.as_deref());
        let code = pending.authorization.finish(redirected).map_err(|error| failed(error.into()))?;
        let result = self.connector.smart().exchange(&code).await.map_err(|error| failed(error.into()))?;
        let trace = pending.trace_id.as_deref().map_or_else(Trace::none, Trace::with_id);
        let context = LaunchContext::from_result(result, trace);
        Ok(self.launched(context.map_err(|missing| failed(FailureReason::Missing(missing)))?))
    }

    /// The page for a user who is not let in. The AuditEvent of the failure is written in the background.
    pub fn failure(&self, failure: &LaunchFailure) -> FailurePage {
        tracing::warn!(reference = failure.reference, reason = %failure.reason, "a launch failed");
        let event = ApplicationEvent::new(EventKind::Launched)
            .failed(failure.outcome(), &failure.reason.to_string())
            .trace(Trace::with_id(&failure.reference));
        self.connector.record_in_background(event);
        failure.page()
    }

    /// Writes the AuditEvent of a launch, with the version of the Task if the module may read it.
    fn launched(&self, context: LaunchContext) -> LaunchContext {
        let connector = self.connector.with_trace(context.trace.clone());
        let task = context.task.clone();
        self.connector.record_later(EventKind::Launched, async move {
            let read = connector.read::<Task>(&task).await;
            let task = read.map_or(task, |task| task.versioned_reference());
            ApplicationEvent::new(EventKind::Launched).about(task).trace(connector.trace().clone())
        });
        context
    }
}

impl IncomingLaunch {
    /// The HTI token.
    pub fn token(&self) -> &str {
        self.launch.token()
    }

    /// The trace id that the token names. The token is not checked yet: use it to find requests, and for
    /// nothing else.
    pub fn trace_id(&self) -> Option<&str> {
        self.trace_id.as_deref()
    }
}

impl PendingLaunch {
    /// Continues a login whose parts were stored, in the user's session for instance.
    pub fn resume(redirect_uri: &str, state: &str, code_verifier: &str, trace_id: Option<&str>) -> Self {
        let authorization = PendingAuthorization::resume(redirect_uri, state, code_verifier);
        Self { authorization, trace_id: trace_id.filter(|id| is_id(id)).map(str::to_owned) }
    }

    /// The `state`, which the browser has to bring back. Find the session by it.
    pub fn state(&self) -> &str {
        self.authorization.state()
    }

    /// The verifier, a secret of the session.
    pub fn code_verifier(&self) -> &str {
        self.authorization.code_verifier()
    }

    /// The trace id of the launch.
    pub fn trace_id(&self) -> Option<&str> {
        self.trace_id.as_deref()
    }
}

/// The identifier of the launch, as its token says it.
fn trace_id(token: &str) -> Option<String> {
    let token = UnverifiedJwt::parse(token).ok()?;
    token.unverified_claims().text("jti").filter(|jti| is_id(jti)).map(str::to_owned)
}

impl fmt::Debug for PendingLaunch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingLaunch").field("trace_id", &self.trace_id).finish_non_exhaustive()
    }
}
